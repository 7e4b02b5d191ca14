// SPDX-License-Identifier: BSD-2-Clause
#include "watch/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/identity.h"
/* Not byte by byte: a struct has bytes between its members. */
#define HASH_FUNCTION(key, length, hash) ((hash) = stoq_identity_hash((const void *)(key)))
#define HASH_KEYCMP(one, other, length)                                                            \
	(!stoq_identity_equal((const void *)(one), (const void *)(other)))
#include <uthash.h>

#include "flow/label.h"
#include "flow/stages.h"
#include "flow/text.h"
#include "metrics/openmetrics.h"
#include "nvme/nvme_names.h"
#include "watch/filter.h"
#include "watch/groups.h"
#include "watch/places.h"

#define LABEL_SIZE (4 * NVME_NQN_LENGTH + 1)
#define NSID_ALL   0xffffffff /* the broadcast value */

/* A label set with samples of its own. */
struct label_set {
	struct stoq_identity identity;
	char *labels; /* made once: each scrape has them in every line */
	UT_hash_handle hh;
};

struct stoq_watch_metrics {
	struct label_set *sets;
	struct stoq_place *places; /* of the sets */
	uint32_t labels_max;
	const struct stoq_volumes *volumes; /* NULL: no label file */
};

/* The samples of one label set, or of all others. */
struct sample {
	const char *labels;
	const struct stoq_statistics *total;
	uint64_t outstanding;
};

static const char others[] =
	"host=\"others\",subsystem=\"others\",namespace=\"others\",queue=\"others\",opcode=\"others\"";

struct samples {
	struct sample *of;
	size_t count;
	struct stoq_statistics others;
	uint64_t others_outstanding, folded;
};

/*
 * Upper bounds of the latency buckets: powers of two in ns, which are bounds of the kernel's own
 * buckets, so that nothing is estimated. 16 us to 8.6 s.
 */
static const unsigned int latency_bits[] = {14, 16, 17, 18, 19, 20, 21, 22, 23, 25, 27, 30, 33};
#define LATENCY_BOUNDS (sizeof(latency_bits) / sizeof(latency_bits[0]))

/* ---- labels ---- */

/* Labels of an identity, as text. */
struct names {
	char host[LABEL_SIZE], subsystem[LABEL_SIZE], nsid[24];
};

/* A name from the wire, or where none is known the address. */
static void name_end(
	char name[static LABEL_SIZE], const char nqn[static NVME_NQN_LENGTH], const char *address)
{
	if (nqn[0])
		stoq_text_clean(name, LABEL_SIZE, nqn, NVME_NQN_LENGTH, STOQ_TEXT_UTF8);
	else
		snprintf(name, LABEL_SIZE, "%s", address);
}

static void name_namespace(char name[static 24], int64_t nsid)
{
	name[0] = '\0';
	if (nsid == NSID_ALL)
		snprintf(name, 24, "all");
	else if (nsid >= 0)
		snprintf(name, 24, "%lld", (long long)nsid);
}

static struct stoq_volume_key name_place(struct names *names, const struct stoq_identity *identity)
{
	name_end(names->host, identity->host_nqn, identity->host_address);
	name_end(names->subsystem, identity->subsystem_nqn, identity->controller_address);
	name_namespace(names->nsid, identity->nsid);
	return (struct stoq_volume_key){names->host, names->subsystem, names->nsid};
}

static void put_opcode(const struct stoq_openmetrics *text, const struct stoq_identity *identity)
{
	char buffer[NVME_NAME_LENGTH];

	stoq_openmetrics_put_pair(
		text, "queue", identity->kind == NVME_QUEUE_ADMIN ? "admin" : "io");
	fputc(',', text->out);
	stoq_openmetrics_put_pair(text, "opcode",
		identity->opcode < 0
			? ""
			: nvme_opcode_name(identity->kind, (uint8_t)identity->opcode,
				  identity->fctype >= 0 ? (uint8_t)identity->fctype : 0, buffer));
}

/* What stands between the braces, for free(); NULL: no memory. */
static char *labels_of(const struct stoq_identity *identity, const struct stoq_volume_key *place)
{
	char *labels = NULL;
	size_t size;
	const struct stoq_openmetrics text = {.out = open_memstream(&labels, &size)};

	if (!text.out)
		return NULL;
	stoq_places_put_labels(&text, place);
	fputc(',', text.out);
	put_opcode(&text, identity);
	if (!fclose(text.out))
		return labels;
	free(labels);
	return NULL;
}

