// SPDX-License-Identifier: BSD-2-Clause
#include "tests/judge/reassembly.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reassembly_segment {
	struct reassembly_segment *later; /* sorted by sequence number */
	uint32_t sequence;
	size_t length;
	uint8_t bytes[];
};

static int32_t distance(uint32_t from, uint32_t to)
{
	return (int32_t)(to - from);
}

void reassembly_start(struct reassembly *reassembly, uint32_t first)
{
	*reassembly = (struct reassembly){.next = first};
}

void reassembly_free(struct reassembly *reassembly)
{
	while (reassembly->held) {
		struct reassembly_segment *segment = reassembly->held;

		reassembly->held = segment->later;
		free(segment);
	}
	reassembly->held_bytes = 0;
}

static int hold(
	struct reassembly *reassembly, uint32_t sequence, const uint8_t *bytes, size_t length)
{
	struct reassembly_segment **place = &reassembly->held, *segment;

	if (reassembly->held_bytes + length > REASSEMBLY_HELD_MAX)
		return -ENOBUFS;
	segment = malloc(sizeof(*segment) + length);
	if (!segment)
		return -ENOMEM;
	segment->sequence = sequence;
	segment->length = length;
	memcpy(segment->bytes, bytes, length);
	while (*place && distance((*place)->sequence, sequence) > 0)
		place = &(*place)->later;
	segment->later = *place;
	*place = segment;
	reassembly->held_bytes += length;
	reassembly->early_segments++;
	return 0;
}

/* Hands on what is new of a segment that begins at `next` or before. */
static void take(struct reassembly *reassembly, uint32_t sequence, const uint8_t *bytes,
	size_t length, reassembly_sink sink, void *context)
{
	size_t old = (uint32_t)distance(sequence, reassembly->next);

	if (old > length)
		old = length;
	reassembly->retransmitted_bytes += old;
	if (old == length)
		return;
	reassembly->next += (uint32_t)(length - old);
	sink(context, bytes + old, length - old);
}

static void take_held(struct reassembly *reassembly, reassembly_sink sink, void *context)
{
	struct reassembly_segment *segment = reassembly->held;

	while (segment && distance(reassembly->next, segment->sequence) <= 0) {
		reassembly->held = segment->later;
		reassembly->held_bytes -= segment->length;
		take(reassembly, segment->sequence, segment->bytes, segment->length, sink, context);
		free(segment);
		segment = reassembly->held;
	}
}

int reassembly_add(struct reassembly *reassembly, uint32_t sequence, const uint8_t *bytes,
	size_t length, reassembly_sink sink, void *context)
{
	if (!length)
		return 0;
	if (distance(reassembly->next, sequence) > 0)
		return hold(reassembly, sequence, bytes, length);
	take(reassembly, sequence, bytes, length, sink, context);
	take_held(reassembly, sink, context);
	return 0;
}
