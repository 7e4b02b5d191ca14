// SPDX-License-Identifier: BSD-2-Clause
#include "watch/overlaps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watch/overlaps_private.h"

#define COMPARE_NEAR_NS	   1000000
#define EXPIRE_INTERVAL_NS 1000000000ull
#define STALE_NS	   600000000000ull

/* ---- names ---- */

/* 0: not known, or no room. */
static uint32_t number_of(struct stoq_overlaps *overlaps, const char *text)
{
	struct stoq_overlaps_name *name;
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

/* ---- writes ---- */

static uint64_t key_of(uint32_t uid, uint16_t cid)
{
	return (uint64_t)uid << 16 | cid;
}

static struct stoq_tracked_write *find(struct stoq_overlaps *overlaps, uint64_t key)
{
	struct stoq_tracked_write *write;

	HASH_FIND(hh, overlaps->writes, &key, sizeof(key), write);
	return write;
}

/* certain: of the pairs that wait for its end. */
static void drop(struct stoq_overlaps *overlaps, struct stoq_tracked_write *write, bool certain)
{
	stoq_overlaps_settle(overlaps, write, certain);
	stoq_overlaps_note_second(write);
	stoq_overlaps_remove_ranges(overlaps, write);
	HASH_DEL(overlaps->writes, write);
	free(write);
}

static void drop_all(struct stoq_overlaps *overlaps)
{
	struct stoq_tracked_write *write, *next;

	HASH_ITER(hh, overlaps->writes, write, next)
	{
		write->end_ns = 0;
		drop(overlaps, write, false);
	}
}

/* NULL: it is compared with none, which is counted, or no memory. */
static struct stoq_tracked_write *add_write(
	struct stoq_overlaps *overlaps, uint64_t key, const struct stoq_overlap_place *place)
{
	uint32_t subsystem = number_of(overlaps, place->subsystem);
	struct stoq_tracked_write *write;

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
	struct stoq_tracked_write *write, *next;

	if (HASH_COUNT(overlaps->writes) < STOQ_OVERLAPS_WRITES / 2 ||
		now_ns - overlaps->expired_ns < EXPIRE_INTERVAL_NS)
		return;
	overlaps->expired_ns = now_ns;
	HASH_ITER(hh, overlaps->writes, write, next)
	{
		if (stoq_overlaps_is_over(write, now_ns) || now_ns - write->start_ns > STALE_NS)
			drop(overlaps, write, false);
	}
}

static int begin(struct stoq_overlaps *overlaps, const struct stoq_event_write *event,
	const struct stoq_overlap_place *place)
{
	struct stoq_tracked_write *write = find(overlaps, key_of(event->uid, event->cid));

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
	return stoq_overlaps_add_range(overlaps, write, event->slba, event->blocks);
}

static int add_event_range(struct stoq_overlaps *overlaps, const struct stoq_event_write *event)
{
	struct stoq_tracked_write *write = find(overlaps, key_of(event->uid, event->cid));

	return write && write->opcode == event->opcode
		       ? stoq_overlaps_add_range(overlaps, write, event->slba, event->blocks)
		       : 0;
}

static void end(struct stoq_overlaps *overlaps, const struct stoq_event_write *event)
{
	struct stoq_tracked_write *write = find(overlaps, key_of(event->uid, event->cid));

	if (!write)
		return;
	write->end = STOQ_OVERLAP_ENDED;
	write->end_ns = event->time_ns;
	drop(overlaps, write, write->epoch == event->epoch && !(event->flags & STOQ_WRITE_EARLY));
}

/* Without their completion the target may go on with them, until it notices that the connection is gone. */
static void cut(struct stoq_overlaps *overlaps, const struct stoq_event_write *event)
{
	struct stoq_tracked_write *write, *next;

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
		stoq_overlaps_settle(overlaps, write, true);
	}
}

/* A controller that was told to stop, and does so, has nothing outstanding any more. */
static void stop(struct stoq_overlaps *overlaps, const struct stoq_overlap_place *place)
{
	uint32_t subsystem = number_of(overlaps, place->subsystem),
		 host = number_of(overlaps, place->host);
	struct stoq_tracked_write *write, *next;

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
	for (size_t i = 0; i < STOQ_OVERLAPS_COMPARES && i < overlaps->compare_count; i++) {
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
	struct stoq_tracked_write *oldest = overlaps->writes;

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
	struct stoq_tracked_write *write;

	if (event->kind == NVME_QUEUE_IO && event->opcode == NVME_NVM_COMPARE)
		overlaps->compares[overlaps->compare_count++ % STOQ_OVERLAPS_COMPARES] = *event;
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
	if (noted(overlaps, stoq_overlaps_add_range(overlaps, write, event->slba, event->blocks)))
		return -ENOMEM;
	stoq_overlaps_settle(overlaps, write, true);
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
	struct stoq_overlaps_name *name, *next;

	if (!overlaps)
		return;
	drop_all(overlaps);
	name = overlaps->names;
	HASH_CLEAR(hh, overlaps->names);
	for (; name; name = next) {
		next = name->hh.next;
		free(name);
	}
	free(overlaps);
}

const struct stoq_overlap_counts *stoq_overlaps_counts(const struct stoq_overlaps *overlaps)
{
	return &overlaps->counts;
}
