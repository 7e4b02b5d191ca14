// SPDX-License-Identifier: BSD-2-Clause
#include "join/join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "join/groups.h"
#include "join/pending.h"

/* When the host began the first and the last command of a path that both records have. */
struct span {
	uint64_t first_ns, last_ns; /* first > last: there was none */
};

struct run {
	struct stoq_join *join;
	struct stoq_record_reader **readers;
	struct stoq_join_maps *maps;
	struct stoq_join_pending pending;
	struct span *spans; /* of each path, in the pass at hand */
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

/* The command, as it is compared. False: it is not of this pass, or has no connection. */
static bool take(struct run *run, enum stoq_join_side side, const struct stoq_record_command *entry,
	struct stoq_join_command *command)
{
	struct stoq_join *join = run->join;
	struct stoq_join_alone *alone = &join->alone[side];
	uint32_t connection = stoq_join_connections_find(&join->connections, side, entry->uid),
		 path;

	if (connection == STOQ_JOIN_NO_CONNECTION) {
		alone->nameless += run->pass == 0;
		return false;
	}
	path = join->connections.items[side][connection].path;
	if (!join->connections.paths[path].in[!side]) {
		alone->connection += run->pass == 0;
		return false;
	}
	stoq_join_command_from(command, side, path, connection, entry);
	return stoq_join_key_hash(&command->key) % join->passes == run->pass;
}

/* The host's commands of this pass are kept. */
static int keep(struct run *run)
{
	struct stoq_record_entry entry;
	struct stoq_join_command command;
	int result = stoq_record_rewind(run->readers[STOQ_JOIN_HOST], run->error);

	while (!result && (result = stoq_record_next(
				   run->readers[STOQ_JOIN_HOST], &entry, run->error)) == 1) {
		result = 0;
		if (entry.kind != STOQ_RECORD_COMMAND ||
			!take(run, STOQ_JOIN_HOST, &entry.command, &command))
			continue;
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

/* A command of the target, and the host's with its key. Whether the pair counts is known at the end only: a second
 * one may come. */
static void match(
	struct run *run, struct stoq_join_command *waiting, const struct stoq_join_command *command)
{
	struct stoq_join_alone *alone = &run->join->alone[STOQ_JOIN_TARGET];

	if (waiting->state == STOQ_JOIN_AMBIGUOUS) {
		alone->ambiguous++;
	} else if (waiting->print != command->print) {
		alone->different++;
		if (waiting->state == STOQ_JOIN_WAITS)
			waiting->state = STOQ_JOIN_DIFFERENT;
	} else if (waiting->state == STOQ_JOIN_TAKEN) {
		waiting->state = STOQ_JOIN_AMBIGUOUS;
		alone->ambiguous += 2;
	} else {
		waiting->state = STOQ_JOIN_TAKEN;
		waiting->connection[STOQ_JOIN_TARGET] = command->connection[STOQ_JOIN_TARGET];
		waiting->latency_ns[STOQ_JOIN_TARGET] = command->latency_ns[STOQ_JOIN_TARGET];
	}
}

static int match_all(struct run *run)
{
	struct stoq_record_reader *reader = run->readers[STOQ_JOIN_TARGET];
	struct stoq_record_entry entry;
	int result = stoq_record_rewind(reader, run->error);

	while (!result && (result = stoq_record_next(reader, &entry, run->error)) == 1) {
		struct stoq_join_command *waiting, command;

		result = 0;
		if (entry.kind != STOQ_RECORD_COMMAND ||
			!take(run, STOQ_JOIN_TARGET, &entry.command, &command))
			continue;
		waiting = stoq_join_pending_find(&run->pending, &command.key);
		if (waiting)
			match(run, waiting, &command);
		else
			run->join->alone[STOQ_JOIN_TARGET].missing++;
	}
	return result;
}

/* ---- what became of the host's commands ---- */

static void widen(struct run *run)
{
	for (uint64_t i = 0; i <= run->pending.mask; i++) {
		const struct stoq_join_command *item = &run->pending.items[i];
		struct span *span = &run->spans[item->key.path];

		if (item->state != STOQ_JOIN_TAKEN)
			continue;
		if (item->start_unix_ns < span->first_ns)
			span->first_ns = item->start_unix_ns;
		if (item->start_unix_ns > span->last_ns)
			span->last_ns = item->start_unix_ns;
	}
}

/* The names that the command's own connection has, by the record that has them. */
static void name(const struct stoq_join_connections *all, const struct stoq_join_command *item,
	struct stoq_join_names_of *names)
{
	const struct stoq_join_path *path = &all->paths[item->key.path];

	*names = (struct stoq_join_names_of){"", "", path->host, path->controller};
	for (int side = 0; side < STOQ_JOIN_SIDES; side++) {
		const struct stoq_join_nqns *nqns = all->items[side][item->connection[side]].nqns;

		if (nqns && nqns->host[0])
			names->host_nqn = nqns->host;
		if (nqns && nqns->subsystem[0])
			names->subsystem_nqn = nqns->subsystem;
	}
}

/* 0 or -ENOMEM. */
static int count_pair(struct run *run, const struct stoq_join_command *item)
{
	struct stoq_join_names_of names;

	name(&run->join->connections, item, &names);
	if (item->latency_ns[STOQ_JOIN_HOST] >= item->latency_ns[STOQ_JOIN_TARGET])
		return stoq_join_groups_add(run->join, &names, item);
	for (int side = 0; side < STOQ_JOIN_SIDES; side++)
		run->join->alone[side].longer++;
	return 0;
}

/* Those that have a partner count, the others have a reason. 0 or -ENOMEM. */
static int account(struct run *run)
{
	struct stoq_join_alone *alone = &run->join->alone[STOQ_JOIN_HOST];
	int result = 0;

	widen(run);
	for (uint64_t i = 0; i <= run->pending.mask && !result; i++) {
		const struct stoq_join_command *item = &run->pending.items[i];
		const struct span *span = &run->spans[item->key.path];

		if (item->state == STOQ_JOIN_TAKEN)
			result = count_pair(run, item);
		else if (item->state == STOQ_JOIN_AMBIGUOUS)
			alone->ambiguous++;
		else if (item->state == STOQ_JOIN_DIFFERENT)
			alone->different++;
		else if (item->state == STOQ_JOIN_WAITS && item->start_unix_ns >= span->first_ns &&
			 item->start_unix_ns <= span->last_ns)
			alone->missing++;
		else if (item->state == STOQ_JOIN_WAITS)
			alone->outside++;
	}
	return result ? no_memory(run) : 0;
}

static int run_pass(struct run *run)
{
	int result;

	for (size_t i = 0; i < run->join->connections.path_count; i++)
		run->spans[i] = (struct span){UINT64_MAX, 0};
	stoq_join_pending_clear(&run->pending);
	result = keep(run);
	if (!result)
		result = match_all(run);
	return result ? result : account(run);
}

/* ---- network address translation ---- */

/* Names that both have, and numbers. */
static bool may_be_same(
	const struct stoq_join_connection *one, const struct stoq_join_connection *other)
{
	return one->nqns && one->nqns == other->nqns && one->nqns->host[0] &&
	       one->qid == other->qid && one->cntlid == other->cntlid;
}

static const struct stoq_join_connection *latest_of(
	const struct stoq_join_connections *all, const struct stoq_join_path *path, int side)
{
	return &all->items[side][path->latest[side]];
}

/* The path of the target's record that may be this one of the host's, or NULL. */
static const struct stoq_join_path *look_for(
	const struct stoq_join_connections *all, const struct stoq_join_path *path)
{
	const struct stoq_join_connection *one = latest_of(all, path, STOQ_JOIN_HOST);

	for (size_t i = 0; i < all->path_count; i++) {
		const struct stoq_join_path *other = &all->paths[i];

		if (!other->in[STOQ_JOIN_HOST] &&
			may_be_same(one, latest_of(all, other, STOQ_JOIN_TARGET)))
			return other;
	}
	return NULL;
}

#define HINT_LOOKS 1000 /* paths of the host's record that are looked for */

/* Connections that are in one record only, by what they have beside addresses. */
static void find_hints(struct stoq_join *join)
{
	const struct stoq_join_connections *all = &join->connections;
	size_t count = all->path_count < HINT_LOOKS ? all->path_count : HINT_LOOKS;

	for (size_t i = 0; i < count && join->hint_count < STOQ_JOIN_HINTS; i++) {
		const struct stoq_join_path *one = &all->paths[i], *other = NULL;

		if (!one->in[STOQ_JOIN_TARGET])
			other = look_for(all, one);
		if (other)
			join->hints[join->hint_count++] = (struct stoq_join_hint){
				one->host, one->controller, other->host, other->controller};
	}
}

/* ---- the whole ---- */

int stoq_join_run(struct stoq_join *join, struct stoq_record_reader *readers[STOQ_JOIN_SIDES],
	struct stoq_join_maps *maps, uint32_t room, struct stoq_error *error)
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
	run.spans = calloc(join->connections.path_count + 1, sizeof(*run.spans));
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
	stoq_join_groups_free(join);
}
