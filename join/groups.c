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

static const char *name_of(const struct stoq_join_connection *one,
	const struct stoq_join_connection *other, size_t field)
{
	const char *name = one->nqns ? (const char *)one->nqns + field : "";

	return name[0] || !other->nqns ? name : (const char *)other->nqns + field;
}

static void identify(struct stoq_identity *identity,
	const struct stoq_join_connections *connections, const struct stoq_join_command *command)
{
	const struct stoq_join_path *path = &connections->paths[command->key.path];
	const struct stoq_join_connection *sides[STOQ_JOIN_SIDES];

	for (int side = 0; side < STOQ_JOIN_SIDES; side++)
		sides[side] = &connections->items[side][command->connection[side]];
	stoq_identity_clear(identity);
	strcpy(identity->host_nqn, name_of(sides[STOQ_JOIN_TARGET], sides[STOQ_JOIN_HOST],
					   offsetof(struct stoq_join_nqns, host)));
	strcpy(identity->subsystem_nqn, name_of(sides[STOQ_JOIN_TARGET], sides[STOQ_JOIN_HOST],
						offsetof(struct stoq_join_nqns, subsystem)));
	if (!identity->host_nqn[0])
		stoq_host_text(identity->host_address, path->host.address);
	if (!identity->subsystem_nqn[0])
		stoq_endpoint_text(identity->controller_address, path->controller.address,
			path->controller.port);
	identity->nsid = command->nsid;
	identity->opcode = command->opcode;
	identity->kind = command->kind;
	if (command->opcode == NVME_OPCODE_FABRICS)
		identity->fctype = command->fctype;
}

/* NULL: no memory; join->others: there are too many. */
static struct stoq_join_group *group_of(
	struct stoq_join *join, const struct stoq_identity *identity)
{
	uint32_t at = stoq_identity_hash(identity) & (INDEX_SIZE - 1);
	struct stoq_join_group *groups;

	for (; join->group_index[at]; at = (at + 1) & (INDEX_SIZE - 1))
		if (stoq_identity_equal(
			    &join->groups[join->group_index[at] - 1].identity, identity))
			return &join->groups[join->group_index[at] - 1];
	if (join->group_count == STOQ_JOIN_GROUPS_MAX)
		return &join->others;
	groups = stoq_array_room(
		join->groups, join->group_count, &join->group_capacity, sizeof(*groups));
	if (!groups)
		return NULL;
	join->groups = groups;
	groups += join->group_count++;
	*groups = (struct stoq_join_group){.identity = *identity};
	join->group_index[at] = (uint32_t)join->group_count;
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

int stoq_join_groups_add(struct stoq_join *join, const struct stoq_join_command *command)
{
	struct stoq_identity identity;
	struct stoq_join_group *group;

	identify(&identity, &join->connections, command);
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
	if (join->group_count)
		qsort(join->groups, join->group_count, sizeof(*join->groups), by_time);
}
