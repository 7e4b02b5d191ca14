// SPDX-License-Identifier: BSD-2-Clause
#include "join/groups.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "flow/identity.h"
#include "join/pending.h"

#define INDEX_SIZE (4 * STOQ_JOIN_GROUPS_MAX) /* a power of two */

int stoq_join_groups_init(struct stoq_join *join)
{
	stoq_identity_clear(&join->overall.identity);
	stoq_identity_clear(&join->others.identity);
	join->group_index = calloc(INDEX_SIZE, sizeof(*join->group_index));
	return join->group_index ? 0 : -ENOMEM;
}

static void identify(struct stoq_identity *identity, const struct stoq_join_names_of *names,
	const struct stoq_join_command *command)
{
	stoq_identity_from_ends(
		identity, names->host_nqn, names->subsystem_nqn, &names->host, &names->controller);
	stoq_identity_add_command(
		identity, command->nsid, command->kind, command->opcode, command->fctype);
}

/* Where the index has, or would have, this group. */
static uint32_t *place_of(struct stoq_join *join, const struct stoq_identity *identity)
{
	uint32_t at = stoq_identity_hash(identity) & (INDEX_SIZE - 1);

	while (join->group_index[at] &&
		!stoq_identity_equal(&join->groups[join->group_index[at] - 1].identity, identity))
		at = (at + 1) & (INDEX_SIZE - 1);
	return &join->group_index[at];
}

/* NULL: no memory; join->others: there are too many. */
static struct stoq_join_group *group_of(
	struct stoq_join *join, const struct stoq_identity *identity)
{
	uint32_t *place = place_of(join, identity);
	struct stoq_join_group *groups;

	if (*place)
		return &join->groups[*place - 1];
	if (join->group_count == STOQ_JOIN_GROUPS_MAX)
		return &join->others;
	groups = stoq_array_room(
		join->groups, join->group_count, &join->group_capacity, sizeof(*groups));
	if (!groups)
		return NULL;
	join->groups = groups;
	groups += join->group_count++;
	*groups = (struct stoq_join_group){.identity = *identity};
	*place = (uint32_t)join->group_count;
	return groups;
}

static void count(struct stoq_join_group *group, const struct stoq_join_command *command)
{
	uint64_t total = command->latency_ns[STOQ_JOIN_HOST];
	uint64_t target = command->latency_ns[STOQ_JOIN_TARGET];

	stoq_histogram_record(&group->total, total);
	stoq_histogram_record(&group->target, target);
	stoq_histogram_record(&group->between, total - target);
}

int stoq_join_groups_add(struct stoq_join *join, const struct stoq_join_names_of *names,
	const struct stoq_join_command *command)
{
	struct stoq_identity identity;
	struct stoq_join_group *group;

	identify(&identity, names, command);
	group = group_of(join, &identity);
	if (!group)
		return -ENOMEM;
	count(group, command);
	count(&join->overall, command);
	return 0;
}

static int by_time(const void *one, const void *other)
{
	const struct stoq_join_group *a = one, *b = other;

	return (a->total.sum_ns < b->total.sum_ns) - (a->total.sum_ns > b->total.sum_ns);
}

void stoq_join_groups_finish(struct stoq_join *join)
{
	if (!join->group_count)
		return;
	qsort(join->groups, join->group_count, sizeof(*join->groups), by_time);
	memset(join->group_index, 0, INDEX_SIZE * sizeof(*join->group_index));
	for (size_t i = 0; i < join->group_count; i++)
		*place_of(join, &join->groups[i].identity) = (uint32_t)i + 1;
}

void stoq_join_groups_clear(struct stoq_join *join)
{
	memset(join->group_index, 0, INDEX_SIZE * sizeof(*join->group_index));
	join->group_count = 0;
	join->overall = (struct stoq_join_group){.identity = join->overall.identity};
	join->others = (struct stoq_join_group){.identity = join->others.identity};
}

void stoq_join_groups_free(struct stoq_join *join)
{
	free(join->groups);
	free(join->group_index);
}
