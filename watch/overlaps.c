// SPDX-License-Identifier: BSD-2-Clause
#include "watch/overlaps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_table.h"

/*
 * Ranges are found by the chunks of blocks that they touch; those that touch many are in a list of their own, as are the
 * ranges of no known length.
 */
#define CHUNK_SHIFT	   11
#define CHUNKS_MAX	   16
#define BUCKETS		   65536
#define NSID_BITS	   32
#define COMPARES	   64
#define COMPARE_NEAR_NS	   1000000
#define EXPIRE_INTERVAL_NS 1000000000ull
#define STALE_NS	   600000000000ull

struct write;

/* One range of a write, in one list. */
struct node {
	struct node *next, *previous;
	struct write *write;
	uint64_t slba, end; /* the block after the last one */
	uint32_t blocks;
	uint32_t list;
	struct node *sibling; /* of the same write */
};

struct pair {
	struct stoq_overlap overlap;
	struct pair *next;	  /* of the same first one */
	struct pair *next_second; /* of the same second one */
	struct write *second;	  /* NULL: it has ended */
};

struct write {
	uint64_t key; /* flow and CID; of a record, a number */
	uint32_t uid;
	uint32_t host, subsystem, nsid;
	int32_t cntlid;
	uint16_t cid, epoch;
	uint8_t opcode, flags, end;
	uint64_t start_ns, end_ns;
	struct node *nodes;
	struct pair *firsts, *seconds; /* pairs in which it is the first, the second */
	uint64_t asked;		       /* the last question that it was an answer to */
	UT_hash_handle hh;
};

struct name {
	char text[NVME_NQN_LENGTH + 1];
	uint32_t number;
	UT_hash_handle hh;
};

struct stoq_overlaps {
	stoq_overlap_found *found;
	void *context;
	struct write *writes; /* in the order in which they came */
	struct name *names;
	struct node *buckets[BUCKETS + 1]; /* the last one: those that touch many chunks */
	struct stoq_overlap_counts counts;
	size_t pairs, nodes;
	uint64_t expired_ns; /* when those that are too old were looked for */
	uint64_t question;
	uint64_t numbers;      /* of a record's writes */
	uint64_t forgotten_ns; /* of a record: an end that is not remembered */
	uint32_t lost;
	struct stoq_event_command compares[COMPARES];
	size_t compare_count;
};

/* ---- names ---- */

/* 0: not known, or no room. */
static uint32_t number_of(struct stoq_overlaps *overlaps, const char *text)
{
	struct name *name;
	size_t length = strnlen(text, NVME_NQN_LENGTH);

	HASH_FIND(hh, overlaps->names, text, length, name);
	if (name || !length)
		return name ? name->number : 0;
	if (HASH_COUNT(overlaps->names) >= STOQ_OVERLAPS_NAMES)
		return 0;
	name = calloc(1, sizeof(*name));
	if (!name)
		return 0;
	memcpy(name->text, text, length);
	name->number = HASH_COUNT(overlaps->names) + 1;
	HASH_ADD(hh, overlaps->names, text, length, name);
	return name->number;
}

/* ---- pairs ---- */

static void leave_second(const struct pair *pair)
{
	struct pair **at = pair->second ? &pair->second->seconds : NULL;

	while (at && *at != pair)
		at = &(*at)->next_second;
	if (at)
		*at = pair->next_second;
}

