// SPDX-License-Identifier: BSD-2-Clause
#include "guard/recorded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash_table.h"
#include "bpf/guard/engine.h"
#include "flow/identity.h"

/* A connection of the record, and the classes of its names. */
struct stoq_guard_recorded_flow {
	uint32_t uid;
	uint16_t host_class, subsystem_class;
	bool queue_known;
	struct stoq_identity identity;
	UT_hash_handle hh;
};

struct finding_key {
	struct stoq_identity identity;
	uint16_t rule;
};

struct stoq_guard_finding_entry {
	struct finding_key key;
	size_t at;
	UT_hash_handle hh;
};

/* ---- connections ---- */

static struct stoq_guard_recorded_flow *flow_of(struct stoq_guard_recorded *recorded, uint32_t uid)
{
	struct stoq_guard_recorded_flow *flow;

	HASH_FIND(hh, recorded->flows, &uid, sizeof(uid), flow);
	if (flow)
		return flow;
	if (HASH_COUNT(recorded->flows) >= STOQ_GUARD_RECORDED_FLOWS)
		return NULL;
	flow = calloc(1, sizeof(*flow));
	if (!flow)
		return NULL;
	flow->uid = uid;
	stoq_identity_clear(&flow->identity);
	HASH_ADD(hh, recorded->flows, uid, sizeof(flow->uid), flow);
	return flow;
}

static const char *known(const char *nqn)
{
	return nqn[0] ? nqn : NULL;
}

static void classify(
	struct stoq_guard_recorded_flow *flow, const struct stoq_guard_compiled *compiled)
{
	flow->host_class = stoq_guard_class_of(&compiled->hosts, known(flow->identity.host_nqn));
	flow->subsystem_class =
		stoq_guard_class_of(&compiled->subsystems, known(flow->identity.subsystem_nqn));
}

static int take_connection(struct stoq_guard_recorded *recorded,
	const struct stoq_guard_compiled *compiled, const struct stoq_record_connection *entry)
{
	struct stoq_guard_recorded_flow *flow = flow_of(recorded, entry->uid);

	if (!flow)
		return -ENOMEM;
	stoq_identity_from_ends(&flow->identity, entry->host_nqn, entry->subsystem_nqn,
		&entry->host, &entry->controller);
	flow->queue_known = entry->qid != STOQ_RECORD_UNKNOWN;
	classify(flow, compiled);
	return 0;
}

/* ---- commands ---- */

static int count_refused(struct stoq_guard_recorded *recorded,
	const struct stoq_guard_recorded_flow *flow, const struct stoq_record_command *command,
	uint16_t rule)
{
	struct stoq_guard_finding_entry *entry;
	struct stoq_guard_finding *finding;
	struct finding_key key;

	memset(&key, 0, sizeof(key));
	key.identity = flow->identity;
	stoq_identity_add_command(&key.identity,
		command->opcode == NVME_OPCODE_FABRICS ? -1 : (int64_t)command->nsid, command->kind,
		command->opcode, command->fctype);
	key.rule = rule;
	HASH_FIND(hh, recorded->index, &key, sizeof(key), entry);
	if (entry) {
		recorded->findings[entry->at].count++;
		return 0;
	}
	if (recorded->finding_count == STOQ_GUARD_FINDINGS_MAX) {
		recorded->beyond++;
		return 0;
	}
	finding = stoq_array_room(recorded->findings, recorded->finding_count,
		&recorded->finding_capacity, sizeof(*finding));
	entry = finding ? calloc(1, sizeof(*entry)) : NULL;
	if (finding)
		recorded->findings = finding;
	if (!entry)
		return -ENOMEM;
	entry->key = key;
	entry->at = recorded->finding_count++;
	HASH_ADD(hh, recorded->index, key, sizeof(entry->key), entry);
	recorded->findings[entry->at] = (struct stoq_guard_finding){.rule = rule,
		.identity = key.identity,
		.count = 1,
		.first_unix_ns = command->start_unix_ns,
		.first_slba = command->slba,
		.first_blocks = command->blocks};
	return 0;
}

