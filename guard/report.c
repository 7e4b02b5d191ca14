// SPDX-License-Identifier: BSD-2-Clause
#include "guard/report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/timestamp.h"
#include "guard/print.h"
#include "guard/report_event.h"
#include "guard/report_limits.h"
#include "guard/room.h"

/* ---- reading ---- */

static void read_last(struct stoq_guard_status *status)
{
	const struct stoq_guard_view *view = status->view;
	struct stoq_guard_log log;

	stoq_guard_log_start(&log, view->records, view->state, STOQ_GUARD_LAST_EVENTS);
	while (status->last_count < STOQ_GUARD_LAST_EVENTS &&
		stoq_guard_log_next(&log, &status->last[status->last_count])) {
		stoq_guard_view_identify(view, &status->last[status->last_count],
			&status->last_identities[status->last_count]);
		status->last_count++;
	}
}

int stoq_guard_status_read(struct stoq_guard_status *status, const struct stoq_guard_view *view,
	uint64_t unix_offset_ns, struct stoq_error *error)
{
	int result;

	*status = (struct stoq_guard_status){.view = view, .unix_offset_ns = unix_offset_ns};
	result = stoq_guard_view_counts(view, status->counts);
	if (!result)
		result = stoq_guard_view_totals(view, status->totals);
	if (!result)
		result = stoq_guard_view_connections(view, &status->connections);
	if (result)
		return stoq_error_set(error, result, "cannot read the counters of guard %s: %s",
			view->pins.name, strerror(-result));
	for (size_t i = 0; i < view->manifest.side_count; i++)
		status->sides[i] = stoq_guard_view_side(view, i);
	read_last(status);
	status->drift = stoq_guard_drift_find(view, &status->drift_error);
	return 0;
}

bool stoq_guard_status_is_whole(const struct stoq_guard_status *status)
{
	const struct stoq_guard_manifest *manifest = &status->view->manifest;

	for (size_t i = 0; i < manifest->side_count; i++)
		if (status->sides[i] != STOQ_KEEP_ATTACHED)
			return false;
	return manifest->phase == STOQ_GUARD_ON && stoq_guard_limits_are_whole(status->view);
}

/* ---- text ---- */

static const char *phase_text(uint32_t phase, bool audit)
{
	switch (phase) {
	case STOQ_GUARD_ON:
		return audit ? "AUDIT (nothing is refused or dropped)" : "on";
	case STOQ_GUARD_REPLACING:
		return "HALF REPLACED (run `on --replace` again)";
	default:
		return "HALF MADE (run `on` again, or `off`)";
	}
}

static void print_time(FILE *file, uint64_t unix_ns)
{
	char text[STOQ_TIMESTAMP];

	fputs(stoq_timestamp_local(text, unix_ns, 0), file);
}

static void print_sides(FILE *file, const struct stoq_guard_status *status)
{
	static const char *const states[] = {
		[STOQ_KEEP_ATTACHED] = "",
		[STOQ_KEEP_BEHIND] = ", BEHIND a program of someone else",
		[STOQ_KEEP_GONE] = ", NOT ATTACHED any more: `on --replace` attaches it again",
	};
	const struct stoq_guard_manifest *manifest = &status->view->manifest;

	for (size_t i = 0; i < manifest->side_count; i++)
		fprintf(file, "  interface    %s %s, %s%s\n", manifest->sides[i].interface,
			manifest->sides[i].ingress ? "ingress" : "egress",
			stoq_attach_kind_name(manifest->sides[i].kind), states[status->sides[i]]);
}

static void print_drops(FILE *file, const struct stoq_guard_status *status)
{
	bool any = false;

	for (int i = STOQ_GUARD_DROP_NO_POLICY; i < STOQ_GUARD_TOTALS; i++) {
		if (!status->totals[i])
			continue;
		fprintf(file, "  %s %" PRIu64 " packets: %s\n",
			status->view->manifest.audit ? "would drop  " : "dropped     ",
			status->totals[i], stoq_guard_total_text((enum stoq_guard_total)i));
		any = true;
	}
	if (!any)
		fputs("  dropped      no packets\n", file);
}

