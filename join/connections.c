// SPDX-License-Identifier: BSD-2-Clause
#include "join/connections.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash_table.h"

struct end_key {
	uint8_t host[16], controller[16];
	uint16_t host_port, controller_port;
};

struct stoq_join_end {
	struct end_key key;
	uint32_t index;
	UT_hash_handle hh;
};

struct stoq_join_uid {
	uint32_t uid;
	uint32_t index;
	UT_hash_handle hh;
};

struct stoq_join_names_entry {
	struct stoq_join_nqns nqns; /* what follows their end is 0 */
	UT_hash_handle hh;
};

/* ---- names ---- */

/* 0 or -ENOMEM. */
static int name(struct stoq_join_connections *connections, struct stoq_join_connection *connection,
	const struct stoq_record_connection *entry)
{
	struct stoq_join_names_entry *found;
	struct stoq_join_nqns nqns;

	if (!entry->host_nqn[0] && !entry->subsystem_nqn[0])
		return 0;
	memcpy(nqns.host, entry->host_nqn, sizeof(nqns.host));
	memcpy(nqns.subsystem, entry->subsystem_nqn, sizeof(nqns.subsystem));
	HASH_FIND(hh, connections->names, &nqns, sizeof(nqns), found);
	if (!found) {
		found = calloc(1, sizeof(*found));
		if (!found)
			return -ENOMEM;
		found->nqns = nqns;
		HASH_ADD(hh, connections->names, nqns, sizeof(found->nqns), found);
	}
	connection->nqns = &found->nqns;
	return 0;
}

/* What one entry has, a later one without it does not take away. */
static int learn(struct stoq_join_connections *connections, struct stoq_join_connection *connection,
	const struct stoq_record_connection *entry)
{
	if (!entry->connected)
		return 0;
	if (entry->qid != STOQ_RECORD_UNKNOWN)
		connection->qid = entry->qid;
	if (entry->cntlid != STOQ_RECORD_UNKNOWN)
		connection->cntlid = entry->cntlid;
	return name(connections, connection, entry);
}

/* ---- paths ---- */

static struct end_key key_of(
	const struct stoq_flow_end *host, const struct stoq_flow_end *controller)
{
	struct end_key key = {.host_port = host->port, .controller_port = controller->port};

	memcpy(key.host, host->address, sizeof(key.host));
	memcpy(key.controller, controller->address, sizeof(key.controller));
	return key;
}

/* NULL: no memory. */
static struct stoq_join_end *add_path(struct stoq_join_connections *connections,
	const struct end_key *key, const struct stoq_flow_end *host,
	const struct stoq_flow_end *controller)
{
	struct stoq_join_path *paths = stoq_array_room(connections->paths, connections->path_count,
		&connections->path_capacity, sizeof(*paths));
	struct stoq_join_end *end = calloc(1, sizeof(*end));

	if (paths)
		connections->paths = paths;
	if (!paths || !end) {
		free(end);
		return NULL;
	}
	end->key = *key;
	end->index = (uint32_t)connections->path_count;
	paths[connections->path_count++] =
		(struct stoq_join_path){.host = *host, .controller = *controller};
	HASH_ADD(hh, connections->ends, key, sizeof(end->key), end);
	return end;
}

/* Index of the path of these ends. 0, -ENOMEM or -E2BIG. */
static int path_of(struct stoq_join_connections *connections, enum stoq_join_side side,
	const struct stoq_record_connection *entry, struct stoq_join_maps *maps, uint32_t *index)
{
	struct stoq_flow_end host = entry->host, controller = entry->controller;
	struct stoq_join_end *end;
	struct end_key key;

	if (side == STOQ_JOIN_HOST) {
		stoq_join_map_apply(maps, &host);
		stoq_join_map_apply(maps, &controller);
	}
	key = key_of(&host, &controller);
	HASH_FIND(hh, connections->ends, &key, sizeof(key), end);
	if (!end && connections->path_count >= STOQ_JOIN_SIDES * STOQ_JOIN_CONNECTIONS_MAX)
		return -E2BIG;
	if (!end)
		end = add_path(connections, &key, &host, &controller);
	if (!end)
		return -ENOMEM;
	*index = end->index;
	return 0;
}

/* ---- connections ---- */

/* 0, -ENOMEM or -E2BIG. */
static int add(struct stoq_join_connections *connections, enum stoq_join_side side, uint32_t uid,
	uint32_t *index)
{
	struct stoq_join_connection *items = stoq_array_room(connections->items[side],
		connections->count[side], &connections->capacity[side], sizeof(*items));
	struct stoq_join_uid *entry;

	if (connections->count[side] >= STOQ_JOIN_CONNECTIONS_MAX)
		return -E2BIG;
	if (items)
		connections->items[side] = items;
	entry = items ? calloc(1, sizeof(*entry)) : NULL;
	if (!entry)
		return -ENOMEM;
	*index = (uint32_t)connections->count[side]++;
	items[*index] = (struct stoq_join_connection){
		.uid = uid, .qid = STOQ_RECORD_UNKNOWN, .cntlid = STOQ_RECORD_UNKNOWN};
	entry->uid = uid;
	entry->index = *index;
	HASH_ADD(hh, connections->uids[side], uid, sizeof(entry->uid), entry);
	return 0;
}

int stoq_join_connections_add(struct stoq_join_connections *connections, enum stoq_join_side side,
	const struct stoq_record_connection *entry, struct stoq_join_maps *maps)
{
	uint32_t index = stoq_join_connections_find(connections, side, entry->uid), path = 0;
	struct stoq_join_connection *connection;
	int result = path_of(connections, side, entry, maps, &path);

	if (!result && index == STOQ_JOIN_NO_CONNECTION)
		result = add(connections, side, entry->uid, &index);
	if (result)
		return result;
	connection = &connections->items[side][index];
	connection->path = path;
	connections->paths[path].in[side] = true;
	connections->paths[path].latest[side] = index;
	return learn(connections, connection, entry);
}

uint32_t stoq_join_connections_find(
	const struct stoq_join_connections *connections, enum stoq_join_side side, uint32_t uid)
{
	struct stoq_join_uid *entry;

	HASH_FIND(hh, connections->uids[side], &uid, sizeof(uid), entry);
	return entry ? entry->index : STOQ_JOIN_NO_CONNECTION;
}

/* clang's analyzer does not see that HASH_DEL takes an entry out of uthash's list. */
// NOLINTBEGIN(clang-analyzer-unix.Malloc)
static void free_side(struct stoq_join_connections *connections, int side)
{
	struct stoq_join_uid *uid, *next_uid;

	HASH_ITER(hh, connections->uids[side], uid, next_uid)
	{
		HASH_DEL(connections->uids[side], uid);
		free(uid);
	}
	free(connections->items[side]);
}

void stoq_join_connections_free(struct stoq_join_connections *connections)
{
	struct stoq_join_names_entry *names, *next_names;
	struct stoq_join_end *end, *next_end;

	HASH_ITER(hh, connections->ends, end, next_end)
	{
		HASH_DEL(connections->ends, end);
		free(end);
	}
	HASH_ITER(hh, connections->names, names, next_names)
	{
		HASH_DEL(connections->names, names);
		free(names);
	}
	for (int side = 0; side < STOQ_JOIN_SIDES; side++)
		free_side(connections, side);
	free(connections->paths);
	*connections = (struct stoq_join_connections){0};
}
// NOLINTEND(clang-analyzer-unix.Malloc)
