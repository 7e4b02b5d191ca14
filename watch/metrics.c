// SPDX-License-Identifier: BSD-2-Clause
#include "watch/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/label.h"
#include "flow/stages.h"
#include "flow/violations.h"
#include "metrics/openmetrics.h"
#include "nvme/nvme_names.h"
#include "watch/filter.h"
#include "watch/places.h"

/* ---- commands ---- */

/* Each set's sample of a family, all of them with one name. */
static void put_each(const struct stoq_openmetrics *text, const char *name,
	const struct stoq_totals *totals, uint64_t (*value)(const struct stoq_total_set *set))
{
	for (size_t i = 0; i < stoq_totals_count(totals); i++) {
		const struct stoq_total_set *set = stoq_totals_get(totals, i);

		stoq_openmetrics_put_sample(text, name, set->labels, value(set));
	}
}

static uint64_t commands_of(const struct stoq_total_set *set)
{
	return set->total.commands;
}

static uint64_t errors_of(const struct stoq_total_set *set)
{
	return set->total.errors;
}

static uint64_t bytes_of(const struct stoq_total_set *set)
{
	return set->total.bytes;
}

static uint64_t outstanding_of(const struct stoq_total_set *set)
{
	return set->outstanding;
}

static void put_latencies(const struct stoq_openmetrics *text, const struct stoq_totals *totals)
{
	stoq_openmetrics_put_head(text, "nvme_command_latency_seconds",
		"Time from the command capsule to the completion", "histogram");
	for (size_t i = 0; i < stoq_totals_count(totals); i++) {
		const struct stoq_total_set *set = stoq_totals_get(totals, i);

		stoq_openmetrics_put_latency(text, "nvme_command_latency_seconds", set->labels,
			&set->total.latency, set->total.latency_sum_ns);
	}
}

/* Their sums only: a histogram of each would be four times as many lines as all the others. */
static void put_stages(const struct stoq_openmetrics *text, const struct stoq_totals *totals)
{
	stoq_openmetrics_put_head(text, "nvme_command_stage_seconds",
		"Time of commands by stage; the stages add up to the latency", "counter");
	for (size_t i = 0; i < stoq_totals_count(totals); i++) {
		const struct stoq_total_set *set = stoq_totals_get(totals, i);

		for (unsigned int stage = 0; stage < STOQ_STAGES; stage++) {
			char label[32];

			snprintf(label, sizeof(label), ",stage=\"%s\"",
				stoq_stage_name((enum stoq_stage)stage));
			stoq_openmetrics_put_seconds(text, "nvme_command_stage_seconds_total",
				set->labels, label, set->total.stage_ns[stage]);
		}
	}
}

static void put_commands(const struct stoq_openmetrics *text, const struct stoq_totals *totals)
{
	stoq_openmetrics_put_head(
		text, "nvme_commands", "Commands that were completed, with any status", "counter");
	put_each(text, "nvme_commands_total", totals, commands_of);
	stoq_openmetrics_put_head(text, "nvme_command_errors",
		"Commands that were completed with a status other than success", "counter");
	put_each(text, "nvme_command_errors_total", totals, errors_of);
	stoq_openmetrics_put_head(text, "nvme_data_bytes",
		"Data of commands that succeeded, in either direction", "counter");
	put_each(text, "nvme_data_bytes_total", totals, bytes_of);
	stoq_openmetrics_put_head(text, "nvme_commands_outstanding",
		"Commands that have begun and not ended", "gauge");
	put_each(text, "nvme_commands_outstanding", totals, outstanding_of);
	put_latencies(text, totals);
}

/* ---- everything else ---- */

static void put_statuses(const struct stoq_openmetrics *text, const struct stoq_model *model)
{
	stoq_openmetrics_put_head(text, "nvme_statuses",
		"Completions with a status other than success, by status", "counter");
	for (size_t i = 0; i < model->status_count; i++) {
		const struct stoq_status_line *line = &model->statuses[i];
		char status[NVME_NAME_LENGTH], opcode[NVME_NAME_LENGTH];

		fputs("stoq_nvme_statuses_total{", text->out);
		stoq_openmetrics_put_pair(text, "status",
			nvme_status_name(line->kind, line->opcode, line->status, status));
		fprintf(text->out, ",code=\"%03xh\",", line->status);
		stoq_openmetrics_put_pair(text, "opcode",
			line->opcode == NVME_OPCODE_FABRICS
				? "Fabrics"
				: nvme_opcode_name(line->kind, line->opcode, 0, opcode));
		fprintf(text->out, ",queue=\"%s\"} %llu\n",
			line->kind == NVME_QUEUE_ADMIN ? "admin" : "io",
			(unsigned long long)line->total);
	}
}

/* With labels as the others of put_commands(). */
static void put_other_statuses(const struct stoq_openmetrics *text, const struct stoq_model *model)
{
	if (model->other_statuses)
		stoq_openmetrics_put_sample(text, "nvme_statuses_total",
			"status=\"others\",code=\"others\",opcode=\"others\",queue=\"others\"",
			model->other_statuses);
}

static void put_connections(const struct stoq_openmetrics *text, const struct stoq_model *model)
{
	stoq_openmetrics_put_head(text, "nvme_connections",
		"TCP connections that are open, by how well they are followed", "gauge");
	for (unsigned int i = 0; i < STOQ_FLOW_STATES; i++)
		if (i != STOQ_FLOW_CLOSED)
			fprintf(text->out, "stoq_nvme_connections{state=\"%s\"} %llu\n",
				stoq_flow_state_name((enum stoq_flow_state)i),
				(unsigned long long)model->flow_states[i]);
}

