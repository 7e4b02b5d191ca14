// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "watch/overlaps_private.h"

/*
 * Ranges are found by the chunks of blocks that they touch; those that touch many are in a list of their own, as are the
 * ranges of no known length.
 */
#define CHUNK_SHIFT 11
#define CHUNKS_MAX  16
#define NSID_BITS   32

/* ---- pairs ---- */

static void leave_second(const struct stoq_overlaps_pair *pair)
{
	struct stoq_overlaps_pair **at = pair->second ? &pair->second->seconds : NULL;

	while (at && *at != pair)
		at = &(*at)->next_second;
	if (at)
		*at = pair->next_second;
}

void stoq_overlaps_settle(
	struct stoq_overlaps *overlaps, struct stoq_tracked_write *first, bool certain)
{
	while (first->firsts) {
		struct stoq_overlaps_pair *pair = first->firsts;

		first->firsts = pair->next;
		leave_second(pair);
		pair->overlap.first.end_ns = first->end_ns;
		pair->overlap.first.end = first->end;
		if (certain && (first->end == STOQ_OVERLAP_CUT ||
				       first->end_ns > pair->overlap.second.start_ns)) {
			overlaps->counts.found++;
			overlaps->found(overlaps->context, &pair->overlap);
		}
		free(pair);
		overlaps->pairs--;
	}
}

void stoq_overlaps_note_second(struct stoq_tracked_write *second)
{
	while (second->seconds) {
		struct stoq_overlaps_pair *pair = second->seconds;

		second->seconds = pair->next_second;
		pair->second = NULL;
		pair->overlap.second.end_ns = second->end_ns;
		pair->overlap.second.end = second->end;
	}
}

static struct stoq_overlap_write describe(
	const struct stoq_tracked_write *write, const struct stoq_overlaps_node *node)
{
	return (struct stoq_overlap_write){.slba = node->slba,
		.blocks = node->blocks,
		.start_ns = write->start_ns,
		.end_ns = write->end_ns,
		.uid = write->uid,
		.cid = write->cid,
		.opcode = write->opcode,
		.end = write->end};
}

/*
 * Hosts compare and write the same block at once on purpose (locks of cluster file systems); one host that does so on two
 * paths has sent the same again.
 */
static bool is_meant(const struct stoq_tracked_write *one, const struct stoq_tracked_write *other)
{
	return ((one->flags | other->flags) & STOQ_WRITE_FUSED) &&
	       (!one->host || one->host != other->host);
}

static int add_pair(struct stoq_overlaps *overlaps, struct stoq_overlaps_node *first,
	struct stoq_overlaps_node *second)
{
	struct stoq_overlaps_pair *pair;

	if (overlaps->pairs >= STOQ_OVERLAPS_PAIRS) {
		overlaps->counts.full++;
		return 0;
	}
	pair = calloc(1, sizeof(*pair));
	if (!pair)
		return -ENOMEM;
	overlaps->pairs++;
	pair->overlap.first = describe(first->write, first);
	pair->overlap.second = describe(second->write, second);
	pair->overlap.nsid = first->write->nsid;
	pair->overlap.same_host = first->write->host && first->write->host == second->write->host;
	pair->second = second->write;
	pair->next = first->write->firsts;
	first->write->firsts = pair;
	pair->next_second = second->write->seconds;
	second->write->seconds = pair;
	return 0;
}

/* ---- ranges ---- */

static uint32_t bucket_of(const struct stoq_tracked_write *write, uint64_t chunk)
{
	uint64_t hash =
		chunk * 0x9e3779b97f4a7c15u ^
		((uint64_t)write->subsystem << NSID_BITS | write->nsid) * 0xc2b2ae3d27d4eb4fu;

	return (uint32_t)(hash >> 40) % STOQ_OVERLAPS_BUCKETS;
}

static bool touches_many(const struct stoq_overlaps_node *node)
{
	return node->end - 1 - node->slba >= (uint64_t)(CHUNKS_MAX - 1) << CHUNK_SHIFT;
}

static void link_node(
	struct stoq_overlaps *overlaps, struct stoq_overlaps_node *node, uint32_t list)
{
	node->list = list;
	node->next = overlaps->buckets[list];
	if (node->next)
		node->next->previous = node;
	overlaps->buckets[list] = node;
}

