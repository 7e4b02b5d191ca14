/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Writes, their ranges and the pairs of them that overlap: overlaps.c takes writes from events and records, overlap_ranges.c
 * compares their ranges.
 */
#include "base/hash_table.h"
#include "watch/overlaps.h"

#define STOQ_OVERLAPS_BUCKETS  65536
#define STOQ_OVERLAPS_COMPARES 64

struct stoq_tracked_write;

/* One range of a write, in one list. */
struct stoq_overlaps_node {
	struct stoq_overlaps_node *next, *previous;
	struct stoq_tracked_write *write;
	uint64_t slba, end; /* the block after the last one */
	uint32_t blocks;
	uint32_t list;
	struct stoq_overlaps_node *sibling; /* of the same write */
};

struct stoq_overlaps_pair {
	struct stoq_overlap overlap;
	struct stoq_overlaps_pair *next;	/* of the same first one */
	struct stoq_overlaps_pair *next_second; /* of the same second one */
	struct stoq_tracked_write *second;	/* NULL: it has ended */
};

struct stoq_tracked_write {
	uint64_t key; /* flow and CID; of a record, a number */
	uint32_t uid;
	uint32_t host, subsystem, nsid;
	int32_t cntlid;
	uint16_t cid, epoch;
	uint8_t opcode, flags, end;
	uint64_t start_ns, end_ns;
	struct stoq_overlaps_node *nodes;
	struct stoq_overlaps_pair *firsts,
		*seconds; /* pairs in which it is the first, the second */
	uint64_t asked;	  /* the last question that it was an answer to */
	UT_hash_handle hh;
};

struct stoq_overlaps_name {
	char text[NVME_NQN_LENGTH + 1];
	uint32_t number;
	UT_hash_handle hh;
};

struct stoq_overlaps {
	stoq_overlap_found *found;
	void *context;
	struct stoq_tracked_write *writes; /* in the order in which they came */
	struct stoq_overlaps_name *names;
	struct stoq_overlaps_node *
		buckets[STOQ_OVERLAPS_BUCKETS + 1]; /* the last one: those that touch many chunks */
	struct stoq_overlap_counts counts;
	size_t pairs, nodes;
	uint64_t expired_ns; /* when those that are too old were looked for */
	uint64_t question;
	uint64_t numbers;      /* of a record's writes */
	uint64_t forgotten_ns; /* of a record: an end that is not remembered */
	uint32_t lost;
	struct stoq_event_command compares[STOQ_OVERLAPS_COMPARES];
	size_t compare_count;
};

/* A range of a write: compared with all others, and kept for those that come. 0 or -ENOMEM. */
int stoq_overlaps_add_range(struct stoq_overlaps *overlaps, struct stoq_tracked_write *write,
	uint64_t slba, uint32_t blocks);

/* Frees the ranges of a write. */
void stoq_overlaps_remove_ranges(struct stoq_overlaps *overlaps, struct stoq_tracked_write *write);

/* The pairs in which a write is the first are reported, if they are certain, and freed. */
void stoq_overlaps_settle(
	struct stoq_overlaps *overlaps, struct stoq_tracked_write *first, bool certain);

/* The second one of these has ended, or its connection has; the pairs go on. */
void stoq_overlaps_note_second(struct stoq_tracked_write *second);

/* Whether a write was done, or is not feared any more, when the other one began. */
bool stoq_overlaps_is_over(const struct stoq_tracked_write *write, uint64_t now_ns);
