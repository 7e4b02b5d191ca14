// SPDX-License-Identifier: BSD-2-Clause
#include "join/live.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_table.h"
#include "capture/table.h"
#include "join/groups.h"
#include "join/pending.h"

/* The ends of a connection, as the target has them. */
struct ends {
	struct stoq_flow_end host, controller;
};

struct connection {
	struct ends ends;
	char host_nqn[NVME_NQN_LENGTH];
	char subsystem_nqn[NVME_NQN_LENGTH];
};

/* Compared as bytes: no padding is left to chance. */
struct waiting_key {
	uint8_t host[16], controller[16];
	uint16_t host_port, controller_port;
	uint32_t sequence;
	uint32_t cid;
};

struct waiting {
	struct waiting_key key;
	uint32_t uid;
	enum stoq_join_side side;
	struct stoq_join_command command;
	uint64_t since_ns;
	UT_hash_handle hh; /* in the order in which they came */
};

struct stoq_join_live {
	struct stoq_join_maps *maps;
	struct waiting *waiting;
	uint32_t room;
	uint64_t waiting_count[STOQ_JOIN_SIDES];
	struct stoq_table *connections[STOQ_JOIN_SIDES]; /* by number */
	struct stoq_table *ends[STOQ_JOIN_SIDES];	 /* those that this side has */
	struct stoq_record_missed missed[STOQ_JOIN_SIDES];
	struct stoq_join interval, total;
};

/* ---- opening ---- */

static int open_tables(struct stoq_join_live *live)
{
	for (int side = 0; side < STOQ_JOIN_SIDES; side++) {
		live->connections[side] = stoq_table_new(STOQ_TABLE_LRU, sizeof(uint32_t),
			sizeof(struct connection), STOQ_JOIN_LIVE_CONNECTIONS);
		live->ends[side] = stoq_table_new(STOQ_TABLE_LRU, sizeof(struct ends),
			sizeof(uint8_t), STOQ_JOIN_LIVE_CONNECTIONS);
		if (!live->connections[side] || !live->ends[side])
			return -ENOMEM;
	}
	return 0;
}

int stoq_join_live_open(struct stoq_join_live **live, struct stoq_join_maps *maps, uint32_t room)
{
	struct stoq_join_live *opened = calloc(1, sizeof(*opened));

	if (!opened)
		return -ENOMEM;
	opened->maps = maps;
	opened->room = room;
	if (open_tables(opened) || stoq_join_groups_init(&opened->interval) ||
		stoq_join_groups_init(&opened->total)) {
		stoq_join_live_close(opened);
		return -ENOMEM;
	}
	*live = opened;
	return 0;
}

/* clang's analyzer does not see that HASH_DEL takes an entry out of uthash's list. */
// NOLINTBEGIN(clang-analyzer-unix.Malloc)
static void forget(struct stoq_join_live *live, struct waiting *waiting)
{
	live->waiting_count[waiting->side]--;
	HASH_DEL(live->waiting, waiting);
	free(waiting);
}

void stoq_join_live_close(struct stoq_join_live *live)
{
	struct waiting *waiting, *next;

	if (!live)
		return;
	HASH_ITER(hh, live->waiting, waiting, next)
	forget(live, waiting);
	for (int side = 0; side < STOQ_JOIN_SIDES; side++) {
		stoq_table_free(live->connections[side]);
		stoq_table_free(live->ends[side]);
	}
	stoq_join_groups_free(&live->interval);
	stoq_join_groups_free(&live->total);
	free(live);
}
// NOLINTEND(clang-analyzer-unix.Malloc)

/* ---- connections ---- */

static void add_connection(struct stoq_join_live *live, enum stoq_join_side side,
	const struct stoq_record_connection *entry)
{
	static const uint8_t there = 1;
	struct connection connection;

	memset(&connection, 0, sizeof(connection)); /* its ends are compared as bytes */
	memcpy(&connection.ends.host, &entry->host, sizeof(entry->host));
	memcpy(&connection.ends.controller, &entry->controller, sizeof(entry->controller));
	if (side == STOQ_JOIN_HOST) {
		stoq_join_map_apply(live->maps, &connection.ends.host);
		stoq_join_map_apply(live->maps, &connection.ends.controller);
	}
	memcpy(connection.host_nqn, entry->host_nqn, sizeof(connection.host_nqn));
	memcpy(connection.subsystem_nqn, entry->subsystem_nqn, sizeof(connection.subsystem_nqn));
	stoq_table_put(live->connections[side], &entry->uid, &connection, false);
	stoq_table_put(live->ends[side], &connection.ends, &there, false);
}

