// SPDX-License-Identifier: BSD-2-Clause
#include "join/groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "flow/identity.h"

#define INDEX_SIZE (4 * STOQ_JOIN_GROUPS_MAX) /* a power of two */

int stoq_join_groups_init(struct stoq_join *join)
{
	stoq_identity_clear(&join->overall.identity);
	stoq_identity_clear(&join->others.identity);
	join->group_index = calloc(INDEX_SIZE, sizeof(*join->group_index));
	return join->group_index ? 0 : -ENOMEM;
}

static void identify(struct stoq_identity *identity, const struct stoq_join_connection *connection,
	const struct stoq_record_command *command)
{
	stoq_identity_clear(identity);
	memcpy(identity->host_nqn, connection->host_nqn, sizeof(identity->host_nqn));
	memcpy(identity->subsystem_nqn, connection->subsystem_nqn, sizeof(identity->subsystem_nqn));
	if (!identity->host_nqn[0])
		stoq_host_text(identity->host_address, connection->host.address);
	if (!identity->subsystem_nqn[0])
		stoq_endpoint_text(identity->controller_address, connection->controller.address,
			connection->controller.port);
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

static void count(struct stoq_join_group *group, uint64_t total_ns, uint64_t target_ns)
{
	stoq_histogram_record(&group->total, total_ns);
	stoq_histogram_record(&group->target, target_ns);
	stoq_histogram_record(&group->between, total_ns - target_ns);
}

int stoq_join_groups_add(struct stoq_join *join, const struct stoq_join_connection *connection,
	const struct stoq_record_command *command, uint64_t total_ns, uint64_t target_ns)
{
	struct stoq_identity identity;
	struct stoq_join_group *group;

	identify(&identity, connection, command);
	group = group_of(join, &identity);
	if (!group)
		return -ENOMEM;
	count(group, total_ns, target_ns);
	count(&join->overall, total_ns, target_ns);
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
