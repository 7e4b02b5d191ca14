// SPDX-License-Identifier: BSD-2-Clause
#include "join/join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "join/groups.h"
#include "join/pending.h"

/* When the host began the first and the last command of a connection that both records have. */
struct span {
	uint64_t first_ns, last_ns; /* first > last: there was none */
};

struct run {
	struct stoq_join *join;
	struct stoq_record_reader **readers;
	const struct stoq_join_maps *maps;
	struct stoq_join_pending pending;
	struct span *spans; /* of each connection, in the pass at hand */
	unsigned int pass;
	struct stoq_error *error;
};

static int no_memory(struct run *run)
{
	return stoq_error_set(run->error, -ENOMEM, "no memory to join the records");
}

/* ---- which connections there are, and how many commands ---- */

static int scan(struct run *run, enum stoq_join_side side)
{
	struct stoq_join *join = run->join;
	struct stoq_record_entry entry;
	int result;

	while ((result = stoq_record_next(run->readers[side], &entry, run->error)) == 1) {
		if (entry.kind == STOQ_RECORD_COMMAND)
			join->commands[side]++;
		if (entry.kind != STOQ_RECORD_CONNECTION)
			continue;
		result = stoq_join_connections_add(
			&join->connections, side, &entry.connection, run->maps);
		if (result == -E2BIG)
			return stoq_error_set(run->error, result,
				"a record has more than %u connections: record for a shorter time",
				STOQ_JOIN_CONNECTIONS_MAX);
		if (result)
			return no_memory(run);
	}
	return result;
}

/* ---- matching ---- */

/* Fills what the command is found by. False: it is not of this pass, or has no connection. */
static bool take_key(struct run *run, enum stoq_join_side side,
	const struct stoq_record_command *command, struct stoq_join_key *key)
{
	struct stoq_join *join = run->join;
	struct stoq_join_alone *alone = &join->alone[side];

	*key = (struct stoq_join_key){
		.connection = stoq_join_connections_find(&join->connections, side, command->uid),
		.sequence = command->sequence,
		.cid = command->cid};
	if (key->connection != STOQ_JOIN_NO_CONNECTION &&
		join->connections.items[key->connection].in[!side])
		return stoq_join_key_hash(key) % join->passes == run->pass;
	if (run->pass == 0 && key->connection == STOQ_JOIN_NO_CONNECTION)
		alone->nameless++;
	else if (run->pass == 0)
		alone->connection++;
	return false;
}

/* The host's commands of this pass are kept. */
static int keep(struct run *run)
{
	struct stoq_record_entry entry;
	struct stoq_join_command command = {0};
	int result = stoq_record_rewind(run->readers[STOQ_JOIN_HOST], run->error);

	while (!result && (result = stoq_record_next(
				   run->readers[STOQ_JOIN_HOST], &entry, run->error)) == 1) {
		result = 0;
		if (entry.kind != STOQ_RECORD_COMMAND ||
			!take_key(run, STOQ_JOIN_HOST, &entry.command, &command.key))
			continue;
		command.opcode = entry.command.opcode;
		command.nsid = entry.command.nsid;
		command.start_unix_ns = entry.command.start_unix_ns;
		command.latency_ns = entry.command.latency_ns;
		result = stoq_join_pending_add(&run->pending, &command);
		if (result < 0)
			return stoq_error_set(run->error, result,
				"the commands of the host's record are too uneven to be joined: "
				"record for a shorter time");
		run->join->alone[STOQ_JOIN_HOST].ambiguous += (uint64_t)result;
		result = 0;
	}
	return result;
}

static void widen(struct span *span, uint64_t ns)
{
	if (ns < span->first_ns)
		span->first_ns = ns;
	if (ns > span->last_ns)
		span->last_ns = ns;
}

/* A command of the target, and the host's with its key. 0 or -ENOMEM. */
static int match(struct run *run, struct stoq_join_command *waiting,
	const struct stoq_record_command *command)
{
	struct stoq_join_alone *alone = &run->join->alone[STOQ_JOIN_TARGET];
	uint32_t connection = waiting->key.connection;

	if (waiting->state != STOQ_JOIN_WAITS) {
		alone->ambiguous++;
		return 0;
	}
	if (waiting->opcode != command->opcode || waiting->nsid != command->nsid) {
		waiting->state = STOQ_JOIN_DIFFERENT;
		alone->different++;
		return 0;
	}
	widen(&run->spans[connection], waiting->start_unix_ns);
	if (waiting->latency_ns < command->latency_ns) {
		waiting->state = STOQ_JOIN_LONGER;
		alone->longer++;
		return 0;
	}
	waiting->state = STOQ_JOIN_MATCHED;
	return stoq_join_groups_add(run->join, &run->join->connections.items[connection], command,
		waiting->latency_ns, command->latency_ns);
}

