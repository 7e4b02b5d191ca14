// SPDX-License-Identifier: BSD-2-Clause
#include "watch/groups.h"

#include <stdlib.h>
#include <string.h>

#include "flow/identity.h"
#include "flow/stages.h"

#define CAPACITY_MIN 16

void stoq_groups_free(struct stoq_groups *groups)
{
	free(groups->items);
	free(groups->index);
	*groups = (struct stoq_groups){0};
}

void stoq_groups_clear(struct stoq_groups *groups)
{
	groups->count = 0;
	if (groups->index)
		memset(groups->index, 0, groups->index_size * sizeof(*groups->index));
}

static uint32_t *find_place(struct stoq_groups *groups, const struct stoq_identity *identity)
{
	size_t mask = groups->index_size - 1, i = stoq_identity_hash(identity) & mask;

	while (groups->index[i] &&
		!stoq_identity_equal(&groups->items[groups->index[i] - 1].identity, identity))
		i = (i + 1) & mask;
	return &groups->index[i];
}

static int grow(struct stoq_groups *groups)
{
	size_t capacity = groups->capacity ? groups->capacity * 2 : CAPACITY_MIN;
	struct stoq_group *items = realloc(groups->items, capacity * sizeof(*items));
	uint32_t *index;

	if (!items)
		return -1;
	groups->items = items;
	groups->capacity = capacity;
	index = calloc(capacity * 2, sizeof(*index));
	if (!index)
		return -1;
	free(groups->index);
	groups->index = index;
	groups->index_size = capacity * 2;
	for (size_t i = 0; i < groups->count; i++)
		*find_place(groups, &items[i].identity) = i + 1;
	return 0;
}

static struct stoq_group *get_group(
	struct stoq_groups *groups, const struct stoq_identity *identity)
{
	struct stoq_group *group;
	uint32_t *place;

	if (groups->count * 2 >= groups->index_size && grow(groups))
		return NULL;
	place = find_place(groups, identity);
	if (*place)
		return &groups->items[*place - 1];
	group = &groups->items[groups->count++];
	*place = groups->count;
	memset(group, 0, sizeof(*group));
	group->identity = *identity;
	return group;
}

static uint64_t retransmitted(const struct stoq_tcp *tcp)
{
	uint64_t bytes = 0;

	for (int i = 0; i < NVME_TCP_SIDES; i++)
		bytes += tcp->side[i].retransmitted_bytes;
	return bytes;
}

static uint64_t rank_of(const struct stoq_group *group, enum stoq_order order, bool whole)
{
	const struct stoq_statistics *statistics = whole ? &group->total : &group->interval;

	switch (order) {
	case STOQ_ORDER_BYTES:
		return statistics->bytes;
	case STOQ_ORDER_P99:
		return statistics->latency.count
			       ? stoq_histogram_percentile_ns(&statistics->latency, 0.99)
			       : 0;
	case STOQ_ORDER_ERRORS:
		return statistics->errors;
	case STOQ_ORDER_RETRANSMISSIONS:
		return retransmitted(&group->tcp);
	default:
		return statistics->commands;
	}
}

static int compare(const void *one, const void *other)
{
	const struct stoq_group *a = one, *b = other;

	if (a->rank != b->rank)
		return a->rank < b->rank ? 1 : -1;
	if (a->second_rank != b->second_rank)
		return a->second_rank < b->second_rank ? 1 : -1;
	if (a->total.commands != b->total.commands)
		return a->total.commands < b->total.commands ? 1 : -1;
	return (a->identity.opcode > b->identity.opcode) -
	       (a->identity.opcode < b->identity.opcode);
}

void stoq_groups_sort(struct stoq_groups *groups, enum stoq_order order, bool whole)
{
	for (size_t i = 0; i < groups->count; i++) {
		groups->items[i].rank = rank_of(&groups->items[i], order, whole);
		groups->items[i].second_rank = rank_of(&groups->items[i], order, !whole);
	}
	if (groups->count)
		qsort(groups->items, groups->count, sizeof(*groups->items), compare);
}

size_t stoq_groups_fold(struct stoq_groups *groups, size_t top, struct stoq_group *others)
{
	memset(others, 0, sizeof(*others));
	stoq_identity_clear(&others->identity);
	if (groups->count <= top)
		return 0;
	for (size_t i = top; i < groups->count; i++) {
		stoq_statistics_add(&others->interval, &groups->items[i].interval);
		stoq_statistics_add(&others->total, &groups->items[i].total);
		others->outstanding += groups->items[i].outstanding;
	}
	return groups->count - top;
}

struct stoq_group *stoq_groups_of(
	struct stoq_groups *groups, const struct stoq_identity *identity, enum stoq_axis axis)
{
	struct stoq_identity reduced = *identity;

	stoq_identity_reduce(&reduced, axis);
	return get_group(groups, &reduced);
}

void stoq_statistics_add(struct stoq_statistics *statistics, const struct stoq_statistics *other)
{
	statistics->commands += other->commands;
	statistics->errors += other->errors;
	statistics->bytes += other->bytes;
	stoq_histogram_add(&statistics->latency, &other->latency);
	for (int i = 0; i < STOQ_STAGES; i++)
		stoq_stage_add(&statistics->stages[i], &other->stages[i]);
}