/* As stoq_guard_request_from_sqe() does it, for one kind of queue; enum stoq_guard_touches. */
static uint32_t request_of(const struct stoq_guard_compiled *compiled,
	struct stoq_guard_request *request, const struct stoq_record_command *command,
	uint32_t kind)
{
	bool fabrics = command->opcode == NVME_OPCODE_FABRICS;
	uint32_t table = kind == NVME_QUEUE_IO ? STOQ_GUARD_IO : STOQ_GUARD_ADMIN;
	uint64_t last = command->slba + command->blocks - 1;
	uint32_t touches =
		stoq_guard_request_set(compiled, request, fabrics ? STOQ_GUARD_FABRICS : table,
			fabrics ? command->fctype : command->opcode, command->nsid);

	if (touches == STOQ_GUARD_TOUCHES_RANGE && command->blocks)
		stoq_guard_request_range(
			request, command->slba, last < command->slba ? UINT64_MAX : last);
	return touches;
}

/* As the guard's stoq_guard_judge() does it, also where the queue is not known; enum stoq_guard_touches. */
static uint32_t decide(const struct stoq_guard_compiled *compiled,
	const struct stoq_guard_recorded_flow *flow, const struct stoq_record_command *command,
	struct stoq_guard_decision *decision)
{
	struct stoq_guard_request request = {
		.host_class = flow->host_class, .subsystem_class = flow->subsystem_class};
	bool idle = !flow->queue_known && stoq_guard_is_idle_talk(command->opcode);
	uint32_t kind = idle ? NVME_QUEUE_ADMIN : command->kind;
	struct stoq_guard_decision part;
	uint32_t touches;

	if (!flow->queue_known && !idle) {
		request_of(compiled, &request, command, !kind);
		stoq_guard_decide(compiled, &request, decision);
	}
	touches = request_of(compiled, &request, command, kind);
	stoq_guard_decide(compiled, &request, &part);
	if (flow->queue_known || idle)
		*decision = part;
	else
		stoq_guard_merge(decision, &part);
	return touches;
}

static int take_command(struct stoq_guard_recorded *recorded,
	const struct stoq_guard_compiled *compiled, const struct stoq_record_command *command)
{
	struct stoq_guard_recorded_flow *flow = flow_of(recorded, command->uid);
	struct stoq_guard_decision decision;
	uint32_t touches;

	if (!flow)
		return -ENOMEM;
	if (!flow->host_class && !flow->identity.host_nqn[0])
		classify(flow, compiled);
	recorded->commands++;
	recorded->nameless += !flow->identity.host_nqn[0];
	touches = decide(compiled, flow, command, &decision);
	if (decision.verdict != STOQ_GUARD_DENY)
		return 0;
	recorded->refused++;
	recorded->unseen += touches == STOQ_GUARD_TOUCHES_LIST;
	return count_refused(recorded, flow, command, decision.rule);
}

static int by_count(const void *one, const void *other)
{
	const struct stoq_guard_finding *a = one, *b = other;

	return (a->count < b->count) - (a->count > b->count);
}

int stoq_guard_recorded_run(struct stoq_guard_recorded *recorded,
	const struct stoq_guard_explainer *explainer, struct stoq_record_reader *reader,
	struct stoq_error *error)
{
	struct stoq_record_entry entry;
	int result;

	*recorded = (struct stoq_guard_recorded){0};
	while ((result = stoq_record_next(reader, &entry, error)) == 1) {
		result = 0;
		if (entry.kind == STOQ_RECORD_CONNECTION)
			result = take_connection(recorded, explainer->compiled, &entry.connection);
		else if (entry.kind == STOQ_RECORD_COMMAND)
			result = take_command(recorded, explainer->compiled, &entry.command);
		if (result)
			return stoq_error_set(error, result,
				"no memory for the record's connections, of which %u can be kept",
				STOQ_GUARD_RECORDED_FLOWS);
	}
	if (recorded->finding_count)
		qsort(recorded->findings, recorded->finding_count, sizeof(*recorded->findings),
			by_count);
	return result;
}

/* clang's analyzer does not see that HASH_DEL takes an entry out of uthash's list. */
// NOLINTBEGIN(clang-analyzer-unix.Malloc)
void stoq_guard_recorded_free(struct stoq_guard_recorded *recorded)
{
	struct stoq_guard_recorded_flow *flow, *next_flow;
	struct stoq_guard_finding_entry *entry, *next_entry;

	HASH_ITER(hh, recorded->flows, flow, next_flow)
	{
		HASH_DEL(recorded->flows, flow);
		free(flow);
	}
	HASH_ITER(hh, recorded->index, entry, next_entry)
	{
		HASH_DEL(recorded->index, entry);
		free(entry);
	}
	free(recorded->findings);
}
// NOLINTEND(clang-analyzer-unix.Malloc)
