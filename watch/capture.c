// SPDX-License-Identifier: BSD-2-Clause
#include "watch/capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/table.h"
#include "flow/identity.h"
#include "watch/events.h"
#include "watch/settings.h"
#include "watch/update.h"
#include "watch/watch_private.h"
#include "watch/writes.h"

static int open_decoder(
	struct stoq_watch *watch, const struct stoq_watch_config *config, struct stoq_error *error)
{
	struct stoq_program_settings settings = {.slow_ns = stoq_watch_reports_from(config),
		.report_errors = config->report_errors,
		.report_pdus = config->report_pdus,
		.keep_details = stoq_watch_keeps_details(config),
		.check = config->check};
	const struct stoq_program_tables *tables;
	int result;

	settings.ends = watch->filter->ends;
	settings.commands = watch->filter->commands;
	settings.keep_sizes = config->sizes;
	stoq_watch_sizes(config, &settings.sizes);
	result = stoq_program_open(&watch->decoder, &settings, error);
	if (result)
		return result;
	tables = stoq_program_tables(watch->decoder);
	watch->command_count = settings.sizes.commands;
	watch->commands = stoq_table_values(tables->commands);
	watch->details = stoq_table_values(tables->details);
	watch->tcps = stoq_table_values(tables->tcps);
	watch->kernel = stoq_program_globals(watch->decoder);
	stoq_program_on_event(watch->decoder, stoq_watch_on_event, watch);
	return 0;
}

/* In the header the capture stands where interfaces stand. */
static void name_capture(struct stoq_watch *watch, const char *kind, const char *name)
{
	const char *slash = strrchr(name, '/');

	snprintf(watch->interfaces[0], IF_NAMESIZE, "%.*s", IF_NAMESIZE - 1,
		slash && slash[1] ? slash + 1 : name);
	watch->interface_count = 1;
	snprintf(watch->attachment, sizeof(watch->attachment), "%s", kind);
	watch->model.interfaces = watch->interfaces;
	watch->model.gone = watch->gone;
	watch->model.interface_count = 1;
	watch->model.attachment = watch->attachment;
}

int stoq_watch_open_capture(struct stoq_watch **watch, const struct stoq_watch_config *config,
	const char *kind, const char *name, const struct stoq_event_handlers *handlers,
	struct stoq_error *error)
{
	struct stoq_watch *opened;
	int result = stoq_watch_check_limits(config, error);

	if (result)
		return result;
	opened = calloc(1, sizeof(*opened));
	if (!opened)
		return stoq_error_set(error, -ENOMEM, "no memory");
	opened->model.axis = config->axis;
	opened->model.staged = config->stages;
	opened->model.sized = config->sizes;
	stoq_watch_ask(opened, config);
	opened->handlers = handlers;
	stoq_identity_clear(&opened->nobody);
	result = open_decoder(opened, config, error);
	if (!result && (stoq_update_init(opened) || stoq_writes_open(opened)))
		result = stoq_error_set(error, -ENOMEM, "no memory");
	if (result) {
		stoq_watch_close(opened);
		return result;
	}
	name_capture(opened, kind, name);
	*watch = opened;
	return 0;
}

void stoq_watch_set_now(struct stoq_watch *watch, uint64_t now_ns)
{
	if (!watch->start_ns)
		watch->start_ns = watch->last_ns = now_ns;
	watch->now_ns = now_ns;
}

void stoq_watch_packet(
	struct stoq_watch *watch, const struct stoq_capture_packet *packet, uint64_t now_ns)
{
	stoq_watch_set_now(watch, now_ns);
	stoq_program_run(watch->decoder, packet, now_ns);
}

/* ---- records ---- */

/* The first connection of a record comes before the first command, and with it before the clock. */
static uint64_t later_of(const struct stoq_watch *watch, uint64_t time_ns)
{
	return time_ns > watch->now_ns && time_ns < UINT64_MAX / 2 ? time_ns : watch->now_ns;
}

