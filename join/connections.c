// SPDX-License-Identifier: BSD-2-Clause
#include "join/connections.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
/* As in watch/ledger.h. */
#define HASH_FUNCTION(key, length, hash) HASH_FNV(key, length, hash)
#include <uthash.h>

#include "base/array.h"

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

static struct end_key key_of(
	const struct stoq_flow_end *host, const struct stoq_flow_end *controller)
{
	struct end_key key = {.host_port = host->port, .controller_port = controller->port};

	memcpy(key.host, host->address, sizeof(key.host));
	memcpy(key.controller, controller->address, sizeof(key.controller));
	return key;
}

/* A new connection of these ends. NULL: no memory. */
static struct stoq_join_end *add(struct stoq_join_connections *connections,
	const struct end_key *key, const struct stoq_flow_end *host,
	const struct stoq_flow_end *controller)
{
	struct stoq_join_connection *items = stoq_array_room(
		connections->items, connections->count, &connections->capacity, sizeof(*items));
	struct stoq_join_end *end = calloc(1, sizeof(*end));

	if (items)
		connections->items = items;
	if (!items || !end) {
		free(end);
		return NULL;
	}
	end->key = *key;
	end->index = (uint32_t)connections->count;
	items[connections->count++] = (struct stoq_join_connection){.host = *host,
		.controller = *controller,
		.qid = STOQ_RECORD_UNKNOWN,
		.cntlid = STOQ_RECORD_UNKNOWN};
	HASH_ADD(hh, connections->ends, key, sizeof(end->key), end);
	return end;
}

static void learn(
	struct stoq_join_connection *connection, const struct stoq_record_connection *entry)
{
	if (!entry->connected)
		return;
	connection->kind = entry->kind;
	if (entry->qid != STOQ_RECORD_UNKNOWN)
		connection->qid = entry->qid;
	if (entry->cntlid != STOQ_RECORD_UNKNOWN)
		connection->cntlid = entry->cntlid;
	if (entry->host_nqn[0])
		memcpy(connection->host_nqn, entry->host_nqn, sizeof(connection->host_nqn));
	if (entry->subsystem_nqn[0])
		memcpy(connection->subsystem_nqn, entry->subsystem_nqn,
			sizeof(connection->subsystem_nqn));
}

static int note_uid(struct stoq_join_connections *connections, enum stoq_join_side side,
	uint32_t uid, uint32_t index)
{
	struct stoq_join_uid *entry;

	HASH_FIND(hh, connections->uids[side], &uid, sizeof(uid), entry);
	if (!entry) {
		if (HASH_COUNT(connections->uids[side]) >= STOQ_JOIN_CONNECTIONS_MAX)
			return -E2BIG;
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return -ENOMEM;
		entry->uid = uid;
		HASH_ADD(hh, connections->uids[side], uid, sizeof(entry->uid), entry);
	}
	entry->index = index;
	return 0;
}

int stoq_join_connections_add(struct stoq_join_connections *connections, enum stoq_join_side side,
	const struct stoq_record_connection *entry, const struct stoq_join_maps *maps)
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
	if (!end && connections->count >= STOQ_JOIN_CONNECTIONS_MAX)
		return -E2BIG;
	if (!end)
		end = add(connections, &key, &host, &controller);
	if (!end)
		return -ENOMEM;
	connections->items[end->index].in[side] = true;
	learn(&connections->items[end->index], entry);
	return note_uid(connections, side, entry->uid, end->index);
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
void stoq_join_connections_free(struct stoq_join_connections *connections)
{
	struct stoq_join_end *end, *next_end;
	struct stoq_join_uid *uid, *next_uid;

	HASH_ITER(hh, connections->ends, end, next_end)
	{
		HASH_DEL(connections->ends, end);
		free(end);
	}
	for (int side = 0; side < STOQ_JOIN_SIDES; side++) {
		HASH_ITER(hh, connections->uids[side], uid, next_uid)
		{
			HASH_DEL(connections->uids[side], uid);
			free(uid);
		}
	}
	free(connections->items);
	*connections = (struct stoq_join_connections){0};
}
// NOLINTEND(clang-analyzer-unix.Malloc)