static void print_rules(FILE *file, const struct stoq_guard_status *status)
{
	const struct stoq_guard_view *view = status->view;
	char line[STOQ_GUARD_RULE_LINE];

	fputs("  decided      rule\n", file);
	for (uint32_t i = 0; i < view->in_force.installed->policy.rule_count; i++) {
		if (view->policy_known && i < view->policy.rule_count)
			stoq_guard_rule_line(&view->policy, i, line);
		else
			snprintf(line, sizeof(line), "%u", i + 1);
		fprintf(file, "%12" PRIu64 "   %s\n", status->counts[i], line);
	}
	fprintf(file, "%12" PRIu64 "   default: %s\n", status->counts[STOQ_GUARD_COUNT_DEFAULT],
		stoq_guard_verdict_name(view->in_force.installed->policy.default_verdict));
}

static struct stoq_guard_event event_of(const struct stoq_guard_status *status, size_t i)
{
	const struct stoq_guard_view *view = status->view;
	bool same = status->last[i].policy_hash == view->in_force.installed->policy.hash;

	return (struct stoq_guard_event){
		.record = &status->last[i],
		.identity = &status->last_identities[i],
		.policy = view->policy_known && same ? &view->policy : NULL,
		.unix_offset_ns = status->unix_offset_ns,
	};
}

static void print_last(FILE *file, const struct stoq_guard_status *status)
{
	char line[STOQ_GUARD_EVENT_LINE];

	if (!status->last_count)
		return;
	fprintf(file, "  last events\n    %s\n", stoq_guard_event_heading());
	for (size_t i = 0; i < status->last_count; i++) {
		const struct stoq_guard_event event = event_of(status, i);

		stoq_guard_event_line(line, &event);
		fprintf(file, "    %s\n", line);
	}
}

static void print_drift(FILE *file, const struct stoq_guard_status *status)
{
	if (status->drift == STOQ_GUARD_DRIFT_DIFFERS)
		fputs("  DRIFT        the file is another policy than the one in force; `stoq guard "
		      "reload FILE` puts it in force\n",
			file);
	else if (status->drift == STOQ_GUARD_DRIFT_TEXT)
		fputs("  drift        the file has changed, and means the same\n", file);
	else if (status->drift == STOQ_GUARD_DRIFT_BROKEN)
		fprintf(file, "  DRIFT        the file would not be put in force again: %s\n",
			status->drift_error.text);
}

static void print_room(FILE *file, const struct stoq_guard_room *room)
{
	fprintf(file,
		"  room         for %" PRIu64 " connections: %" PRIu64 " in use, %" PRIu64
		" refused for lack of it%s\n",
		stoq_guard_room_size(room), (uint64_t)room->used, (uint64_t)room->refused,
		stoq_guard_room_is_short(room) ? ". WARNING: nearly full; `on --replace "
						 "--max-connections N` makes more"
					       : "");
}

void stoq_guard_status_print(FILE *file, const struct stoq_guard_status *status)
{
	const struct stoq_guard_view *view = status->view;
	const struct stoq_guard_connections *connections = &status->connections;
	bool audit = view->manifest.audit != 0;

	fprintf(file, "guard %s: %s since ", view->pins.name,
		phase_text(view->manifest.phase, audit));
	print_time(file, view->manifest.since_unix_ns);
	fprintf(file, "\n  policy       %s, hash %016" PRIx64 ", in force since ",
		view->in_force.path, (uint64_t)view->in_force.installed->policy.hash);
	print_time(file, view->in_force.since_unix_ns);
	fputc('\n', file);
	print_drift(file, status);
	if (stoq_guard_manifest_is_foreign(&view->manifest))
		fprintf(file,
			"  program      of another stoq (%.11s): `stoq guard on --replace --name "
			"%s "
			"FILE` puts this one's in its place\n",
			view->manifest.version, view->pins.name);
	print_sides(file, status);
	fprintf(file,
		"  connections  %" PRIu64 " of known hosts, %" PRIu64 " of unknown ones; %" PRIu64
		" cannot be followed\n",
		connections->known, connections->unknown, connections->unfollowed);
	print_room(file, &connections->room);
	fprintf(file, "  commands     %" PRIu64 " allowed, %" PRIu64 " %s, %" PRIu64 " logged\n",
		status->totals[STOQ_GUARD_ALLOWED], status->totals[STOQ_GUARD_DENIED],
		audit ? "would be refused" : "denied", status->totals[STOQ_GUARD_LOGGED]);
	if (status->totals[STOQ_GUARD_CLONES])
		fprintf(file,
			"  CLONES       %" PRIu64
			" Connects of a host NQN that another machine has; "
			"`stoq guard events --last 4096` names both\n",
			status->totals[STOQ_GUARD_CLONES]);
	print_drops(file, status);
	print_rules(file, status);
	stoq_guard_limits_status_print(file, status->view);
	print_last(file, status);
}
