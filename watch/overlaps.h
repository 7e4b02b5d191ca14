/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Writes to the same blocks of one namespace that are outstanding on two connections at once, found among the events of
 * bpf/stream/writes.bpf.h, or among commands of a record. A pair is reported when it is certain: the earlier one is seen to end after
 * the later one began, or its connection ended without that. doc/design/checks.md has the rules. Pure: no I/O, no clock.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/stream/check_shared.h"
#include "bpf/stream/event_shared.h"
#include "flow/overlap.h"
#include "nvme/nvme.h"

#define STOQ_OVERLAPS_WRITES 65536  /* outstanding, or of a record, at once */
#define STOQ_OVERLAPS_RANGES 262144 /* of these, and a range in several places several times */
#define STOQ_OVERLAPS_PAIRS  65536  /* that are not certain yet */
#define STOQ_OVERLAPS_NAMES  8192   /* hosts and subsystems */
#define STOQ_OVERLAPS_CUT_NS                                                                       \
	30000000000ull /* so long a write is feared whose connection has ended */

/* Where a queue's commands go. Names that are empty are not known: its writes are compared with none. */
struct stoq_overlap_place {
	const char *host, *subsystem; /* NQNs */
	int32_t cntlid;		      /* -1: not known */
};

/* The second one's connection is the one of the last event, or also gone. */
typedef void stoq_overlap_found(void *context, const struct stoq_overlap *overlap);

struct stoq_overlaps;

struct stoq_overlaps *stoq_overlaps_new(stoq_overlap_found *found, void *context);
void stoq_overlaps_free(struct stoq_overlaps *overlaps); /* NULL is fine */

/* An event of the program, in the order of the ring. 0 or -ENOMEM, which is counted: it is not compared with all others. */
int stoq_overlaps_take(struct stoq_overlaps *overlaps, const struct stoq_event_write *event,
	const struct stoq_overlap_place *place);

/* A command that has ended, in the order of the ends: of a record, which has no begins. As above. */
int stoq_overlaps_take_ended(struct stoq_overlaps *overlaps, const struct stoq_event_command *event,
	const struct stoq_overlap_place *place);

/* How many writes were compared, and how many not, or not with all others, and why. */
const struct stoq_overlap_counts *stoq_overlaps_counts(const struct stoq_overlaps *overlaps);
