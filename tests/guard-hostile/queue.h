/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* One NVMe queue over our own TCP: brought up honestly, then the case's to misuse. */
#include "tests/guard-hostile/pdus.h"
#include "tests/guard-hostile/raw.h"

struct queue {
	struct raw raw;
	struct pdus pdus; /* what a case is about to send */
	struct nvme_tcp_format format;
	uint16_t qid, cntlid;
	uint32_t dw0;	     /* of the last response */
	const char *problem; /* after a false */
};

#define QUEUE_NO_ANSWER	       0xffff
/* How long an answer may take: as long as a segment is sent again. */
#define QUEUE_ANSWER_MS(queue) ((int)(queue)->raw.tries * RAW_AGAIN_MS)

/* TCP's handshake, ICReq, Connect. cntlid FFFFh for an admin queue. */
bool queue_start(struct queue *queue, uint16_t qid, uint16_t cntlid, const char *subsystem);
/* The parts of it behind TCP's handshake. */
bool queue_initialise(struct queue *queue);
bool queue_connect(struct queue *queue, uint16_t qid, uint16_t cntlid, const char *subsystem);
/* Sets CC.EN and waits for CSTS.RDY; of an admin queue. */
bool queue_enable(struct queue *queue);

/* Sends what was written into pdus, honestly, and clears it. */
bool queue_flush(struct queue *queue);
/* The next PDU that came from the controller, whole; NULL: none came. Valid until the next call. */
const struct nvme_tcp_hdr *queue_next(struct queue *queue, int milliseconds);
/* Waits for the response to this command: its status; other PDUs are passed over. */
uint16_t queue_response(struct queue *queue, uint16_t cid);
/* Waits for an R2T for this command. False: none came. */
bool queue_r2t(struct queue *queue, uint16_t cid, struct nvme_tcp_r2t_pdu *r2t);
/* A whole command with data in the capsule, honestly sent, and its status. */
uint16_t queue_run(
	struct queue *queue, const struct nvme_sqe *sqe, const void *data, uint32_t bytes);
