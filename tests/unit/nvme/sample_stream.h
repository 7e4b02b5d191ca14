/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* One direction of a connection, made up: every PDU that this side sends, in random order. */
#include "nvme/nvme_tcp_check.h"
#include "nvme/nvme_tcp_encode.h"

#define SAMPLE_BYTES 65536
#define SAMPLE_PDUS  64

struct sample_pdu {
	uint64_t offset;
	uint32_t data_offset; /* in bytes[] */
	uint32_t data_bytes;
	uint8_t type;
};

struct sample_stream {
	size_t length;
	unsigned int count;
	struct sample_pdu pdus[SAMPLE_PDUS];
	uint8_t bytes[SAMPLE_BYTES];
};

/* A small generator of pseudo-random numbers, the same on every machine. */
static inline uint32_t sample_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Begins with ICReq or ICResp; data is random, at most max_data bytes a PDU. */
void sample_stream_make(struct sample_stream *sample, enum nvme_tcp_side side,
	const struct nvme_tcp_format *format, unsigned int count, uint32_t max_data, uint32_t seed);
