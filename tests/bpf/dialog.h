/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A host and a controller that talk over one connection, PDU by PDU, through the rig. */
#include "nvme/nvme_tcp_encode.h"
#include "tests/bpf/rig.h"

struct dialog {
	struct rig *rig;
	struct wire_path path;
	struct nvme_tcp_format format;
	uint8_t hostid[16];		   /* in Connect */
	uint32_t sequence[NVME_TCP_SIDES]; /* next byte of each side */
	/* What was written and not sent yet, of one side. */
	uint8_t bytes[65536];
	size_t length;
};

/* A new connection on an empty rig; with SYNs if they should be seen. */
void dialog_open(struct dialog *dialog, struct rig *rig, bool with_syn);

/* Write PDUs for the next dialog_send(). */
void dialog_icreq(struct dialog *dialog);
void dialog_icresp(struct dialog *dialog);
void dialog_connect(struct dialog *dialog, uint16_t cid, uint16_t qid);
void dialog_command(struct dialog *dialog, const struct nvme_io_fields *fields);
void dialog_response(struct dialog *dialog, uint16_t cid, uint16_t status, uint32_t dw0);
void dialog_data(struct dialog *dialog, const struct nvme_tcp_data_fields *fields);
void dialog_r2t(
	struct dialog *dialog, uint16_t cid, uint16_t ttag, uint32_t offset, uint32_t length);
void dialog_bytes(struct dialog *dialog, const void *bytes, size_t length);

/* Sends what was written, in segments of up to `piece` bytes. */
void dialog_send_cut(struct dialog *dialog, enum nvme_tcp_side side, size_t piece);
void dialog_send(struct dialog *dialog, enum nvme_tcp_side side);
/* Takes what was written as sent, but the program does not see it. */
void dialog_lose(struct dialog *dialog, enum nvme_tcp_side side);
/* Sends bytes at a sequence number of one's own. */
void dialog_send_at(struct dialog *dialog, enum nvme_tcp_side side, uint32_t sequence,
	const void *bytes, size_t length);
void dialog_flag(struct dialog *dialog, enum nvme_tcp_side side, uint8_t flag);

/* ICReq, ICResp, Connect of queue qid, its response with CNTLID 5. */
void dialog_establish(struct dialog *dialog, uint16_t qid);

/* A read of 4096 bytes of namespace 1, and its end by CapsuleResp or by SUCCESS. */
void dialog_read(struct dialog *dialog, uint16_t cid, bool success_flag);
struct nvme_io_fields dialog_read_fields(uint16_t cid);

#define DIALOG_HOST_NQN	     "nqn.2014-08.org.nvmexpress:uuid:11111111-2222-3333-4444-555555555555"
#define DIALOG_SUBSYSTEM_NQN "nqn.2026-11.test:subsystem"