static int match_all(struct run *run)
{
	struct stoq_record_reader *reader = run->readers[STOQ_JOIN_TARGET];
	struct stoq_record_entry entry;
	int result = stoq_record_rewind(reader, run->error);

	while (!result && (result = stoq_record_next(reader, &entry, run->error)) == 1) {
		struct stoq_join_command *waiting;
		struct stoq_join_key key;

		result = 0;
		if (entry.kind != STOQ_RECORD_COMMAND ||
			!take_key(run, STOQ_JOIN_TARGET, &entry.command, &key))
			continue;
		waiting = stoq_join_pending_find(&run->pending, &key);
		if (!waiting)
			run->join->alone[STOQ_JOIN_TARGET].missing++;
		else if (match(run, waiting, &entry.command))
			return no_memory(run);
	}
	return result;
}

/* Why the host's commands that are left have no partner. */
static void account(struct run *run)
{
	struct stoq_join_alone *alone = &run->join->alone[STOQ_JOIN_HOST];

	for (uint64_t i = 0; i <= run->pending.mask; i++) {
		const struct stoq_join_command *item = &run->pending.items[i];
		const struct span *span = &run->spans[item->key.connection];

		if (item->state == STOQ_JOIN_WAITS && item->start_unix_ns >= span->first_ns &&
			item->start_unix_ns <= span->last_ns)
			alone->missing++;
		else if (item->state == STOQ_JOIN_WAITS)
			alone->outside++;
		else if (item->state == STOQ_JOIN_AMBIGUOUS)
			alone->ambiguous++;
		else if (item->state == STOQ_JOIN_DIFFERENT)
			alone->different++;
		else if (item->state == STOQ_JOIN_LONGER)
			alone->longer++;
	}
}

static int run_pass(struct run *run)
{
	int result;

	for (size_t i = 0; i < run->join->connections.count; i++)
		run->spans[i] = (struct span){UINT64_MAX, 0};
	stoq_join_pending_clear(&run->pending);
	result = keep(run);
	if (!result)
		result = match_all(run);
	if (!result)
		account(run);
	return result;
}

/* ---- network address translation ---- */

static bool may_be_same(
	const struct stoq_join_connection *one, const struct stoq_join_connection *other)
{
	return one->host_nqn[0] && one->qid == other->qid && one->cntlid == other->cntlid &&
	       strcmp(one->host_nqn, other->host_nqn) == 0 &&
	       strcmp(one->subsystem_nqn, other->subsystem_nqn) == 0;
}

#define HINT_LOOKS 1000 /* connections of either side that are looked at */

/* Connections that are in one record only, by what they have beside addresses. */
static void find_hints(struct stoq_join *join)
{
	const struct stoq_join_connections *all = &join->connections;
	size_t count = all->count < HINT_LOOKS ? all->count : HINT_LOOKS;

	for (size_t i = 0; i < count; i++) {
		const struct stoq_join_connection *one = &all->items[i];

		if (one->in[STOQ_JOIN_TARGET])
			continue;
		for (size_t j = 0; j < all->count && join->hint_count < STOQ_JOIN_HINTS; j++) {
			const struct stoq_join_connection *other = &all->items[j];

			if (other->in[STOQ_JOIN_HOST] || !may_be_same(one, other))
				continue;
			join->hints[join->hint_count++] = (struct stoq_join_hint){
				one->host, one->controller, other->host, other->controller};
			break;
		}
	}
}

/* ---- the whole ---- */

int stoq_join_run(struct stoq_join *join, struct stoq_record_reader *readers[STOQ_JOIN_SIDES],
	const struct stoq_join_maps *maps, uint32_t room, struct stoq_error *error)
{
	struct run run = {.join = join, .readers = readers, .maps = maps, .error = error};
	uint64_t passes;
	int result;

	*join = (struct stoq_join){0};
	result = stoq_join_groups_init(join) ? no_memory(&run) : scan(&run, STOQ_JOIN_HOST);
	if (!result)
		result = scan(&run, STOQ_JOIN_TARGET);
	if (result)
		return result;
	/* Hashes are not quite even: a fifth more room than the mean needs. */
	passes = join->commands[STOQ_JOIN_HOST] / (room - room / 5) + 1;
	join->passes = (unsigned int)passes;
	if (passes == 1)
		room = (uint32_t)join->commands[STOQ_JOIN_HOST];
	run.spans = calloc(join->connections.count + 1, sizeof(*run.spans));
	if (!run.spans || stoq_join_pending_init(&run.pending, room))
		result = no_memory(&run);
	for (run.pass = 0; !result && run.pass < join->passes; run.pass++)
		result = run_pass(&run);
	stoq_join_pending_free(&run.pending);
	free(run.spans);
	stoq_join_groups_finish(join);
	find_hints(join);
	return result;
}

void stoq_join_free(struct stoq_join *join)
{
	stoq_join_connections_free(&join->connections);
	free(join->groups);
	free(join->group_index);
}