/* ---- label sets ---- */

struct stoq_watch_metrics *stoq_watch_metrics_new(uint32_t labels_max)
{
	struct stoq_watch_metrics *metrics = calloc(1, sizeof(*metrics));

	if (metrics)
		metrics->labels_max = labels_max ? labels_max : STOQ_WATCH_LABELS_MAX;
	return metrics;
}

void stoq_watch_metrics_free(struct stoq_watch_metrics *metrics)
{
	struct label_set *set, *next;

	if (!metrics)
		return;
	HASH_ITER(hh, metrics->sets, set, next)
	{
		HASH_DEL(metrics->sets, set);
		free(set->labels);
		free(set);
	}
	stoq_places_free(&metrics->places);
	free(metrics);
}

void stoq_watch_metrics_use_volumes(
	struct stoq_watch_metrics *metrics, const struct stoq_volumes *volumes)
{
	metrics->volumes = volumes;
}

/* NULL: it has no samples of its own. */
static const struct label_set *find_set(
	const struct stoq_watch_metrics *metrics, const struct stoq_identity *identity)
{
	struct label_set *set;

	HASH_FIND(hh, metrics->sets, identity, sizeof(*identity), set);
	return set;
}

static int add_set(struct stoq_watch_metrics *metrics, const struct stoq_identity *identity)
{
	struct label_set *set = calloc(1, sizeof(*set));
	struct names names;
	const struct stoq_volume_key place = name_place(&names, identity);

	if (set && !stoq_places_add(&metrics->places, &place))
		set->labels = labels_of(identity, &place);
	if (!set || !set->labels) {
		free(set);
		return -ENOMEM;
	}
	set->identity = *identity;
	HASH_ADD(hh, metrics->sets, identity, sizeof(set->identity), set);
	return 0;
}

int stoq_watch_metrics_note(struct stoq_watch_metrics *metrics, const struct stoq_model *model)
{
	int result = 0;

	for (size_t i = 0; !result && i < model->group_count; i++) {
		const struct stoq_identity *identity = &model->groups[i].identity;

		if (!find_set(metrics, identity) && HASH_COUNT(metrics->sets) < metrics->labels_max)
			result = add_set(metrics, identity);
	}
	return result;
}

/* 0 or -ENOMEM. */
static int collect(struct samples *samples, const struct stoq_watch_metrics *metrics,
	const struct stoq_model *model)
{
	samples->of = calloc(model->group_count + 1, sizeof(*samples->of));
	if (!samples->of)
		return -ENOMEM;
	for (size_t i = 0; i < model->group_count; i++) {
		const struct stoq_group *group = &model->groups[i];

		const struct label_set *set = find_set(metrics, &group->identity);

		if (set) {
			samples->of[samples->count++] =
				(struct sample){set->labels, &group->total, group->outstanding};
			continue;
		}
		stoq_statistics_add(&samples->others, &group->total);
		samples->others_outstanding += group->outstanding;
		samples->folded++;
	}
	if (samples->folded)
		samples->of[samples->count++] =
			(struct sample){others, &samples->others, samples->others_outstanding};
	return 0;
}

/* ---- families ---- */

static void put_sample(const struct stoq_openmetrics *text, const char *name,
	const struct sample *sample, uint64_t value)
{
	fprintf(text->out, "stoq_nvme_%s{%s} %llu\n", name, sample->labels,
		(unsigned long long)value);
}

static void put_bucket(const struct stoq_openmetrics *text, const struct sample *sample,
	const char *bound, uint64_t count)
{
	fprintf(text->out, "stoq_nvme_command_latency_seconds_bucket{%s,le=\"%s\"} %llu\n",
		sample->labels, bound, (unsigned long long)count);
}

static void put_latency(const struct stoq_openmetrics *text, const struct sample *sample)
{
	const struct stoq_histogram *latency = &sample->total->latency;
	unsigned int bucket = 0;
	uint64_t count = 0;
	char bound[32];

	for (size_t i = 0; i < LATENCY_BOUNDS; i++) {
		uint64_t bound_ns = 1ull << latency_bits[i];

		for (; stoq_histogram_upper_ns(bucket) <= bound_ns; bucket++)
			count += latency->buckets[bucket];
		snprintf(bound, sizeof(bound), "%.9f", (double)bound_ns / 1e9);
		put_bucket(text, sample, bound, count);
	}
	put_bucket(text, sample, "+Inf", latency->count);
	fprintf(text->out, "stoq_nvme_command_latency_seconds_sum{%s} %.9f\n", sample->labels,
		(double)latency->sum_ns / 1e9);
	put_sample(text, "command_latency_seconds_count", sample, latency->count);
}

