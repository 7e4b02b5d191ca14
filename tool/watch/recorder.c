// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/recorder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "record/writer_socket.h"
#include "tool/message.h"
#include "tool/watch/joined.h"
#include "watch/ledger.h"

struct watch_recorder {
	struct stoq_record_writer *file;   /* NULL: none */
	struct stoq_record_writer *socket; /* the same */
	struct watch_joined *joined;	   /* the same */
	char *path;			   /* of the file */
	uint64_t unix_offset_ns;
	uint64_t now_ns;		  /* of the last event */
	bool strayed;			  /* the file has, and that was said */
	struct stoq_record_missed before; /* totals, as far as they are in the record */
	struct stoq_record_counts found;  /* likewise */
};

int watch_recorder_open(struct watch_recorder **recorder, const char *path, uint64_t size_bytes,
	bool checked, uint64_t unix_offset_ns, struct stoq_error *error)
{
	struct watch_recorder *opened = calloc(1, sizeof(*opened));
	int result;

	if (opened)
		opened->path = strdup(path ? path : "");
	if (!opened || !opened->path) {
		free(opened);
		return stoq_error_set(error, -ENOMEM, "no memory to record");
	}
	opened->unix_offset_ns = unix_offset_ns;
	result = path ? stoq_record_writer_open(&opened->file, path, size_bytes,
				checked ? STOQ_RECORD_CHECKED : 0, stoq_clock_unix_ns(), error)
		      : 0;
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

static void make_connection(const struct watch_recorder *recorder,
	const struct stoq_ledger_flow *flow, bool closed, struct stoq_record_entry *entry)
{
	const struct stoq_identity *identity = &flow->identity;

	*entry = (struct stoq_record_entry){.kind = STOQ_RECORD_CONNECTION,
		.connection = {.uid = flow->uid,
			.connected = identity->host_nqn[0] || identity->qid >= 0,
			.closed = closed,
			.kind = identity->kind,
			.vlan_id = flow->key.vlan_id,
			.qid = identity->qid < 0 ? STOQ_RECORD_UNKNOWN : (uint16_t)identity->qid,
			.cntlid = identity->cntlid < 0 ? STOQ_RECORD_UNKNOWN
						       : (uint16_t)identity->cntlid,
			.time_unix_ns = recorder->now_ns + recorder->unix_offset_ns}};
	set_end(&entry->connection.host, flow, true);
	set_end(&entry->connection.controller, flow, false);
	memcpy(entry->connection.host_nqn, identity->host_nqn, sizeof(identity->host_nqn));
	memcpy(entry->connection.subsystem_nqn, identity->subsystem_nqn,
		sizeof(identity->subsystem_nqn));
}

/* A command, and its connection where that is not known yet. writer: NULL is fine. */
static void write_command(const struct watch_recorder *recorder, struct stoq_record_writer *writer,
	const struct stoq_record_entry *entry, const struct stoq_ledger_flow *flow)
{
	struct stoq_record_entry connection;

	if (!writer)
		return;
	if (flow && !stoq_record_knows(writer, flow->uid, flow->version)) {
		make_connection(recorder, flow, false, &connection);
		stoq_record_add(writer, &connection);
		stoq_record_learn(writer, flow->uid, flow->version);
	}
	stoq_record_add(writer, entry);
}

static void join_command(const struct watch_recorder *recorder,
	const struct stoq_record_entry *entry, const struct stoq_ledger_flow *flow)
{
	struct stoq_record_entry connection;

	if (!recorder->joined)
		return;
	if (flow && !watch_joined_knows(recorder->joined, flow->uid, flow->version)) {
		make_connection(recorder, flow, false, &connection);
		watch_joined_add(recorder->joined, &connection);
	}
	watch_joined_add(recorder->joined, entry);
}

static void write_end(const struct watch_recorder *recorder, struct stoq_record_writer *writer,
	const struct stoq_ledger_flow *flow)
{
	struct stoq_record_entry connection;

	if (!writer || !stoq_record_has(writer, flow->uid))
		return;
	make_connection(recorder, flow, true, &connection);
	stoq_record_add(writer, &connection);
	stoq_record_forget(writer, flow->uid); /* it is handed on with each reading of the flows */
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
	write_command(recorder, recorder->file, &entry, flow);
	write_command(recorder, recorder->socket, &entry, flow);
	join_command(recorder, &entry, flow);
}

/* The connection of what was found, before that: it may have had no command, or none in the current file. */
static void write_found_connection(
	struct watch_recorder *recorder, const struct stoq_ledger_flow *flow)
{
	struct stoq_record_entry connection;

	if (!flow || stoq_record_knows(recorder->file, flow->uid, flow->version))
		return;
	make_connection(recorder, flow, !flow->open, &connection);
	stoq_record_add(recorder->file, &connection);
	stoq_record_learn(recorder->file, flow->uid, flow->version);
}

/* Times of a write that are known. */
static void to_unix(const struct watch_recorder *recorder, struct stoq_overlap_write *write)
{
	write->start_ns += recorder->unix_offset_ns;
	if (write->end_ns)
		write->end_ns += recorder->unix_offset_ns;
}

static void on_found(void *context, const struct stoq_event_happening *event,
	const struct stoq_ledger_flow *flow, const struct stoq_ledger_flow *other)
{
	struct watch_recorder *recorder = context;
	struct stoq_record_entry entry;

	if (!recorder->file)
		return;
	if (event->violation) {
		entry.kind = STOQ_RECORD_VIOLATION;
		entry.violation = *event->violation;
		entry.violation.time_ns += recorder->unix_offset_ns;
	} else {
		entry.kind = STOQ_RECORD_OVERLAP;
		entry.overlap = *event->overlap;
		to_unix(recorder, &entry.overlap.first);
		to_unix(recorder, &entry.overlap.second);
	}
	write_found_connection(recorder, flow);
	write_found_connection(recorder, other);
	stoq_record_add(recorder->file, &entry);
}

/* Of a connection that had no command there is nothing to end. */
static void on_closed(void *context, const struct stoq_ledger_flow *flow)
{
	struct watch_recorder *recorder = context;

	write_end(recorder, recorder->file, flow);
	write_end(recorder, recorder->socket, flow);
}

void watch_recorder_handlers(struct watch_recorder *recorder, struct stoq_event_handlers *handlers)
{
	if (!recorder)
		return;
	handlers->record = on_command;
	handlers->record_closed = on_closed;
	handlers->record_found = on_found;
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
	if (recorder->file)
		stoq_record_add(recorder->file, &entry);
	if (recorder->socket)
		stoq_record_add(recorder->socket, &entry);
	if (recorder->joined)
		watch_joined_add(recorder->joined, &entry);
}

static struct stoq_overlap_counts overlaps_since(
	const struct stoq_overlap_counts *now, const struct stoq_overlap_counts *before)
{
	return (struct stoq_overlap_counts){.found = now->found - before->found,
		.compared = now->compared - before->compared,
		.unnamed = now->unnamed - before->unnamed,
		.full = now->full - before->full,
		.lost = now->lost - before->lost};
}

static void note_found(struct watch_recorder *recorder, const struct stoq_model *model)
{
	struct stoq_record_counts now = {.overlaps = model->overlaps}, *before = &recorder->found;
	struct stoq_record_entry entry = {.kind = STOQ_RECORD_COUNTS,
		.counts = {.time_unix_ns = recorder->now_ns + recorder->unix_offset_ns,
			.overlaps = overlaps_since(&model->overlaps, &before->overlaps)}};

	if (!recorder->file || !model->checked)
		return;
	for (size_t i = 0; i < STOQ_VIOLATIONS; i++) {
		now.violations[i] = model->violations[i];
		entry.counts.violations[i] = now.violations[i] - before->violations[i];
	}
	if (memcmp(&now, before, sizeof(now)) == 0)
		return;
	*before = now;
	stoq_record_add(recorder->file, &entry);
}

void watch_recorder_serve(struct watch_recorder *recorder, struct stoq_record_writer *writer)
{
	recorder->socket = writer;
}

void watch_recorder_join(struct watch_recorder *recorder, struct watch_joined *joined)
{
	recorder->joined = joined;
}

int watch_recorder_flush(struct watch_recorder *recorder, struct stoq_error *error)
{
	int result = recorder && recorder->socket ? stoq_record_flush(recorder->socket) : 0;

	if (!result)
		return 0;
	return stoq_error_set(error, result,
		"the record is not served any more: the program that does so has ended (%s)",
		strerror(-result));
}

static void note_strayed(struct watch_recorder *recorder)
{
	if (!recorder->file || recorder->strayed || !stoq_record_strayed(recorder->file))
		return;
	recorder->strayed = true;
	tool_notice("%s was removed, renamed or truncated while it was written: a new one begins",
		recorder->path);
}

static const char *reason(int code)
{
	return code == -EEXIST ? "it, or the file with .1 behind its name, was replaced by one "
				 "that is not a record"
			       : strerror(-code);
}

int watch_recorder_tick(struct watch_recorder *recorder, const struct stoq_model *model,
	uint64_t now_ns, struct stoq_error *error)
{
	int result;

	if (!recorder)
		return 0;
	recorder->now_ns = now_ns;
	note_missed(recorder, model);
	note_found(recorder, model);
	result = recorder->file ? stoq_record_flush(recorder->file) : 0;
	if (!result)
		note_strayed(recorder);
	if (!result)
		return watch_recorder_flush(recorder, error);
	return stoq_error_set(error, result,
		"cannot record to %s any more: %s. What was written before can be read",
		recorder->path, reason(result));
}

/* What other nodes were sent. */
static int close_socket(struct watch_recorder *recorder, struct stoq_error *error)
{
	if (!recorder->socket)
		return 0;
	if (stoq_record_lost(recorder->socket))
		tool_notice("%" PRIu64 " of %" PRIu64
			    " commands were not served: they ended faster than they were taken",
			stoq_record_lost(recorder->socket), stoq_record_commands(recorder->socket));
	return stoq_record_writer_close(recorder->socket, error);
}

static int close_file(struct watch_recorder *recorder, struct stoq_error *error)
{
	uint64_t lost;

	if (!recorder->file)
		return 0;
	(void)stoq_record_flush(recorder->file); /* closing it reports that */
	lost = stoq_record_lost(recorder->file);
	tool_notice("%" PRIu64 " commands recorded, %" PRIu64 " lost, %" PRIu64
		    " bytes written to %s",
		stoq_record_commands(recorder->file) - lost, recorder->before.lost + lost,
		stoq_record_bytes(recorder->file), recorder->path);
	return stoq_record_writer_close(recorder->file, error);
}

int watch_recorder_close(struct watch_recorder *recorder, struct stoq_error *error)
{
	int result, served;

	if (!recorder)
		return 0;
	served = close_socket(recorder, error);
	result = close_file(recorder, error);
	free(recorder->path);
	free(recorder);
	return result ? result : served;
}
