/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Unreliable datagrams (RFC 9221) that wait to be sent. */
#include <stddef.h>
#include <stdint.h>

/* What ngtcp2 reports probes by: this, and the size. Those of the application count from 1. */
#define STOQ_PROBE_ID (1ull << 63)

/* Packet header, frame header and tag around a datagram of ours, at most. */
#define STOQ_DATAGRAM_OVERHEAD 48

struct stoq_queued_datagram {
	uint64_t id;
	size_t size; /* of data */
	uint8_t *data;
};

struct stoq_budget_account;

struct stoq_datagrams {
	struct stoq_budget_account *account; /* whose memory it is */
	struct stoq_queued_datagram *ring;
	uint32_t capacity;
	uint32_t first, count;
	uint64_t next_id;
};

/* What a DATAGRAM frame has before so many bytes: its type, and their number. */
static inline size_t stoq_datagram_frame_header(size_t size)
{
	return size < 64 ? 2 : size < 16384 ? 3 : 5;
}

/* Takes a copy. 0, -EAGAIN: max are queued, or no memory may be held;
 * -ENOMEM. */
int stoq_datagrams_put(struct stoq_datagrams *datagrams, uint32_t max, const void *data,
	size_t size, uint64_t *id);
/* The next to be sent; NULL: none. */
const struct stoq_queued_datagram *stoq_datagrams_first(const struct stoq_datagrams *datagrams);
void stoq_datagrams_drop_first(struct stoq_datagrams *datagrams);
void stoq_datagrams_clear(struct stoq_datagrams *datagrams);
