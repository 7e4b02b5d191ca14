// SPDX-License-Identifier: BSD-2-Clause
/* Metrics as OpenMetrics and as Prometheus' text format. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <stoq/metrics.h>

#include "datapath/choose.h"
#include "transport/metrics_figures.h"

/* Buckets of round trips in the text: up to 1 us to up to 17 s. They are always the same. */
#define RTT_FIRST 9
#define RTT_LAST  33

/* OpenMetrics names a counter's family without "_total", Prometheus' format with it. */
static void put_head(
	FILE *out, const char *name, const char *help, const char *type, bool openmetrics)
{
	const char *total = strcmp(type, "counter") == 0 && !openmetrics ? "_total" : "";

	fprintf(out, "# HELP stoq_%s%s %s.\n# TYPE stoq_%s%s %s\n", name, total, help, name, total,
		type);
}

static void put_figure(FILE *out, const struct stoq_figure *figure, bool openmetrics)
{
	put_head(out, figure->name, figure->help, figure->counter ? "counter" : "gauge",
		openmetrics);
	fprintf(out, "stoq_%s%s ", figure->name, figure->counter ? "_total" : "");
	stoq_figure_put_value(out, figure);
	fputc('\n', out);
}

static void put_rtt(FILE *out, const struct stoq_transport_metrics *metrics, bool openmetrics)
{
	uint64_t sum = 0;

	if (!metrics->rtt.count)
		return;
	put_head(out, "rtt_seconds", "Round trip times, sampled", "histogram", openmetrics);
	for (int i = 0; i < STOQ_RTT_BUCKETS; i++) {
		sum += metrics->rtt_histogram[i];
		if (i >= RTT_FIRST && i <= RTT_LAST)
			fprintf(out, "stoq_rtt_seconds_bucket{le=\"%.9f\"} %llu\n",
				(double)(2ull << i) / 1e9, (unsigned long long)sum);
	}
	fprintf(out,
		"stoq_rtt_seconds_bucket{le=\"+Inf\"} %llu\nstoq_rtt_seconds_sum %.9f\n"
		"stoq_rtt_seconds_count %llu\n",
		(unsigned long long)sum, (double)metrics->rtt.mean * (double)sum / 1e9,
		(unsigned long long)sum);
}

static void put_sizes(FILE *out, const char *name, const char *help,
	const uint64_t counts[static STOQ_SIZE_CLASSES], uint64_t bytes, bool openmetrics)
{
	uint64_t sum = 0;

	put_head(out, name, help, "histogram", openmetrics);
	for (int i = 0; i < STOQ_SIZE_CLASSES - 1; i++) {
		sum += counts[i];
		fprintf(out, "stoq_%s_bucket{le=\"%u\"} %llu\n", name, stoq_packet_size_bounds[i],
			(unsigned long long)sum);
	}
	sum += counts[STOQ_SIZE_CLASSES - 1];
	fprintf(out, "stoq_%s_bucket{le=\"+Inf\"} %llu\nstoq_%s_sum %llu\nstoq_%s_count %llu\n",
		name, (unsigned long long)sum, name, (unsigned long long)bytes, name,
		(unsigned long long)sum);
}

static void put_cores(FILE *out, const struct stoq_transport_metrics *metrics, bool openmetrics)
{
	if (!metrics->cpu_ns)
		return;
	put_head(out, "core_cpu_seconds", "Processor time of the workers' threads, by core",
		"counter", openmetrics);
	for (int i = 0; i < STOQ_CORES_MAX; i++)
		if (metrics->core_cpu_ns[i])
			fprintf(out, "stoq_core_cpu_seconds_total{core=\"%d\"} %.9f\n", i,
				(double)metrics->core_cpu_ns[i] / 1e9);
}

static void put_verdicts(FILE *out, const struct stoq_ebpf_status *status, bool openmetrics)
{
	if (!status->verdict_count)
		return;
	put_head(out, "xdp_packets", "Packets at the XDP filter, by what became of them", "counter",
		openmetrics);
	for (uint32_t i = 0; i < status->verdict_count; i++)
		fprintf(out, "stoq_xdp_packets_total{verdict=\"%s\"} %llu\n",
			status->verdicts[i].name, (unsigned long long)status->verdicts[i].packets);
	put_head(out, "xdp_bytes", "Bytes of these packets", "counter", openmetrics);
	for (uint32_t i = 0; i < status->verdict_count; i++)
		fprintf(out, "stoq_xdp_bytes_total{verdict=\"%s\"} %llu\n",
			status->verdicts[i].name, (unsigned long long)status->verdicts[i].bytes);
}

static void put_label(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text == '\n')
			fputs("\\n", out);
		else
			fprintf(out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
}

/* Which way datagrams go, and why: OpenMetrics has a type for such, Prometheus' format has not. */
static void put_choice(FILE *out, const struct stoq_ebpf_status *status, bool openmetrics)
{
	put_head(out, openmetrics ? "datapath" : "datapath_info", "Which way datagrams go, and why",
		openmetrics ? "info" : "gauge", openmetrics);
	fprintf(out, "stoq_datapath_info{asked=\"%s\",datapath=\"%s\",interface=\"",
		stoq_datapath_kind_name(status->asked), stoq_datapath_kind_name(status->datapath));
	put_label(out, status->interface);
	fputs("\",reason=\"", out);
	put_label(out, status->reason);
	fputs("\"} 1\n", out);
}

static void put_text(FILE *out, const struct stoq_figures *figures,
	const struct stoq_transport_metrics *metrics, const struct stoq_ebpf_status *status,
	bool openmetrics)
{
	put_choice(out, status, openmetrics);
	for (size_t i = 0; i < figures->count; i++)
		put_figure(out, &figures->of[i], openmetrics);
	put_rtt(out, metrics, openmetrics);
	put_sizes(out, "sent_packet_size_bytes", "Sizes of UDP payloads that were sent",
		metrics->packet_sizes, metrics->bytes_sent, openmetrics);
	put_sizes(out, "received_packet_size_bytes", "Sizes of UDP payloads that were received",
		metrics->packet_sizes_received, metrics->bytes_received, openmetrics);
	put_cores(out, metrics, openmetrics);
	put_verdicts(out, status, openmetrics);
	if (openmetrics)
		fputs("# EOF\n", out);
}

int stoq_transport_metrics_text(struct stoq_transport *transport, enum stoq_metrics_format format,
	char **text, size_t *size)
{
	struct stoq_transport_metrics metrics;
	struct stoq_ebpf_status status;
	struct stoq_figures figures;
	FILE *out = open_memstream(text, size);

	if (!out)
		return -ENOMEM;
	stoq_transport_metrics(transport, &metrics);
	stoq_transport_ebpf_status(transport, &status);
	stoq_figures_collect(&figures, &metrics, &status);
	if (format == STOQ_METRICS_JSON)
		stoq_metrics_put_json(out, &figures, &metrics, &status);
	else
		put_text(out, &figures, &metrics, &status, format == STOQ_METRICS_OPENMETRICS);
	if (fclose(out)) {
		free(*text);
		return -ENOMEM;
	}
	return 0;
}