static void put_violations(const struct stoq_openmetrics *text, const struct stoq_model *model)
{
	const struct stoq_figure overlaps = {"nvme_overlapping_writes",
		"Pairs of writes to the same blocks, outstanding on two connections at once", true,
		false, model->overlaps.found};
	const struct stoq_figure unnamed = {"watch_writes_uncompared",
		"Writes that were not compared with all others: no room, events lost, names not known",
		true, false, model->overlaps.unnamed + model->overlaps.full + model->overlaps.lost};

	stoq_openmetrics_put_head(text, "nvme_protocol_violations",
		"PDUs that the protocol forbids, by what is wrong with them", "counter");
	for (uint32_t i = 0; i < STOQ_VIOLATION_HEADER_DIGEST_WRONG;
		i++) /* live there are no others */
		fprintf(text->out, "stoq_nvme_protocol_violations_total{kind=\"%s\"} %llu\n",
			stoq_violation_name(i), (unsigned long long)model->violations[i]);
	stoq_openmetrics_put_figure(text, &overlaps);
	stoq_openmetrics_put_figure(text, &unnamed);
}

/* What the figures do not contain, and what they rest on. */
static void put_watch(const struct stoq_openmetrics *text, const struct stoq_model *model,
	const struct stoq_totals *totals)
{
	const uint64_t *counters = model->counters;
	const struct stoq_figure figures[] = {
		{"nvme_connections_closed", "TCP connections that ended", true, false,
			model->flow_states[STOQ_FLOW_CLOSED]},
		{"nvme_negotiations_failed",
			"Connections that ended after an ICReq, before a command", true, false,
			counters[STOQ_COUNT_NEGOTIATIONS_FAILED]},
		{"nvme_tls_handshakes_failed", "Connections that ended within a TLS handshake",
			true, false, counters[STOQ_COUNT_HANDSHAKES_FAILED]},
		{"watch_packets", "Packets that were looked at", true, false,
			counters[STOQ_COUNT_PACKETS]},
		{"watch_pdus", "NVMe/TCP PDUs that were followed", true, false, model->pdus},
		{"watch_unsynced_bytes", "Payload of NVMe/TCP connections that was not understood",
			true, false, model->unsynced_bytes},
		{"watch_commands_unended", "Commands that were not seen to end", true, false,
			model->unended},
		{"watch_commands_untracked",
			"Commands for which there was no room (--max-commands)", true, false,
			model->untracked},
		{"watch_completions_unmatched", "Completions of commands that began unseen", true,
			false, model->unmatched},
		{"watch_connections_refused", "Connections that were not followed (--max-flows)",
			true, false, counters[STOQ_COUNT_FLOWS_FULL]},
		{"watch_commands_ungrouped", "Commands in the sums only (--max-series)", true,
			false, counters[STOQ_COUNT_SERIES_FULL]},
		{"watch_packets_contended", "Packets passed over: two CPUs at one connection", true,
			false, counters[STOQ_COUNT_CONTENDED]},
		{"watch_early_segments_full", "Early segments that were not kept (--max-early)",
			true, false, counters[STOQ_COUNT_EARLY_FULL]},
		{"watch_label_sets_folded",
			"Series of connections that were counted as others: there are more label sets than have samples",
			false, false, stoq_totals_folded(totals)},
		{"watch_interfaces_gone", "Interfaces that went away", false, false,
			stoq_model_gone(model)},
		{"watch_uptime_seconds", "Since the counters began", false, true,
			model->elapsed_ns},
	};

	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		stoq_openmetrics_put_figure(text, &figures[i]);
}

/* What the samples are of, if they are not of everything. */
static void put_filter(const struct stoq_openmetrics *text, const struct stoq_filter *filter)
{
	char line[STOQ_FILTER_TEXT];

	if (!filter || !stoq_filter_is_given(filter))
		return;
	stoq_openmetrics_put_head(text, "watch_filter",
		"Figures are of these connections and commands only", "gauge");
	fputs("stoq_watch_filter{", text->out);
	stoq_openmetrics_put_pair(text, "filter", stoq_filter_text(filter, line));
	fputs("} 1\n", text->out);
}

static void put_volumes(const struct stoq_openmetrics *text, const struct stoq_totals *totals,
	const struct stoq_volumes *volumes)
{
	const struct stoq_figure figures[] = {
		{"watch_label_file_entries", "Entries of the label file that are in use", false,
			false, stoq_volumes_count(volumes)},
		{"watch_label_file_current",
			"1: the label file in use is the file as it is now; 0: that cannot be used",
			false, false, stoq_volumes_is_current(volumes)},
	};

	stoq_places_put(text, stoq_totals_places(totals), volumes);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		stoq_openmetrics_put_figure(text, &figures[i]);
}

int stoq_watch_metrics_text(const struct stoq_watch_metrics *metrics,
	enum stoq_metrics_format format, char **text_out, size_t *size)
{
	const struct stoq_model *model = metrics->model;
	struct stoq_openmetrics text = {.prometheus = format == STOQ_METRICS_PROMETHEUS};

	*text_out = NULL;
	text.out = open_memstream(text_out, size);
	if (!text.out)
		return -ENOMEM;
	put_commands(&text, metrics->totals);
	if (model->staged)
		put_stages(&text, metrics->totals);
	put_statuses(&text, model);
	put_other_statuses(&text, model);
	put_connections(&text, model);
	if (model->checked)
		put_violations(&text, model);
	put_watch(&text, model, metrics->totals);
	if (metrics->volumes)
		put_volumes(&text, metrics->totals, metrics->volumes);
	put_filter(&text, model->filter);
	stoq_openmetrics_put_end(&text);
	if (!fclose(text.out))
		return 0;
	free(*text_out);
	return -ENOMEM;
}
