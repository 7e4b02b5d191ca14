// SPDX-License-Identifier: BSD-2-Clause
/* Metrics as OpenMetrics and as Prometheus' text format. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <stoq/metrics.h>

#include "datapath/choose.h"
#include "metrics/openmetrics.h"
#include "transport/metrics_figures.h"
#include "transport/metrics_json.h"

/* Buckets of round trips in the text: up to 1 us to up to 17 s. They are always the same. */
#define RTT_FIRST 9
#define RTT_LAST  33

static void put_rtt(
	const struct stoq_openmetrics *text, const struct stoq_transport_metrics *metrics)
{
	char bound[STOQ_OPENMETRICS_NUMBER];
	uint64_t sum = 0;

	if (!metrics->rtt.count)
		return;
	stoq_openmetrics_put_head(text, "rtt_seconds", "Round trip times, sampled", "histogram");
	for (int i = 0; i < STOQ_RTT_BUCKETS; i++) {
		sum += metrics->rtt_histogram[i];
		if (i >= RTT_FIRST && i <= RTT_LAST)
			fprintf(text->out, "stoq_rtt_seconds_bucket{le=\"%s\"} %llu\n",
				stoq_openmetrics_number(bound, (double)(2ull << i) / 1e9),
				(unsigned long long)sum);
	}
	fprintf(text->out,
		"stoq_rtt_seconds_bucket{le=\"+Inf\"} %llu\nstoq_rtt_seconds_sum %.9f\n"
		"stoq_rtt_seconds_count %llu\n",
		(unsigned long long)sum, (double)metrics->rtt_sum_ns / 1e9,
		(unsigned long long)sum);
}

static void put_sizes(const struct stoq_openmetrics *text, const char *name, const char *help,
	const uint64_t counts[static STOQ_SIZE_CLASSES], uint64_t bytes)
{
	const struct stoq_openmetrics_histogram histogram = {
		.name = name,
		.help = help,
		.bounds = stoq_packet_size_bounds,
		.counts = counts,
		.count = STOQ_SIZE_CLASSES,
		.sum = bytes,
	};

	stoq_openmetrics_put_histogram(text, &histogram);
}

static void put_cores(
	const struct stoq_openmetrics *text, const struct stoq_transport_metrics *metrics)
{
	if (!metrics->cpu_ns)
		return;
	stoq_openmetrics_put_head(text, "core_cpu_seconds",
		"Processor time of the workers' threads, by core", "counter");
	for (int i = 0; i < STOQ_CORES_MAX; i++)
		if (metrics->core_cpu_ns[i])
			fprintf(text->out, "stoq_core_cpu_seconds_total{core=\"%d\"} %.9f\n", i,
				(double)metrics->core_cpu_ns[i] / 1e9);
}

static void put_verdicts(const struct stoq_openmetrics *text, const struct stoq_ebpf_status *status)
{
	if (!status->verdict_count)
		return;
	stoq_openmetrics_put_head(
		text, "xdp_packets", "Packets at the filter, by what became of them", "counter");
	for (uint32_t i = 0; i < status->verdict_count; i++)
		fprintf(text->out, "stoq_xdp_packets_total{verdict=\"%s\"} %llu\n",
			status->verdicts[i].name, (unsigned long long)status->verdicts[i].packets);
	stoq_openmetrics_put_head(text, "xdp_bytes", "Bytes of these packets", "counter");
	for (uint32_t i = 0; i < status->verdict_count; i++)
		fprintf(text->out, "stoq_xdp_bytes_total{verdict=\"%s\"} %llu\n",
			status->verdicts[i].name, (unsigned long long)status->verdicts[i].bytes);
}

/* Which way datagrams go, and why: OpenMetrics has a type for such, Prometheus' format has not. */
static void put_choice(const struct stoq_openmetrics *text, const struct stoq_ebpf_status *status)
{
	stoq_openmetrics_put_head(text, text->prometheus ? "datapath_info" : "datapath",
		"Which way datagrams go, and why", text->prometheus ? "gauge" : "info");
	fprintf(text->out, "stoq_datapath_info{asked=\"%s\",datapath=\"%s\",interface=\"",
		stoq_datapath_kind_name(status->asked), stoq_datapath_kind_name(status->datapath));
	stoq_openmetrics_put_label(text, status->interface);
	fputs("\",reason=\"", text->out);
	stoq_openmetrics_put_label(text, status->reason);
	fputs("\"} 1\n", text->out);
}

static void put_text(const struct stoq_openmetrics *text, const struct stoq_figures *figures,
	const struct stoq_transport_metrics *metrics, const struct stoq_ebpf_status *status)
{
	put_choice(text, status);
	for (size_t i = 0; i < figures->count; i++)
		stoq_openmetrics_put_figure(text, &figures->of[i]);
	put_rtt(text, metrics);
	put_sizes(text, "sent_packet_size_bytes", "Sizes of UDP payloads that were sent",
		metrics->packet_sizes, metrics->bytes_sent);
	put_sizes(text, "received_packet_size_bytes", "Sizes of UDP payloads that were received",
		metrics->packet_sizes_received, metrics->bytes_received);
	put_cores(text, metrics);
	put_verdicts(text, status);
	stoq_openmetrics_put_end(text);
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
	stoq_transport_figures(&figures, &metrics, &status);
	if (format == STOQ_METRICS_JSON)
		stoq_metrics_put_json(out, &figures, &metrics, &status);
	else
		put_text(&(struct stoq_openmetrics){out, format == STOQ_METRICS_PROMETHEUS},
			&figures, &metrics, &status);
	if (fclose(out)) {
		free(*text);
		return -ENOMEM;
	}
	return 0;
}
