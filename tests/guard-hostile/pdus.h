/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* PDUs of a host, one behind the other, honest or not, as bytes to be sent in any way. */
#include "nvme/nvme_tcp_encode.h"

#define PDUS_MAX       (256u << 10)
#define PDUS_EVIL_BYTE 0xee /* what the medium would hold after a denied write */
#define PDUS_BLOCK     512
#define PDUS_DENIED    1 /* the namespace that the policy protects */
#define PDUS_ALLOWED   2

struct pdus {
	struct nvme_tcp_format format;
	size_t length;
	uint8_t bytes[PDUS_MAX];
};

void pdus_clear(struct pdus *pdus);
/* Each returns where it begins. */
size_t pdus_bytes(struct pdus *pdus, const void *bytes, size_t length);
size_t pdus_fill(struct pdus *pdus, uint8_t value, size_t length);
size_t pdus_icreq(struct pdus *pdus);
size_t pdus_connect(struct pdus *pdus, uint16_t qid, uint16_t cntlid, const char *subsystem);
/* A command, and data in the capsule (NULL, 0: none). */
size_t pdus_command(
	struct pdus *pdus, const struct nvme_sqe *sqe, const void *data, uint32_t bytes);
size_t pdus_data(struct pdus *pdus, const struct nvme_tcp_data_fields *fields, const void *data);

/* A Write of one block to the protected namespace, its data in the capsule. */
size_t pdus_evil(struct pdus *pdus, uint16_t cid, uint64_t slba);
#define PDUS_EVIL_BYTES (72 + PDUS_BLOCK)
/* A Compare with this much data to come in the capsule, which is not written here; a Flush. */
size_t pdus_compare_front(struct pdus *pdus, uint16_t cid, uint32_t data_bytes);
size_t pdus_flush(struct pdus *pdus, uint16_t cid);

/* An I/O command with in-capsule data or an R2T's, of whole blocks. */
struct nvme_sqe pdus_sqe(uint8_t opcode, uint16_t cid, uint32_t nsid, uint64_t slba, uint32_t bytes,
	bool in_capsule);