static void unlink_node(struct stoq_overlaps *overlaps, const struct stoq_overlaps_node *node)
{
	if (node->next)
		node->next->previous = node->previous;
	if (node->previous)
		node->previous->next = node->next;
	else
		overlaps->buckets[node->list] = node->next;
}

static int add_node(
	struct stoq_overlaps *overlaps, const struct stoq_overlaps_node *range, uint32_t list)
{
	struct stoq_overlaps_node *node;

	if (overlaps->nodes >= STOQ_OVERLAPS_RANGES) {
		overlaps->counts.full++;
		return 0;
	}
	node = malloc(sizeof(*node));
	if (!node)
		return -ENOMEM;
	overlaps->nodes++;
	*node = *range;
	node->next = node->previous = NULL;
	node->sibling = node->write->nodes;
	node->write->nodes = node;
	link_node(overlaps, node, list);
	return 0;
}

bool stoq_overlaps_is_over(const struct stoq_tracked_write *write, uint64_t now_ns)
{
	if (write->end == STOQ_OVERLAP_ENDED)
		return write->end_ns <= now_ns;
	return write->end == STOQ_OVERLAP_CUT && now_ns > write->end_ns &&
	       now_ns - write->end_ns > STOQ_OVERLAPS_CUT_NS;
}

/* A pair with each write of this list that overlaps with the range, once. 0 or -ENOMEM. */
static int ask_list(struct stoq_overlaps *overlaps, struct stoq_overlaps_node *range, uint32_t list)
{
	struct stoq_tracked_write *write = range->write;
	int result = 0;

	for (struct stoq_overlaps_node *node = overlaps->buckets[list]; node && !result;
		node = node->next) {
		struct stoq_tracked_write *other = node->write;

		if (other->uid == write->uid || other->asked == overlaps->question ||
			other->subsystem != write->subsystem || other->nsid != write->nsid ||
			node->slba >= range->end || range->slba >= node->end ||
			stoq_overlaps_is_over(other, write->start_ns) || is_meant(other, write))
			continue;
		other->asked = overlaps->question;
		result = other->start_ns <= write->start_ns ? add_pair(overlaps, node, range)
							    : add_pair(overlaps, range, node);
		/* It was certain before: it waits for nothing. */
		if (!result && other->end != STOQ_OVERLAP_OUTSTANDING)
			stoq_overlaps_settle(overlaps, other, true);
	}
	return result;
}

/* A range that touches many chunks is compared with all. */
static int ask_all(struct stoq_overlaps *overlaps, struct stoq_overlaps_node *range)
{
	int result = 0;

	for (uint32_t list = 0; list <= STOQ_OVERLAPS_BUCKETS && !result; list++)
		result = overlaps->buckets[list] ? ask_list(overlaps, range, list) : 0;
	return result;
}

static int ask(struct stoq_overlaps *overlaps, struct stoq_overlaps_node *range)
{
	int result = touches_many(range) ? ask_all(overlaps, range)
					 : ask_list(overlaps, range, STOQ_OVERLAPS_BUCKETS);

	for (uint64_t chunk = range->slba >> CHUNK_SHIFT;
		!result && !touches_many(range) && chunk <= (range->end - 1) >> CHUNK_SHIFT;
		chunk++)
		result = ask_list(overlaps, range, bucket_of(range->write, chunk));
	return result;
}

int stoq_overlaps_add_range(struct stoq_overlaps *overlaps, struct stoq_tracked_write *write,
	uint64_t slba, uint32_t blocks)
{
	struct stoq_overlaps_node range = {.write = write, .slba = slba, .blocks = blocks};
	int result;

	if (!blocks)
		return 0;
	range.end = blocks == STOQ_WRITE_ALL_BLOCKS || slba + blocks < slba ? UINT64_MAX
									    : slba + blocks;
	result = ask(overlaps, &range);
	if (touches_many(&range))
		return result ? result : add_node(overlaps, &range, STOQ_OVERLAPS_BUCKETS);
	for (uint64_t chunk = slba >> CHUNK_SHIFT;
		!result && chunk <= (range.end - 1) >> CHUNK_SHIFT; chunk++)
		result = add_node(overlaps, &range, bucket_of(write, chunk));
	return result;
}

void stoq_overlaps_remove_ranges(struct stoq_overlaps *overlaps, struct stoq_tracked_write *write)
{
	while (write->nodes) {
		struct stoq_overlaps_node *node = write->nodes;

		write->nodes = node->sibling;
		unlink_node(overlaps, node);
		free(node);
		overlaps->nodes--;
	}
}
