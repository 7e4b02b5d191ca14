/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Packets on their way to the datapath, joined into buffers of equal segments. A packet is written
 * where it will be sent from: reserve, write, commit.
 */
#include <stdbool.h>

#include "datapath/datapath.h"

#define STOQ_OUTBOX_BUFFERS	 16
/* What the kernel takes at most as one message, headers of IPv6 and UDP left out. */
#define STOQ_OUTBOX_BUFFER_BYTES 65487

struct stoq_connection;
struct stoq_worker;

struct stoq_outbox {
	struct stoq_batch datagrams[STOQ_OUTBOX_BUFFERS];
	struct stoq_connection *owners[STOQ_OUTBOX_BUFFERS]; /* whose packets; may be NULL */
	uint8_t *memory;
	unsigned int first, count; /* a ring */
	unsigned int segments;	   /* in the last */
	bool sealed;		   /* the last takes no more */
	bool blocked;		   /* the datapath takes nothing now */
};

int stoq_outbox_init(struct stoq_outbox *outbox);
void stoq_outbox_destroy(struct stoq_outbox *outbox);

/* Room for a packet of that size; NULL: the datapath is blocked and everything is full. */
uint8_t *stoq_outbox_reserve(struct stoq_worker *worker, size_t size);
/* The packet is there. path: from where to where. */
void stoq_outbox_commit(struct stoq_worker *worker, struct stoq_connection *owner, size_t size,
	const struct stoq_address *local, const struct stoq_address *remote, uint8_t ecn);

/* Hands everything to the datapath; what it does not take stays. */
void stoq_outbox_flush(struct stoq_worker *worker);

/* The connection is gone. */
void stoq_outbox_forget(struct stoq_outbox *outbox, const struct stoq_connection *owner);