bool stoq_join_live_has(struct stoq_join_live *live, enum stoq_join_side side, uint32_t uid)
{
	return stoq_table_find(live->connections[side], &uid) != NULL;
}

/* ---- counting ---- */

/* One command of this side is decided about: in the interval and in the total. */
static void count_alone(struct stoq_join_live *live, enum stoq_join_side side, size_t reason)
{
	struct stoq_join *joins[] = {&live->interval, &live->total};

	for (size_t i = 0; i < 2; i++) {
		joins[i]->commands[side]++;
		++*(uint64_t *)((char *)&joins[i]->alone[side] + reason);
	}
}

#define REASON(name) offsetof(struct stoq_join_alone, name)

static void count_both(struct stoq_join_live *live, size_t reason)
{
	count_alone(live, STOQ_JOIN_HOST, reason);
	count_alone(live, STOQ_JOIN_TARGET, reason);
}

static void name(struct stoq_join_live *live, const struct waiting *one, uint32_t other_uid,
	struct stoq_join_names_of *names)
{
	uint32_t uids[STOQ_JOIN_SIDES];

	uids[one->side] = one->uid;
	uids[!one->side] = other_uid;
	*names = (struct stoq_join_names_of){.host_nqn = "", .subsystem_nqn = ""};
	for (int side = 0; side < STOQ_JOIN_SIDES; side++) {
		const struct connection *connection =
			stoq_table_find(live->connections[side], &uids[side]);

		if (!connection)
			continue;
		names->host = connection->ends.host;
		names->controller = connection->ends.controller;
		if (connection->host_nqn[0])
			names->host_nqn = connection->host_nqn;
		if (connection->subsystem_nqn[0])
			names->subsystem_nqn = connection->subsystem_nqn;
	}
}

/* The command and the one that waited for it. 0 or -ENOMEM. */
static int count_pair(struct stoq_join_live *live, struct waiting *waiting, uint32_t uid,
	const struct stoq_join_command *command)
{
	enum stoq_join_side side = !waiting->side;
	struct stoq_join *joins[] = {&live->interval, &live->total};
	struct stoq_join_names_of names;
	int result = 0;

	waiting->command.latency_ns[side] = command->latency_ns[side];
	if (waiting->command.latency_ns[STOQ_JOIN_HOST] <
		waiting->command.latency_ns[STOQ_JOIN_TARGET]) {
		count_both(live, REASON(longer));
		return 0;
	}
	name(live, waiting, uid, &names);
	for (size_t i = 0; i < 2 && !result; i++) {
		joins[i]->commands[STOQ_JOIN_HOST]++;
		joins[i]->commands[STOQ_JOIN_TARGET]++;
		result = stoq_join_groups_add(joins[i], &names, &waiting->command);
	}
	return result;
}

/* ---- waiting ---- */

static void give_up(struct stoq_join_live *live, struct waiting *waiting, size_t reason)
{
	count_alone(live, waiting->side,
		waiting->command.state == STOQ_JOIN_AMBIGUOUS ? REASON(ambiguous) : reason);
	forget(live, waiting);
}

// NOLINTBEGIN(clang-analyzer-unix.Malloc): HASH_DEL takes the oldest one off live->waiting
void stoq_join_live_expire(struct stoq_join_live *live, uint64_t now_ns)
{
	while (live->waiting && now_ns - live->waiting->since_ns >= STOQ_JOIN_LIVE_PATIENCE_NS) {
		struct waiting *oldest = live->waiting;
		struct connection *connection =
			stoq_table_find(live->connections[oldest->side], &oldest->uid);
		bool there =
			connection && stoq_table_find(live->ends[!oldest->side], &connection->ends);

		give_up(live, oldest, there ? REASON(missing) : REASON(connection));
	}
}
// NOLINTEND(clang-analyzer-unix.Malloc)

