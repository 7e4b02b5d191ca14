// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/recorder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tool/message.h"
#include "watch/ledger.h"

struct watch_recorder {
	struct stoq_record_writer *writer;
	char *path;
	uint64_t unix_offset_ns;
	uint64_t now_ns; /* of the last event */
	uint64_t lost;
	struct stoq_record_missed before; /* totals, as far as they are in the record */
};

int watch_recorder_open(struct watch_recorder **recorder, const char *path, uint64_t size_bytes,
	uint64_t unix_offset_ns, struct stoq_error *error)
{
	struct watch_recorder *opened = calloc(1, sizeof(*opened));
	int result;

	if (opened)
		opened->path = strdup(path);
	if (!opened || !opened->path) {
		free(opened);
		return stoq_error_set(error, -ENOMEM, "no memory to record");
	}
	opened->unix_offset_ns = unix_offset_ns;
	result = stoq_record_writer_open(
		&opened->writer, path, size_bytes, stoq_clock_unix_ns(), error);
	if (result) {
		free(opened->path);
		free(opened);
		return result;
	}
	*recorder = opened;
	return 0;
}

/* Of the ends of a key, the host's or the controller's. */
static void set_end(struct stoq_flow_end *end, const struct stoq_ledger_flow *flow, bool host)
{
	bool a = host == flow->host_is_a;

	memcpy(end->address, a ? flow->key.address_a : flow->key.address_b, sizeof(end->address));
	end->port = ntohs(a ? flow->key.port_a : flow->key.port_b);
}

static void add_connection(
	struct watch_recorder *recorder, const struct stoq_ledger_flow *flow, bool closed)
{
	const struct stoq_identity *identity = &flow->identity;
	struct stoq_record_entry entry = {.kind = STOQ_RECORD_CONNECTION,
		.connection = {.uid = flow->uid,
			.connected = identity->host_nqn[0] || identity->qid >= 0,
			.closed = closed,
			.kind = identity->kind,
			.vlan_id = flow->key.vlan_id,
			.qid = identity->qid < 0 ? STOQ_RECORD_UNKNOWN : (uint16_t)identity->qid,
			.cntlid = identity->cntlid < 0 ? STOQ_RECORD_UNKNOWN
						       : (uint16_t)identity->cntlid,
			.time_unix_ns = recorder->now_ns + recorder->unix_offset_ns}};

	set_end(&entry.connection.host, flow, true);
	set_end(&entry.connection.controller, flow, false);
	memcpy(entry.connection.host_nqn, identity->host_nqn, sizeof(identity->host_nqn));
	memcpy(entry.connection.subsystem_nqn, identity->subsystem_nqn,
		sizeof(identity->subsystem_nqn));
	stoq_record_add(recorder->writer, &entry);
	stoq_record_learn(recorder->writer, flow->uid, flow->version);
}

static void on_command(
	void *context, const struct stoq_event_command *event, const struct stoq_ledger_flow *flow)
{
	const struct stoq_stages *stages = stoq_event_stages(event);
	struct watch_recorder *recorder = context;
	struct stoq_record_entry entry = {.kind = STOQ_RECORD_COMMAND,
		.command = {.start_unix_ns = event->start_ns + recorder->unix_offset_ns,
			.latency_ns = event->latency_ns,
			.slba = event->slba,
			.uid = event->uid,
			.sequence = event->sequence,
			.nsid = event->nsid,
			.bytes = event->bytes,
			.blocks = event->blocks,
			.cid = event->cid,
			.status = event->status,
			.opcode = event->opcode,
			.kind = event->kind,
			.fctype = event->fctype,
			.do_not_retry = event->dnr}};

	recorder->now_ns = event->start_ns + event->latency_ns;
	if (stages) {
		entry.command.staged = true;
		entry.command.stages = *stages;
	}
	if (flow && !stoq_record_knows(recorder->writer, flow->uid, flow->version))
		add_connection(recorder, flow, false);
	stoq_record_add(recorder->writer, &entry);
}

/* Of a connection that had no command there is nothing to end. */
static void on_closed(void *context, const struct stoq_ledger_flow *flow)
{
	struct watch_recorder *recorder = context;

	if (stoq_record_has(recorder->writer, flow->uid))
		add_connection(recorder, flow, true);
}

void watch_recorder_handlers(struct watch_recorder *recorder, struct stoq_event_handlers *handlers)
{
	if (!recorder)
		return;
	handlers->record = on_command;
	handlers->record_closed = on_closed;
	handlers->record_context = recorder;
}

static void note_missed(struct watch_recorder *recorder, const struct stoq_model *model)
{
	const struct stoq_record_missed now = {.lost = model->counters[STOQ_COUNT_EVENTS_LOST],
		.unmatched = model->unmatched,
		.unended = model->unended,
		.untracked = model->untracked,
		.unsynced_bytes = model->unsynced_bytes};
	struct stoq_record_missed *before = &recorder->before;
	struct stoq_record_entry entry = {.kind = STOQ_RECORD_MISSED,
		.missed = {.time_unix_ns = recorder->now_ns + recorder->unix_offset_ns,
			.lost = now.lost - before->lost,
			.unmatched = now.unmatched - before->unmatched,
			.unended = now.unended - before->unended,
			.untracked = now.untracked - before->untracked,
			.unsynced_bytes = now.unsynced_bytes - before->unsynced_bytes}};

	if (memcmp(&now, before, sizeof(now)) == 0)
		return;
	if (now.lost && !before->lost)
		tool_notice("commands are lost to the record: they end faster than they are "
			    "written. The record has how many");
	*before = now;
	stoq_record_add(recorder->writer, &entry);
}

int watch_recorder_tick(struct watch_recorder *recorder, const struct stoq_model *model,
	uint64_t now_ns, struct stoq_error *error)
{
	int result;

	if (!recorder)
		return 0;
	recorder->now_ns = now_ns;
	note_missed(recorder, model);
	result = stoq_record_flush(recorder->writer);
	if (!result)
		return 0;
	return stoq_error_set(error, result,
		"cannot record to %s any more: %s. What was written before can be read",
		recorder->path, strerror(-result));
}

int watch_recorder_close(struct watch_recorder *recorder, struct stoq_error *error)
{
	int result;

	if (!recorder)
		return 0;
	tool_notice("%" PRIu64 " commands recorded, %" PRIu64 " lost, %" PRIu64
		    " bytes written to %s",
		stoq_record_commands(recorder->writer), recorder->before.lost,
		stoq_record_bytes(recorder->writer), recorder->path);
	result = stoq_record_writer_close(recorder->writer, error);
	free(recorder->path);
	free(recorder);
	return result;
}
