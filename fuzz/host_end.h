/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A host that may send any frame, for fuzz_guard_target.c: its stream as it means it, and segments that carry it, or
 * something else, to the guard and the target behind it (target_end.h).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/guard-hostile/packet.h"
#include "tests/guard-hostile/pdus.h"

#define SEGMENT_MAX 1400

struct host_end {
	struct pdus meant;     /* its stream as it means it */
	struct pdus harmful;   /* writes, as long as any segment */
	struct packet form;    /* of its packets */
	struct packet oddness; /* of the next one: what is not zero here */
	uint32_t first;	       /* its ISN + 1 */
	uint32_t sent;	       /* of meant, in order */
	bool deviates;	       /* it has done what an honest host does not */
	bool loses;	       /* its next packet is lost behind the guard */
	bool gaps;	       /* segments came before what they follow */
};
extern struct host_end host_end;

/* A packet with payload that belongs at a place of the stream. */
struct packet host_end_segment(uint32_t place, uint8_t flags, const void *payload, size_t bytes);
/* Sends one, with the oddness that was set. */
void host_end_emit(struct packet packet);
void host_end_send(uint32_t place, const uint8_t *bytes, size_t length);
/* What is meant to be sent next, so many bytes of it at most. */
void host_end_send_next(size_t length);
/* How many bytes are meant from a place on: `length` at most, and no more than a segment has. */
size_t host_end_at_most(size_t place, size_t length);

/* A connection, with this ISN; nothing is meant yet. */
void host_end_open(uint32_t isn);
/*
 * What an honest host does in the end: what was not acknowledged, again, as it was meant. A connection that the guard
 * ends takes it up to three times: a reset, what asks for an acknowledgement, an exact reset (bpf/guard/end.bpf.h).
 */
void host_end_finish(void);
/* Fills host_end.harmful; shift: where its first PDU begins. */
void host_end_write_harmful(uint32_t shift);