/* What was feared of a write is certain, or it is dropped. */
static void settle(struct stoq_overlaps *overlaps, struct write *first, bool certain)
{
	while (first->firsts) {
		struct pair *pair = first->firsts;

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

/* The second one of these has ended, or its connection has; the pairs go on. */
static void note_second(struct write *second)
{
	while (second->seconds) {
		struct pair *pair = second->seconds;

		second->seconds = pair->next_second;
		pair->second = NULL;
		pair->overlap.second.end_ns = second->end_ns;
		pair->overlap.second.end = second->end;
	}
}

static struct stoq_overlap_write describe(const struct write *write, const struct node *node)
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
static bool is_meant(const struct write *one, const struct write *other)
{
	return ((one->flags | other->flags) & STOQ_WRITE_FUSED) &&
	       (!one->host || one->host != other->host);
}

static int add_pair(struct stoq_overlaps *overlaps, struct node *first, struct node *second)
{
	struct pair *pair;

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

static uint32_t bucket_of(const struct write *write, uint64_t chunk)
{
	uint64_t hash =
		chunk * 0x9e3779b97f4a7c15u ^
		((uint64_t)write->subsystem << NSID_BITS | write->nsid) * 0xc2b2ae3d27d4eb4fu;

	return (uint32_t)(hash >> 40) % BUCKETS;
}

static bool touches_many(const struct node *node)
{
	return node->end - 1 - node->slba >= (uint64_t)(CHUNKS_MAX - 1) << CHUNK_SHIFT;
}

static void link_node(struct stoq_overlaps *overlaps, struct node *node, uint32_t list)
{
	node->list = list;
	node->next = overlaps->buckets[list];
	if (node->next)
		node->next->previous = node;
	overlaps->buckets[list] = node;
}

static void unlink_node(struct stoq_overlaps *overlaps, const struct node *node)
{
	if (node->next)
		node->next->previous = node->previous;
	if (node->previous)
		node->previous->next = node->next;
	else
		overlaps->buckets[node->list] = node->next;
}

static int add_node(struct stoq_overlaps *overlaps, const struct node *range, uint32_t list)
{
	struct node *node;

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

/* Whether a write was done, or is not feared any more, when the other one began. */
static bool is_over(const struct write *write, uint64_t now_ns)
{
	if (write->end == STOQ_OVERLAP_ENDED)
		return write->end_ns <= now_ns;
	return write->end == STOQ_OVERLAP_CUT && now_ns > write->end_ns &&
	       now_ns - write->end_ns > STOQ_OVERLAPS_CUT_NS;
}

/* A pair with each write of this list that overlaps with the range, once. 0 or -ENOMEM. */
static int ask_list(struct stoq_overlaps *overlaps, struct node *range, uint32_t list)
{
	struct write *write = range->write;
	int result = 0;

	for (struct node *node = overlaps->buckets[list]; node && !result; node = node->next) {
		struct write *other = node->write;

		if (other->uid == write->uid || other->asked == overlaps->question ||
			other->subsystem != write->subsystem || other->nsid != write->nsid ||
			node->slba >= range->end || range->slba >= node->end ||
			is_over(other, write->start_ns) || is_meant(other, write))
			continue;
		other->asked = overlaps->question;
		result = other->start_ns <= write->start_ns ? add_pair(overlaps, node, range)
							    : add_pair(overlaps, range, node);
		/* It was certain before: it waits for nothing. */
		if (!result && other->end != STOQ_OVERLAP_OUTSTANDING)
			settle(overlaps, other, true);
	}
	return result;
}

/* A range that touches many chunks is compared with all. */
static int ask_all(struct stoq_overlaps *overlaps, struct node *range)
{
	int result = 0;

	for (uint32_t list = 0; list <= BUCKETS && !result; list++)
		result = overlaps->buckets[list] ? ask_list(overlaps, range, list) : 0;
	return result;
}

static int ask(struct stoq_overlaps *overlaps, struct node *range)
{
	int result =
		touches_many(range) ? ask_all(overlaps, range) : ask_list(overlaps, range, BUCKETS);

	for (uint64_t chunk = range->slba >> CHUNK_SHIFT;
		!result && !touches_many(range) && chunk <= (range->end - 1) >> CHUNK_SHIFT;
		chunk++)
		result = ask_list(overlaps, range, bucket_of(range->write, chunk));
	return result;
}

/* A range of a write: compared with all others, and kept for those that come. */
static int add_range(
	struct stoq_overlaps *overlaps, struct write *write, uint64_t slba, uint32_t blocks)
{
	struct node range = {.write = write, .slba = slba, .blocks = blocks};
	int result;

	if (!blocks)
		return 0;
	range.end = blocks == STOQ_WRITE_ALL_BLOCKS || slba + blocks < slba ? UINT64_MAX
									    : slba + blocks;
	result = ask(overlaps, &range);
	if (touches_many(&range))
		return result ? result : add_node(overlaps, &range, BUCKETS);
	for (uint64_t chunk = slba >> CHUNK_SHIFT;
		!result && chunk <= (range.end - 1) >> CHUNK_SHIFT; chunk++)
		result = add_node(overlaps, &range, bucket_of(write, chunk));
	return result;
}

/* ---- writes ---- */

static uint64_t key_of(uint32_t uid, uint16_t cid)
{
	return (uint64_t)uid << 16 | cid;
}

static struct write *find(struct stoq_overlaps *overlaps, uint64_t key)
{
	struct write *write;

	HASH_FIND(hh, overlaps->writes, &key, sizeof(key), write);
	return write;
}

/* certain: of the pairs that wait for its end. */
static void drop(struct stoq_overlaps *overlaps, struct write *write, bool certain)
{
	settle(overlaps, write, certain);
	note_second(write);
	while (write->nodes) {
		struct node *node = write->nodes;

		write->nodes = node->sibling;
		unlink_node(overlaps, node);
		free(node);
		overlaps->nodes--;
	}
	HASH_DEL(overlaps->writes, write);
	free(write);
}

static void drop_all(struct stoq_overlaps *overlaps)
{
	struct write *write, *next;

	HASH_ITER(hh, overlaps->writes, write, next)
	{
		write->end_ns = 0;
		drop(overlaps, write, false);
	}
}

/* NULL: it is compared with none, which is counted, or no memory. */
static struct write *add_write(
	struct stoq_overlaps *overlaps, uint64_t key, const struct stoq_overlap_place *place)
{
	uint32_t subsystem = number_of(overlaps, place->subsystem);
	struct write *write;

	if (!subsystem)
		overlaps->counts.unnamed++;
	else if (HASH_COUNT(overlaps->writes) >= STOQ_OVERLAPS_WRITES)
		overlaps->counts.full++;
	if (!subsystem || HASH_COUNT(overlaps->writes) >= STOQ_OVERLAPS_WRITES)
		return NULL;
	write = calloc(1, sizeof(*write));
	if (!write)
		return NULL;
	overlaps->counts.compared++;
	overlaps->question++;
	write->key = key;
	write->subsystem = subsystem;
	write->host = number_of(overlaps, place->host);
	write->cntlid = place->cntlid;
	HASH_ADD(hh, overlaps->writes, key, sizeof(write->key), write);
	return write;
}

/* Makes room: those whose connection ended long ago, and those that will not be seen to end. */
static void expire(struct stoq_overlaps *overlaps, uint64_t now_ns)
{
	struct write *write, *next;

	if (HASH_COUNT(overlaps->writes) < STOQ_OVERLAPS_WRITES / 2 ||
		now_ns - overlaps->expired_ns < EXPIRE_INTERVAL_NS)
		return;
	overlaps->expired_ns = now_ns;
	HASH_ITER(hh, overlaps->writes, write, next)
	{
		if (is_over(write, now_ns) || now_ns - write->start_ns > STALE_NS)
			drop(overlaps, write, false);
	}
}

static int begin(struct stoq_overlaps *overlaps, const struct stoq_event_write *event,
	const struct stoq_overlap_place *place)
{
	struct write *write = find(overlaps, key_of(event->uid, event->cid));

	if (write) /* its end was not seen */
		drop(overlaps, write, false);
	expire(overlaps, event->time_ns);
	write = add_write(overlaps, key_of(event->uid, event->cid), place);
	if (!write)
		return 0;
	write->uid = event->uid;
	write->cid = event->cid;
	write->nsid = event->nsid;
	write->epoch = event->epoch;
	write->opcode = event->opcode;
	write->flags = event->flags;
	write->start_ns = event->time_ns;
	return add_range(overlaps, write, event->slba, event->blocks);
}

static int add_event_range(struct stoq_overlaps *overlaps, const struct stoq_event_write *event)
{
	struct write *write = find(overlaps, key_of(event->uid, event->cid));

	return write && write->opcode == event->opcode
		       ? add_range(overlaps, write, event->slba, event->blocks)
		       : 0;
}

static void end(struct stoq_overlaps *overlaps, const struct stoq_event_write *event)
{
	struct write *write = find(overlaps, key_of(event->uid, event->cid));

	if (!write)
		return;
	write->end = STOQ_OVERLAP_ENDED;
	write->end_ns = event->time_ns;
	drop(overlaps, write, write->epoch == event->epoch && !(event->flags & STOQ_WRITE_EARLY));
}

/* Without their completion the target may go on with them, until it notices that the connection is gone. */
static void cut(struct stoq_overlaps *overlaps, const struct stoq_event_write *event)
{
	struct write *write, *next;

	HASH_ITER(hh, overlaps->writes, write, next)
	{
		if (write->uid != event->uid || write->end != STOQ_OVERLAP_OUTSTANDING)
			continue;
		if ((event->flags & STOQ_WRITE_MISSED) || write->epoch != event->epoch) {
			drop(overlaps, write, false);
			continue;
		}
		write->end = STOQ_OVERLAP_CUT;
		write->end_ns = event->time_ns;
		settle(overlaps, write, true);
	}
}

/* A controller that was told to stop, and does so, has nothing outstanding any more. */
static void stop(struct stoq_overlaps *overlaps, const struct stoq_overlap_place *place)
{
	uint32_t subsystem = number_of(overlaps, place->subsystem),
		 host = number_of(overlaps, place->host);
	struct write *write, *next;

	HASH_ITER(hh, overlaps->writes, write, next)
	{
		if (write->subsystem == subsystem && write->host == host &&
			(write->cntlid < 0 || place->cntlid < 0 || write->cntlid == place->cntlid))
			drop(overlaps, write, false);
	}
}

/* A write for which there is no memory is not compared with all others. */
static int noted(struct stoq_overlaps *overlaps, int result)
{
	overlaps->counts.full += result != 0;
	return result;
}

int stoq_overlaps_take(struct stoq_overlaps *overlaps, const struct stoq_event_write *event,
	const struct stoq_overlap_place *place)
{
	if (event->lost != overlaps->lost) {
		overlaps->counts.lost += event->lost - overlaps->lost;
		drop_all(overlaps);
	}
	overlaps->lost = event->lost;
	switch (event->what) {
	case STOQ_WRITE_BEGINS:
		return noted(overlaps, begin(overlaps, event, place));
	case STOQ_WRITE_RANGE:
		return noted(overlaps, add_event_range(overlaps, event));
	case STOQ_WRITE_ENDS:
		end(overlaps, event);
		return 0;
	case STOQ_WRITE_FLOW_ENDS:
		cut(overlaps, event);
		return 0;
	case STOQ_WRITE_CONTROLLER_STOPS:
		stop(overlaps, place);
		return 0;
	default:
		return 0;
	}
}

/* ---- records ---- */

/* A record does not have which commands are fused: the Compare before the write shows it. */
static bool was_fused(const struct stoq_overlaps *overlaps, const struct stoq_event_command *event)
{
	for (size_t i = 0; i < COMPARES && i < overlaps->compare_count; i++) {
		const struct stoq_event_command *compare = &overlaps->compares[i];

		if (compare->uid == event->uid && compare->nsid == event->nsid &&
			compare->slba == event->slba && compare->blocks == event->blocks &&
			event->start_ns - compare->start_ns < COMPARE_NEAR_NS)
			return true;
	}
	return false;
}

static void forget_oldest(struct stoq_overlaps *overlaps)
{
	struct write *oldest = overlaps->writes;

	if (HASH_COUNT(overlaps->writes) < STOQ_OVERLAPS_WRITES)
		return;
	if (oldest->end_ns > overlaps->forgotten_ns)
		overlaps->forgotten_ns = oldest->end_ns;
	drop(overlaps, oldest, false);
}

/* A write that a controller has refused for good was not done. */
static bool is_write(const struct stoq_event_command *event)
{
	return event->kind == NVME_QUEUE_IO && event->blocks && !(event->status && event->dnr) &&
	       (event->opcode == NVME_NVM_WRITE || event->opcode == NVME_NVM_WRITE_ZEROES ||
		       event->opcode == NVME_NVM_WRITE_UNCORRECTABLE);
}

int stoq_overlaps_take_ended(struct stoq_overlaps *overlaps, const struct stoq_event_command *event,
	const struct stoq_overlap_place *place)
{
	struct write *write;

	if (event->kind == NVME_QUEUE_IO && event->opcode == NVME_NVM_COMPARE)
		overlaps->compares[overlaps->compare_count++ % COMPARES] = *event;
	if (!is_write(event))
		return 0;
	forget_oldest(overlaps);
	if (event->start_ns < overlaps->forgotten_ns)
		overlaps->counts.full++;
	write = add_write(overlaps, ++overlaps->numbers, place);
	if (!write)
		return 0;
	write->uid = event->uid;
	write->cid = event->cid;
	write->nsid = event->nsid;
	write->opcode = event->opcode;
	write->flags = was_fused(overlaps, event) ? STOQ_WRITE_FUSED : 0;
	write->start_ns = event->start_ns;
	write->end_ns = event->start_ns + event->latency_ns;
	write->end = STOQ_OVERLAP_ENDED;
	if (noted(overlaps, add_range(overlaps, write, event->slba, event->blocks)))
		return -ENOMEM;
	settle(overlaps, write, true);
	return 0;
}

/* ---- life ---- */

struct stoq_overlaps *stoq_overlaps_new(stoq_overlap_found *found, void *context)
{
	struct stoq_overlaps *overlaps = calloc(1, sizeof(*overlaps));

	if (!overlaps)
		return NULL;
	overlaps->found = found;
	overlaps->context = context;
	return overlaps;
}

void stoq_overlaps_free(struct stoq_overlaps *overlaps)
{
	struct name *name, *next;

	if (!overlaps)
		return;
	drop_all(overlaps);
	HASH_ITER(hh, overlaps->names, name, next)
	{
		HASH_DEL(overlaps->names, name);
		free(name);
	}
	free(overlaps);
}

const struct stoq_overlap_counts *stoq_overlaps_counts(const struct stoq_overlaps *overlaps)
{
	return &overlaps->counts;
}
