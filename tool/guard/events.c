// SPDX-License-Identifier: BSD-2-Clause
#include "tool/guard/events.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/privileges.h"
#include "guard/log.h"
#include "guard/report_event.h"
#include "guard/view.h"
#include "tool/guard/journal.h"
#include "tool/guard/options.h"
#include "tool/message.h"
#include "tool/output.h"
#include "tool/signals.h"

/* How often the log is looked at, and how often whether the guard is still on. */
#define LOOK_MS	     50
#define LOOKS_A_TURN 20
#define OUTPUT_MS    1000

struct following {
	const struct guard_options *options;
	struct stoq_guard_view view;
	struct stoq_guard_log log;
	struct tool_output output;    /* of the lines, or ... */
	struct guard_journal journal; /* ... of --journal */
	uint64_t offset_ns;
	uint64_t printed_lost;
	uint64_t unknown_hash; /* the last that no policy in force had */
};

/* The policy that decided, if it is still in force; read again after a reload. */
static const struct stoq_guard_policy *policy_of(
	struct following *following, const struct stoq_guard_record *record)
{
	struct stoq_guard_view *view = &following->view;

	if (view->in_force.installed &&
		view->in_force.installed->policy.hash == record->policy_hash)
		return view->policy_known ? &view->policy : NULL;
	if (following->unknown_hash == record->policy_hash)
		return NULL;
	if (stoq_guard_view_policy(view, NULL) == 0 &&
		view->in_force.installed->policy.hash == record->policy_hash)
		return view->policy_known ? &view->policy : NULL;
	following->unknown_hash = record->policy_hash;
	return NULL;
}

/* Of an event whose line is text. */
static void send_record(struct following *following, const struct stoq_guard_event *event)
{
	char line[STOQ_GUARD_EVENT_LINE];
	struct json_object *fields = stoq_guard_event_object(event);

	stoq_guard_event_line(line, event);
	if (fields)
		json_object_object_add(
			fields, "guard", json_object_new_string(following->view.pins.name));
	guard_journal_send(&following->journal,
		event->record->kind == STOQ_GUARD_RECORD_LOGGED ? GUARD_JOURNAL_INFO
								: GUARD_JOURNAL_WARNING,
		line, fields);
	json_object_put(fields);
}

static void print_record(struct following *following, const struct stoq_guard_record *record)
{
	const struct stoq_guard_view *view = &following->view;
	bool clone = record->kind == STOQ_GUARD_RECORD_CLONE;
	struct stoq_identity identity;
	uint8_t id[16], other_id[16];
	const struct stoq_guard_event event = {
		.record = record,
		.identity = &identity,
		.host_id = clone && stoq_guard_view_host_id(view, record->uid, id) ? id : NULL,
		.other_host_id = clone && stoq_guard_view_host_id(view, record->other_uid, other_id)
					 ? other_id
					 : NULL,
		.policy = policy_of(following, record),
		.unix_offset_ns = following->offset_ns,
	};
	char line[STOQ_GUARD_EVENT_LINE], *json;

	stoq_guard_view_identify(&following->view, record, &identity);
	if (following->options->journal) {
		send_record(following, &event);
		return;
	}
	if (!following->options->json) {
		stoq_guard_event_line(line, &event);
		tool_output_add(&following->output, line, true);
		return;
	}
	json = stoq_guard_event_json(&event);
	if (json)
		tool_output_add(&following->output, json, true);
	free(json);
}

/* A reader that is too slow, or a flood: what was overwritten is said, not passed over. */
static void print_lost(struct following *following)
{
	uint64_t lost = following->log.lost - following->printed_lost;
	char line[128];

	if (!lost)
		return;
	following->printed_lost = following->log.lost;
	if (following->options->journal) {
		snprintf(line, sizeof(line), "%llu events were overwritten before they were read",
			(unsigned long long)lost);
		guard_journal_send(&following->journal, GUARD_JOURNAL_ERROR, line, NULL);
		return;
	}
	snprintf(line, sizeof(line),
		following->options->json ? "{\"type\":\"lost\",\"events\":%llu}"
					 : "%llu events were overwritten before they were read",
		(unsigned long long)lost);
	tool_output_add(&following->output, line, true);
}

static void print_records(struct following *following)
{
	struct stoq_guard_record record;

	for (int i = 0; i < 4 * STOQ_GUARD_LOG_RECORDS; i++) {
		int found = stoq_guard_log_next(&following->log, &record);

		print_lost(following);
		if (!found)
			break;
		print_record(following, &record);
	}
	tool_output_flush(&following->output);
}

static int follow(struct following *following, int signal_fd)
{
	uint64_t end_ns = following->options->duration_ns
				  ? tool_now_ns() + following->options->duration_ns
				  : UINT64_MAX;
	struct pollfd stop = {.fd = signal_fd, .events = POLLIN};

	for (unsigned int turn = 1;; turn++) {
		print_records(following);
		if (tool_now_ns() >= end_ns || following->output.closed ||
			poll(&stop, 1, LOOK_MS) > 0)
			break;
		if (turn % LOOKS_A_TURN == 0 && !stoq_guard_view_is_current(&following->view)) {
			print_records(following);
			tool_notice(
				"guard %s was turned off or replaced", following->view.pins.name);
			break;
		}
	}
	print_records(following);
	return EXIT_SUCCESS;
}

/* Entries that the journal did not take are not known there: they are reported here. */
static int end_journal(struct following *following, struct stoq_error *error)
{
	uint64_t lost = following->journal.lost;

	guard_journal_close(&following->journal);
	if (!lost)
		return 0;
	return stoq_error_set(error, -EIO, "%s did not take %llu events",
		guard_journal_name(&following->journal), (unsigned long long)lost);
}

static int run_events(struct following *following, int signal_fd, struct stoq_error *error)
{
	int result = stoq_drop_privileges(STOQ_KEEP_BPF, error);

	if (!result && following->options->journal)
		result = guard_journal_open(&following->journal, error);
	if (result)
		return result;
	following->offset_ns = tool_unix_offset_ns();
	if (tool_output_init(&following->output, STDOUT_FILENO, signal_fd))
		return stoq_error_set(error, -ENOMEM, "no memory");
	stoq_guard_log_start(&following->log, following->view.records, following->view.state,
		following->options->last);
	if (following->options->journal)
		tool_notice("events go to %s", guard_journal_name(&following->journal));
	else if (!following->options->json)
		tool_output_add(&following->output, stoq_guard_event_heading(), true);
	follow(following, signal_fd);
	if (following->options->journal) {
		tool_output_end(&following->output, OUTPUT_MS);
		return end_journal(following, error);
	}
	return tool_output_explain(tool_output_end(&following->output, OUTPUT_MS), error);
}

int guard_events(int argc, char **argv)
{
	static struct guard_options options;
	static struct following following;
	struct stoq_error error;
	int status, signal_fd, result;

	if (guard_options_parse(&options, GUARD_EVENTS, argc, argv, &status))
		return status;
	following.options = &options;
	signal_fd = tool_signals_open(false, &error);
	if (signal_fd < 0)
		return tool_fail(&error);
	result = stoq_guard_view_open(
		&following.view, options.name ? options.name : GUARD_DEFAULT_NAME, &error);
	if (!result) {
		result = run_events(&following, signal_fd, &error);
		stoq_guard_view_close(&following.view);
	}
	close(signal_fd);
	return result ? tool_fail(&error) : EXIT_SUCCESS;
}
