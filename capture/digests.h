/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Header and data digests (NVMe/TCP Transport 3.3.1.1) of what one side of a connection sends: computed as the bytes come,
 * segment by segment. Nothing is kept of the data. A PDU of which bytes are missing, or come in another order, is left out.
 */
#include <stdint.h>

#include "nvme/nvme_tcp.h"

enum stoq_digest { STOQ_DIGEST_HEADER, STOQ_DIGEST_DATA };
#define STOQ_DIGESTS 2

struct stoq_digest_counts {
	uint64_t due[STOQ_DIGESTS];	/* PDUs that have one */
	uint64_t checked[STOQ_DIGESTS]; /* those whose bytes were all there */
};

/* The PDU at hand. All 0: no PDU. */
struct stoq_digest_pdu {
	uint32_t sequence; /* of its first byte */
	uint32_t next;	   /* the offset in it of the byte that is needed next, ... */
	uint32_t end;	   /* ... up to here; equal: nothing is needed */
	uint32_t data, data_end;
	uint32_t header_crc, data_crc; /* as nvme_crc32c_update() has them */
	uint8_t has_header, has_data;
	uint8_t came[NVME_TCP_DIGEST_LENGTH];
	uint8_t header[NVME_TCP_HEADER_MAX];
};

/* A digest is not the one of its bytes. */
struct stoq_digest_sink {
	void (*wrong)(void *context, enum stoq_digest which, uint32_t computed, uint32_t came);
	void *context;
	struct stoq_digest_counts *counts;
};

/* A header of HLEN bytes that passed nvme_tcp_check_header(); flags: which digests it has. */
void stoq_digest_begin(struct stoq_digest_pdu *pdu, const struct nvme_tcp_hdr *hdr,
	uint32_t sequence, uint8_t flags, struct stoq_digest_counts *counts);

/*
 * Bytes of the stream from this sequence number on, of which `length` are there. Those before and behind the PDU, and those
 * that were taken, are passed over.
 */
void stoq_digest_take(struct stoq_digest_pdu *pdu, uint32_t sequence, const uint8_t *bytes,
	uint32_t length, const struct stoq_digest_sink *sink);
