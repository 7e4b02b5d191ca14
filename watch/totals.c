// SPDX-License-Identifier: BSD-2-Clause
#include "watch/totals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/identity.h"
/* Not byte by byte: a struct has bytes between its members. */
#define HASH_FUNCTION(key, length, hash) ((hash) = stoq_identity_hash((const void *)(key)))
#define HASH_KEYCMP(one, other, length)                                                            \
	(!stoq_identity_equal((const void *)(one), (const void *)(other)))
#include <uthash.h>

#include "base/array.h"
#include "bpf/stream/series_shared.h"
#include "watch/label_set.h"
#include "watch/places.h"

struct entry {
	struct stoq_identity identity;
	struct stoq_total_set set;
	char *labels;
	UT_hash_handle hh;
};

struct stoq_totals {
	struct entry *entries;
	struct stoq_total_set **sets; /* in the order in which they came */
	size_t count, capacity;
	struct stoq_total_set others;
	struct stoq_place *places;
	uint32_t most;
	uint64_t folded;
};

/* ---- figures of one series ---- */

void stoq_total_of(struct stoq_total *total, const struct stoq_series *series,
	const struct stoq_stage_series *stages)
{
	*total = (struct stoq_total){.commands = series->commands,
		.errors = series->errors,
		.bytes = series->bytes,
		.latency_sum_ns = series->latency_sum_ns};
	stoq_latency_fold(&total->latency, (const uint64_t *)series->buckets);
	for (unsigned int i = 0; stages && i < STOQ_STAGES; i++)
		total->stage_ns[i] = stages[i].sum_ns;
}

/* Adds now - before. */
static void add(
	struct stoq_total *sum, const struct stoq_total *now, const struct stoq_total *before)
{
	sum->commands += now->commands - before->commands;
	sum->errors += now->errors - before->errors;
	sum->bytes += now->bytes - before->bytes;
	sum->latency_sum_ns += now->latency_sum_ns - before->latency_sum_ns;
	for (unsigned int i = 0; i <= STOQ_LATENCY_BOUNDS; i++)
		sum->latency.of[i] += now->latency.of[i] - before->latency.of[i];
	for (unsigned int i = 0; i < STOQ_STAGES; i++)
		sum->stage_ns[i] += now->stage_ns[i] - before->stage_ns[i];
}

/* ---- sets ---- */

struct stoq_totals *stoq_totals_new(uint32_t most)
{
	struct stoq_totals *totals = calloc(1, sizeof(*totals));

	if (!totals)
		return NULL;
	totals->most = most ? most : STOQ_TOTALS_MAX;
	totals->others.labels = "host=\"others\",subsystem=\"others\",namespace=\"others\","
				"queue=\"others\",opcode=\"others\"";
	return totals;
}

static void free_entry(struct entry *entry)
{
	free(entry->labels);
	free(entry);
}

void stoq_totals_free(struct stoq_totals *totals)
{
	struct entry *entry, *next;

	if (!totals)
		return;
	entry = totals->entries;
	HASH_CLEAR(hh, totals->entries);
	for (; entry; entry = next) {
		next = entry->hh.next;
		free_entry(entry);
	}
	stoq_places_free(&totals->places);
	free(totals->sets);
	free(totals);
}

static struct entry *new_entry(struct stoq_totals *totals, const struct stoq_identity *identity)
{
	struct entry *entry = calloc(1, sizeof(*entry));
	struct stoq_label_names names;
	const struct stoq_volume_key place = stoq_label_place(&names, identity);

	if (entry && !stoq_places_add(&totals->places, &place))
		entry->labels = stoq_label_set(identity, &place);
	if (entry && entry->labels) {
		entry->identity = *identity;
		entry->set.labels = entry->labels;
		return entry;
	}
	free(entry);
	return NULL;
}

/* NULL: no memory. */
static struct stoq_total_set *add_set(
	struct stoq_totals *totals, const struct stoq_identity *identity)
{
	struct stoq_total_set **room = stoq_array_room(
		totals->sets, totals->count, &totals->capacity, sizeof(struct stoq_total_set *));
	struct entry *entry;

	if (!room)
		return NULL;
	totals->sets = room;
	entry = new_entry(totals, identity);
	if (!entry)
		return NULL;
	HASH_ADD(hh, totals->entries, identity, sizeof(entry->identity), entry);
	totals->sets[totals->count++] = &entry->set;
	return &entry->set;
}

/* Found or made, or that of the others. NULL: no memory. */
static struct stoq_total_set *set_of(
	struct stoq_totals *totals, const struct stoq_identity *identity)
{
	struct stoq_identity reduced = *identity;
	struct entry *entry;

	stoq_identity_reduce(&reduced, STOQ_BY_COMMAND);
	HASH_FIND(hh, totals->entries, &reduced, sizeof(reduced), entry);
	if (entry)
		return &entry->set;
	return totals->count < totals->most ? add_set(totals, &reduced) : &totals->others;
}

void stoq_totals_begin(struct stoq_totals *totals)
{
	for (size_t i = 0; i < totals->count; i++)
		totals->sets[i]->outstanding = 0;
	totals->others.outstanding = 0;
}

int stoq_totals_add(struct stoq_totals *totals, const struct stoq_identity *identity,
	const struct stoq_total *now, struct stoq_total *counted)
{
	struct stoq_total_set *set;

	if (memcmp(now, counted, sizeof(*now)) == 0)
		return 0;
	set = set_of(totals, identity);
	if (!set)
		return -ENOMEM;
	totals->folded += set == &totals->others && !counted->commands;
	add(&set->total, now, counted);
	*counted = *now;
	return 0;
}

int stoq_totals_begun(struct stoq_totals *totals, const struct stoq_identity *identity)
{
	struct stoq_total_set *set = set_of(totals, identity);

	if (!set)
		return -ENOMEM;
	set->outstanding++;
	return 0;
}

/* ---- reading ---- */

static bool has_others(const struct stoq_totals *totals)
{
	return totals->folded || totals->others.outstanding;
}

size_t stoq_totals_count(const struct stoq_totals *totals)
{
	return totals->count + has_others(totals);
}

const struct stoq_total_set *stoq_totals_get(const struct stoq_totals *totals, size_t i)
{
	return i < totals->count ? totals->sets[i] : &totals->others;
}

uint64_t stoq_totals_folded(const struct stoq_totals *totals)
{
	return totals->folded;
}

struct stoq_place *stoq_totals_places(const struct stoq_totals *totals)
{
	return totals->places;
}
