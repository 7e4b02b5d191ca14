// SPDX-License-Identifier: BSD-2-Clause
#include "transport/metrics_json.h"

#include "datapath/choose.h"

/* Text of ours, but it may quote the kernel's and a user's names. */
static void put_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			fprintf(out, "\\u%04x", *text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void put_rtt(FILE *out, const struct stoq_transport_metrics *metrics)
{
	const struct stoq_latency *rtt = &metrics->rtt;
	const char *comma = "";

	if (!rtt->count)
		return;
	fprintf(out,
		", \"rtt_ns\": {\"count\": %llu, \"min\": %llu, \"mean\": %llu, \"p50\": %llu, "
		"\"p95\": %llu, \"p99\": %llu, \"max\": %llu, \"histogram\": [",
		(unsigned long long)rtt->count, (unsigned long long)rtt->min,
		(unsigned long long)rtt->mean, (unsigned long long)rtt->p50,
		(unsigned long long)rtt->p95, (unsigned long long)rtt->p99,
		(unsigned long long)rtt->max);
	for (int i = 0; i < STOQ_RTT_BUCKETS; i++) {
		if (!metrics->rtt_histogram[i])
			continue;
		fprintf(out, "%s{\"below\": %llu, \"count\": %llu}", comma, 2ull << i,
			(unsigned long long)metrics->rtt_histogram[i]);
		comma = ", ";
	}
	fputs("]}", out);
}

static void put_sizes(FILE *out, const char *name, const uint64_t counts[static STOQ_SIZE_CLASSES])
{
	fprintf(out, "\"%s\": [", name);
	for (int i = 0; i < STOQ_SIZE_CLASSES - 1; i++)
		fprintf(out, "{\"up_to_bytes\": %u, \"packets\": %llu}, ",
			stoq_packet_size_bounds[i], (unsigned long long)counts[i]);
	fprintf(out, "{\"up_to_bytes\": null, \"packets\": %llu}]",
		(unsigned long long)counts[STOQ_SIZE_CLASSES - 1]);
}

static void put_cores(FILE *out, const struct stoq_transport_metrics *metrics)
{
	const char *comma = "";

	if (!metrics->cpu_ns)
		return;
	fputs(", \"cores\": [", out);
	for (int i = 0; i < STOQ_CORES_MAX; i++) {
		if (!metrics->core_cpu_ns[i])
			continue;
		fprintf(out, "%s{\"core\": %d, \"cpu_seconds\": %.9f}", comma, i,
			(double)metrics->core_cpu_ns[i] / 1e9);
		comma = ", ";
	}
	fputc(']', out);
}

static void put_filter(FILE *out, const struct stoq_ebpf_status *status)
{
	if (!status->verdict_count)
		return;
	fputs(", \"xdp_verdicts\": {", out);
	for (uint32_t i = 0; i < status->verdict_count; i++)
		fprintf(out, "%s\"%s\": {\"packets\": %llu, \"bytes\": %llu}", i ? ", " : "",
			status->verdicts[i].name, (unsigned long long)status->verdicts[i].packets,
			(unsigned long long)status->verdicts[i].bytes);
	fputs("}, \"xdp_frame_sizes\": [", out);
	for (int i = 0; i < STOQ_EBPF_SIZE_CLASSES - 1; i++)
		fprintf(out, "{\"up_to_bytes\": %u, \"packets\": %llu}, ", 64u << i,
			(unsigned long long)status->frame_sizes[i]);
	fprintf(out, "{\"up_to_bytes\": null, \"packets\": %llu}]",
		(unsigned long long)status->frame_sizes[STOQ_EBPF_SIZE_CLASSES - 1]);
}

void stoq_metrics_put_json(FILE *out, const struct stoq_figures *figures,
	const struct stoq_transport_metrics *metrics, const struct stoq_ebpf_status *status)
{
	fputs("{\"datapath\": ", out);
	put_quoted(out, metrics->datapath);
	fprintf(out, ", \"datapath_asked\": \"%s\", \"reason\": ",
		stoq_datapath_kind_name(status->asked));
	put_quoted(out, status->reason);
	for (size_t i = 0; i < figures->count; i++) {
		fprintf(out, ", \"%s\": ", figures->of[i].name);
		stoq_figure_put_value(out, &figures->of[i]);
	}
	put_rtt(out, metrics);
	fputs(", \"packet_sizes\": {", out);
	put_sizes(out, "sent", metrics->packet_sizes);
	fputs(", ", out);
	put_sizes(out, "received", metrics->packet_sizes_received);
	fputc('}', out);
	put_cores(out, metrics);
	put_filter(out, status);
	fputs("}\n", out);
}