static void add_connection(
	struct stoq_watch *watch, const struct stoq_record_connection *connection)
{
	struct stoq_flow_known known = {.host = connection->host,
		.controller = connection->controller,
		.vlan_id = connection->vlan_id};
	struct stoq_program_connection added = {.uid = connection->uid,
		.connected = connection->connected,
		.closed = connection->closed,
		.kind = (uint8_t)connection->kind,
		.qid = connection->qid,
		.cntlid = connection->cntlid,
		.data.cntlid = nvme_to_le16(STOQ_RECORD_UNKNOWN)};
	uint8_t host_is_a;

	stoq_flow_identity_key(&added.key, &host_is_a, &known);
	added.host_is_a = host_is_a;
	memcpy(added.data.hostnqn, connection->host_nqn, sizeof(added.data.hostnqn));
	memcpy(added.data.subnqn, connection->subsystem_nqn, sizeof(added.data.subnqn));
	stoq_program_add_connection(
		watch->decoder, &added, later_of(watch, connection->time_unix_ns));
}

/* A record has the ends of commands, and with them their begins. */
static void look_for_overlaps(struct stoq_watch *watch, const struct stoq_record_command *command)
{
	const struct stoq_event_command event = {.uid = command->uid,
		.start_ns = watch->now_ns - command->latency_ns,
		.latency_ns = command->latency_ns,
		.slba = command->slba,
		.nsid = command->nsid,
		.blocks = command->blocks,
		.cid = command->cid,
		.status = command->status,
		.opcode = command->opcode,
		.kind = command->kind,
		.dnr = command->do_not_retry};

	stoq_writes_on_ended(watch, &event);
}

static void add_command(struct stoq_watch *watch, const struct stoq_record_command *command)
{
	struct stoq_program_command added = {.command = {.slba = command->slba,
						     .nsid = command->nsid,
						     .bytes = command->bytes,
						     .blocks = command->blocks,
						     .sequence = command->sequence,
						     .opcode = command->opcode,
						     .kind = command->kind,
						     .fctype = command->fctype},
		.uid = command->uid,
		.cid = command->cid,
		.latency_ns = command->latency_ns,
		.cqe_status = (__u16)(command->status << 1 |
				      (command->do_not_retry ? NVME_CQE_STATUS_DNR : 0))};

	if (command->staged)
		added.stages = command->stages;
	stoq_program_add_command(watch->decoder, &added, watch->now_ns);
	look_for_overlaps(watch, command);
}

static void add_counts(struct stoq_watch *watch, const struct stoq_record_counts *counts)
{
	const struct stoq_overlap_counts *more = &counts->overlaps;
	struct stoq_overlap_counts *sum = &watch->model.overlaps;

	stoq_program_add_violations(watch->decoder, counts->violations);
	sum->found += more->found;
	sum->compared += more->compared;
	sum->unnamed += more->unnamed;
	sum->full += more->full;
	sum->lost += more->lost;
}

/* What a check has found. A kind of violation that a later version has is only counted. */
static void add_found(struct stoq_watch *watch, const struct stoq_record_entry *entry)
{
	if (entry->kind == STOQ_RECORD_VIOLATION &&
		entry->violation.violation.kind < STOQ_VIOLATIONS)
		stoq_watch_on_violation(watch, &entry->violation);
	else if (entry->kind == STOQ_RECORD_OVERLAP)
		stoq_writes_tell(watch, &entry->overlap);
	else if (entry->kind == STOQ_RECORD_COUNTS)
		add_counts(watch, &entry->counts);
}

void stoq_watch_use_found(struct stoq_watch *watch)
{
	watch->found_recorded = true;
}

void stoq_watch_entry(struct stoq_watch *watch, const struct stoq_record_entry *entry)
{
	if (entry->kind == STOQ_RECORD_CONNECTION)
		add_connection(watch, &entry->connection);
	else if (entry->kind == STOQ_RECORD_COMMAND)
		add_command(watch, &entry->command);
	else if (watch->check && watch->found_recorded)
		add_found(watch, entry);
}
