/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * One direction of a TCP connection, put into order by sequence number: every byte once.
 * What was retransmitted is dropped; what came early is held until the gap before it closes.
 * A connection that needs more than REASSEMBLY_HELD_MAX bytes held is an error, not a guess.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REASSEMBLY_HELD_MAX (16u << 20)

struct reassembly_segment; /* one that came early */

struct reassembly {
	uint32_t next; /* sequence number of the next byte in order */
	struct reassembly_segment *held;
	size_t held_bytes;
	uint64_t retransmitted_bytes;
	uint64_t early_segments;
};

/* Takes bytes in order. */
typedef void (*reassembly_sink)(void *context, const uint8_t *bytes, size_t length);

/* first: sequence number of the first byte: the SYN's and 1. */
void reassembly_start(struct reassembly *reassembly, uint32_t first);

/* Frees what is held. */
void reassembly_free(struct reassembly *reassembly);

/* 0, -ENOMEM or -ENOBUFS (more than REASSEMBLY_HELD_MAX would be held). */
int reassembly_add(struct reassembly *reassembly, uint32_t sequence, const uint8_t *bytes,
	size_t length, reassembly_sink sink, void *context);

/* True if bytes are missing before others that came. */
static inline bool reassembly_has_gap(const struct reassembly *reassembly)
{
	return reassembly->held != NULL;
}
