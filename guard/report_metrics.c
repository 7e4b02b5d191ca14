// SPDX-License-Identifier: BSD-2-Clause
#include "guard/report_metrics.h"
#include "guard/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "guard/by_host.h"
#include "guard/report_event.h"
#include "guard/report_limits.h"
#include "guard/room.h"
#include "metrics/openmetrics.h"

struct writing {
	struct stoq_openmetrics text;
	const struct stoq_guard_status *status;
};

/* "stoq_guard_NAME{guard="...",KEY="VALUE"} N"; key: NULL: no more labels. */
static void put_sample(const struct writing *writing, const char *name, const char *key,
	const char *value, uint64_t number)
{
	fprintf(writing->text.out, "stoq_guard_%s{guard=\"", name);
	stoq_openmetrics_put_label(&writing->text, writing->status->view->pins.name);
	if (key) {
		fprintf(writing->text.out, "\",%s=\"", key);
		stoq_openmetrics_put_label(&writing->text, value);
	}
	fprintf(writing->text.out, "\"} %" PRIu64 "\n", number);
}

static void put_head(
	const struct writing *writing, const char *name, const char *help, const char *type)
{
	char family[64];

	snprintf(family, sizeof(family), "guard_%s", name);
	stoq_openmetrics_put_head(&writing->text, family, help, type);
}

static void put_gauge(
	const struct writing *writing, const char *name, const char *help, uint64_t number)
{
	put_head(writing, name, help, "gauge");
	put_sample(writing, name, NULL, NULL, number);
}

/* ---- what is on ---- */

static void put_state(const struct writing *writing)
{
	const struct stoq_guard_status *status = writing->status;
	const struct stoq_guard_view *view = status->view;

	put_gauge(writing, "whole", "1: all sides are attached, in front of other programs",
		stoq_guard_status_is_whole(status));
	put_gauge(writing, "audit",
		"1: nothing is refused or dropped; denied and dropped are what would have been",
		view->manifest.audit != 0);
	put_gauge(writing, "policy_since_seconds", "When the policy was put in force, in Unix time",
		view->in_force.since_unix_ns / 1000000000);
	put_gauge(writing, "policy_rules", "Rules of the policy in force",
		view->in_force.installed->policy.rule_count);
	put_head(writing, "policy_drift",
		"1 for how the policy's file compares to what is in force now", "gauge");
	for (int i = 0; i < STOQ_GUARD_DRIFTS; i++)
		put_sample(writing, "policy_drift", "state",
			stoq_guard_drift_name((enum stoq_guard_drift)i),
			status->drift == (enum stoq_guard_drift)i);
}

static void put_connections(const struct writing *writing)
{
	const struct stoq_guard_connections *connections = &writing->status->connections;
	const struct stoq_guard_room *room = &connections->room;

	put_head(writing, "connections",
		"Open connections: whose host is known, whose is not, and those that cannot be followed",
		"gauge");
	put_sample(writing, "connections", "state", "known", connections->known);
	put_sample(writing, "connections", "state", "unknown", connections->unknown);
	put_sample(writing, "connections", "state", "unfollowed", connections->unfollowed);
	put_gauge(writing, "room_connections", "Connections that there is room for",
		stoq_guard_room_size(room));
	put_gauge(writing, "room_used_connections", "Connections that have taken room", room->used);
	put_head(writing, "room_refused_connections", "Connections for which there was no room",
		"counter");
	put_sample(writing, "room_refused_connections_total", NULL, NULL, room->refused);
}

/* ---- what was decided ---- */

static void put_totals(const struct writing *writing)
{
	const uint64_t *totals = writing->status->totals;

	put_head(writing, "commands", "Commands by verdict; logged ones are also allowed or denied",
		"counter");
	for (int i = STOQ_GUARD_ALLOWED; i <= STOQ_GUARD_LOGGED; i++)
		put_sample(writing, "commands_total", "verdict",
			stoq_guard_total_name((enum stoq_guard_total)i), totals[i]);
	put_head(writing, "clones", "Connects of a host NQN that another machine has", "counter");
	put_sample(writing, "clones_total", NULL, NULL, totals[STOQ_GUARD_CLONES]);
	put_head(writing, "changes", "What was changed in packets, or ended", "counter");
	for (int i = STOQ_GUARD_PATCHED; i < STOQ_GUARD_DROP_NO_POLICY; i++)
		put_sample(writing, "changes_total", "change",
			stoq_guard_total_name((enum stoq_guard_total)i), totals[i]);
	put_head(writing, "dropped_packets", "Packets dropped, by reason", "counter");
	for (int i = STOQ_GUARD_DROP_NO_POLICY; i < STOQ_GUARD_TOTALS; i++)
		put_sample(writing, "dropped_packets_total", "reason",
			stoq_guard_total_name((enum stoq_guard_total)i), totals[i]);
}

/* A rule's name, or else its number; the default has the name "default". */
static void put_decisions(const struct writing *writing)
{
	const struct stoq_guard_status *status = writing->status;
	const struct stoq_guard_view *view = status->view;

	put_head(writing, "decisions",
		"Commands that a rule of the policy in force decided about or logged", "counter");
	for (uint32_t i = 0; i < view->in_force.installed->policy.rule_count; i++) {
		bool known = view->policy_known && i < view->policy.rule_count;
		const char *name = known ? view->policy.rules[i].text->name : NULL;

		fputs("stoq_guard_decisions_total{guard=\"", writing->text.out);
		stoq_openmetrics_put_label(&writing->text, view->pins.name);
		fprintf(writing->text.out, "\",rule=\"%" PRIu32 "\",name=\"", i + 1);
		stoq_openmetrics_put_label(&writing->text, name ? name : "");
		fprintf(writing->text.out, "\"} %" PRIu64 "\n", status->counts[i]);
	}
	fputs("stoq_guard_decisions_total{guard=\"", writing->text.out);
	stoq_openmetrics_put_label(&writing->text, view->pins.name);
	fprintf(writing->text.out, "\",rule=\"default\",name=\"\"} %" PRIu64 "\n",
		status->counts[STOQ_GUARD_COUNT_DEFAULT]);
}

int stoq_guard_metrics_text(const struct stoq_guard_status *status, enum stoq_metrics_format format,
	char **text, size_t *size)
{
	struct writing writing = {.status = status};

	*text = NULL;
	writing.text.prometheus = format == STOQ_METRICS_PROMETHEUS;
	writing.text.out = open_memstream(text, size);
	if (!writing.text.out)
		return -ENOMEM;
	put_state(&writing);
	put_connections(&writing);
	put_totals(&writing);
	put_decisions(&writing);
	stoq_guard_by_hosts_metrics(&writing.text, status->view);
	stoq_guard_limits_metrics(&writing.text, status->view);
	stoq_openmetrics_put_end(&writing.text);
	if (fclose(writing.text.out) == 0 && *text)
		return 0;
	free(*text);
	return -ENOMEM;
}