/* Their sums only: a histogram of each would be four times as many lines as all the others. */
static void put_stages(const struct stoq_openmetrics *text, const struct samples *samples)
{
	stoq_openmetrics_put_head(text, "nvme_command_stage_seconds",
		"Time of commands by stage; the stages add up to the latency", "counter");
	for (size_t i = 0; i < samples->count; i++)
		for (unsigned int stage = 0; stage < STOQ_STAGES; stage++)
			fprintf(text->out,
				"stoq_nvme_command_stage_seconds_total{%s,stage=\"%s\"} %.9f\n",
				samples->of[i].labels, stoq_stage_name((enum stoq_stage)stage),
				(double)samples->of[i].total->stages[stage].sum_ns / 1e9);
}

static void put_commands(const struct stoq_openmetrics *text, const struct samples *samples)
{
	stoq_openmetrics_put_head(
		text, "nvme_commands", "Commands that were completed, with any status", "counter");
	for (size_t i = 0; i < samples->count; i++)
		put_sample(text, "commands_total", &samples->of[i], samples->of[i].total->commands);
	stoq_openmetrics_put_head(text, "nvme_command_errors",
		"Commands that were completed with a status other than success", "counter");
	for (size_t i = 0; i < samples->count; i++)
		put_sample(text, "command_errors_total", &samples->of[i],
			samples->of[i].total->errors);
	stoq_openmetrics_put_head(text, "nvme_data_bytes",
		"Data of commands that succeeded, in either direction", "counter");
	for (size_t i = 0; i < samples->count; i++)
		put_sample(text, "data_bytes_total", &samples->of[i], samples->of[i].total->bytes);
	stoq_openmetrics_put_head(text, "nvme_commands_outstanding",
		"Commands that have begun and not ended", "gauge");
	for (size_t i = 0; i < samples->count; i++)
		put_sample(
			text, "commands_outstanding", &samples->of[i], samples->of[i].outstanding);
	stoq_openmetrics_put_head(text, "nvme_command_latency_seconds",
		"Time from the command capsule to the completion", "histogram");
	for (size_t i = 0; i < samples->count; i++)
		put_latency(text, &samples->of[i]);
}

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

/* What the figures do not contain, and what they rest on. */
static void put_watch(const struct stoq_openmetrics *text, const struct stoq_model *model,
	const struct samples *samples)
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
		{"watch_label_sets_folded", "Label sets whose commands are counted as others",
			false, false, samples->folded},
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

static void put_volumes(
	const struct stoq_openmetrics *text, const struct stoq_watch_metrics *metrics)
{
	const struct stoq_volumes *volumes = metrics->volumes;
	const struct stoq_figure figures[] = {
		{"watch_label_file_entries", "Entries of the label file that are in use", false,
			false, stoq_volumes_count(volumes)},
		{"watch_label_file_current",
			"1: the label file in use is the file as it is now; 0: that cannot be used",
			false, false, stoq_volumes_is_current(volumes)},
	};

	stoq_places_put(text, metrics->places, volumes);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		stoq_openmetrics_put_figure(text, &figures[i]);
}

int stoq_watch_metrics_text(const struct stoq_watch_metrics *metrics,
	const struct stoq_model *model, enum stoq_metrics_format format, char **text_out,
	size_t *size)
{
	static const struct samples empty;
	struct stoq_openmetrics text = {.prometheus = format == STOQ_METRICS_PROMETHEUS};
	struct samples *samples = malloc(sizeof(*samples));

	if (!samples)
		return -ENOMEM;
	*samples = empty;
	*text_out = NULL;
	text.out = collect(samples, metrics, model) ? NULL : open_memstream(text_out, size);
	if (text.out) {
		put_commands(&text, samples);
		if (model->staged)
			put_stages(&text, samples);
		put_statuses(&text, model);
		put_connections(&text, model);
		put_watch(&text, model, samples);
		if (metrics->volumes)
			put_volumes(&text, metrics);
		put_filter(&text, model->filter);
		stoq_openmetrics_put_end(&text);
	}
	free(samples->of);
	free(samples);
	if (text.out && !fclose(text.out))
		return 0;
	free(*text_out);
	return -ENOMEM;
}