/* 0 or -ENOMEM. */
static int wait_for_partner(struct stoq_join_live *live, const struct waiting *fresh)
{
	struct waiting *waiting = malloc(sizeof(*waiting));

	if (!waiting)
		return -ENOMEM;
	if (HASH_COUNT(live->waiting) >= live->room)
		give_up(live, live->waiting, REASON(crowded));
	*waiting = *fresh;
	live->waiting_count[waiting->side]++;
	HASH_ADD(hh, live->waiting, key, sizeof(waiting->key), waiting);
	return 0;
}

static int meet(struct stoq_join_live *live, struct waiting *waiting, const struct waiting *fresh)
{
	int result = 0;

	if (waiting->side == fresh->side || waiting->command.state == STOQ_JOIN_AMBIGUOUS) {
		waiting->command.state = STOQ_JOIN_AMBIGUOUS;
		count_alone(live, fresh->side, REASON(ambiguous));
		return 0;
	}
	if (waiting->command.print != fresh->command.print)
		count_both(live, REASON(different));
	else
		result = count_pair(live, waiting, fresh->uid, &fresh->command);
	forget(live, waiting);
	return result;
}

static int add_command(struct stoq_join_live *live, enum stoq_join_side side,
	const struct stoq_record_command *entry, uint64_t now_ns)
{
	const struct connection *connection = stoq_table_find(live->connections[side], &entry->uid);
	struct waiting fresh, *waiting;

	if (!connection) {
		count_alone(live, side, REASON(nameless));
		return 0;
	}
	memset(&fresh, 0, sizeof(fresh));
	memcpy(fresh.key.host, connection->ends.host.address, sizeof(fresh.key.host));
	memcpy(fresh.key.controller, connection->ends.controller.address,
		sizeof(fresh.key.controller));
	fresh.key.host_port = connection->ends.host.port;
	fresh.key.controller_port = connection->ends.controller.port;
	fresh.key.sequence = entry->sequence;
	fresh.key.cid = entry->cid;
	fresh.side = side;
	fresh.uid = entry->uid;
	fresh.since_ns = now_ns;
	stoq_join_command_from(&fresh.command, side, 0, 0, entry);
	HASH_FIND(hh, live->waiting, &fresh.key, sizeof(fresh.key), waiting);
	return waiting ? meet(live, waiting, &fresh) : wait_for_partner(live, &fresh);
}

/* ---- the whole ---- */

static void add_missed(struct stoq_record_missed *sum, const struct stoq_record_missed *missed)
{
	sum->lost += missed->lost;
	sum->unmatched += missed->unmatched;
	sum->unended += missed->unended;
	sum->untracked += missed->untracked;
	sum->unsynced_bytes += missed->unsynced_bytes;
}

int stoq_join_live_add(struct stoq_join_live *live, enum stoq_join_side side,
	const struct stoq_record_entry *entry, uint64_t now_ns)
{
	if (entry->kind == STOQ_RECORD_COMMAND)
		return add_command(live, side, &entry->command, now_ns);
	if (entry->kind == STOQ_RECORD_CONNECTION)
		add_connection(live, side, &entry->connection);
	else if (entry->kind == STOQ_RECORD_MISSED)
		add_missed(&live->missed[side], &entry->missed);
	return 0;
}

struct stoq_join *stoq_join_live_interval(struct stoq_join_live *live)
{
	stoq_join_groups_finish(&live->interval);
	return &live->interval;
}

struct stoq_join *stoq_join_live_total(struct stoq_join_live *live)
{
	stoq_join_groups_finish(&live->total);
	return &live->total;
}

void stoq_join_live_begin(struct stoq_join_live *live)
{
	stoq_join_groups_clear(&live->interval);
	memset(live->interval.alone, 0, sizeof(live->interval.alone));
	memset(live->interval.commands, 0, sizeof(live->interval.commands));
}

const struct stoq_record_missed *stoq_join_live_missed(
	const struct stoq_join_live *live, enum stoq_join_side side)
{
	return &live->missed[side];
}

uint64_t stoq_join_live_waiting(const struct stoq_join_live *live, enum stoq_join_side side)
{
	return live->waiting_count[side];
}
