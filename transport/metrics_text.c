// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stoq/metrics.h>

#define METRICS_MAX 64

/* One figure. Times and sizes are in base units, as both formats ask for. */
struct figure {
	const char *name; /* without "_total" */
	const char *help;
	bool counter; /* grows for ever; else it is what it is now */
	uint64_t value;
	bool ns; /* a time: seconds in the text */
};

struct figures {
	struct figure of[METRICS_MAX];
	size_t count;
};

static void add(
	struct figures *figures, bool counter, const char *name, uint64_t value, const char *help)
{
	if (figures->count < METRICS_MAX)
		figures->of[figures->count++] = (struct figure){name, help, counter, value, false};
}

static void add_connections(struct figures *f, const struct stoq_transport_metrics *m)
{
	add(f, false, "connections_handshaking", m->connections_handshaking,
		"Connections whose handshake is not over");
	add(f, false, "connections_open", m->connections_open, "Connections that are open");
	add(f, false, "connections_closing", m->connections_closing, "Connections that end");
	add(f, true, "connections_accepted", m->connections_accepted,
		"Connections that peers opened");
	add(f, true, "connections_connected", m->connections_connected,
		"Connections that were opened here");
	add(f, true, "connections_closed", m->connections_closed, "Connections that ended");
	add(f, true, "connections_failed", m->connections_failed, "Handshakes that failed");
	add(f, true, "connections_refused", m->connections_refused,
		"Connections refused because there were too many");
	add(f, true, "connections_resumed", m->connections_resumed,
		"Connections that continued an earlier one");
	add(f, true, "retries_sent", m->retries_sent, "Retry packets sent");
	add(f, true, "stateless_resets_sent", m->stateless_resets_sent, "Stateless resets sent");
	add(f, false, "streams_open", m->streams_open, "Streams that are open");
	add(f, true, "streams_opened", m->streams_opened, "Streams that were opened");
	add(f, true, "key_updates", m->key_updates, "Changes of keys");
	add(f, true, "migrations", m->migrations, "Changes of a peer's address");
}

static void add_packets(struct figures *f, const struct stoq_transport_metrics *m)
{
	add(f, true, "packets_sent", m->packets_sent, "UDP datagrams sent");
	add(f, true, "packets_received", m->packets_received, "UDP datagrams received");
	add(f, true, "sent_bytes", m->bytes_sent, "UDP payload sent");
	add(f, true, "received_bytes", m->bytes_received, "UDP payload received");
	add(f, true, "packets_dropped", m->packets_dropped,
		"Datagrams received that were not for us, malformed or over a limit");
	add(f, true, "packets_handed_on", m->packets_handed_on,
		"Datagrams handed on to the worker they belong to");
	add(f, true, "packets_retransmitted", m->packets_retransmitted,
		"Packets with stream data that were thought lost");
	add(f, true, "send_errors", m->send_errors, "Datagrams the system did not send");
	add(f, true, "stream_sent_bytes", m->stream_bytes_sent, "Bytes of streams sent");
	add(f, true, "stream_received_bytes", m->stream_bytes_received,
		"Bytes of streams received");
	add(f, true, "datagrams_sent", m->datagrams_sent, "QUIC datagrams sent");
	add(f, true, "datagrams_received", m->datagrams_received, "QUIC datagrams received");
	add(f, true, "datagrams_lost", m->datagrams_lost, "QUIC datagrams lost");
}

static void add_machine(struct figures *f, const struct stoq_transport_metrics *m)
{
	add(f, false, "buffered_send_bytes", m->buffered_send_bytes,
		"Stream data held until they are acknowledged");
	add(f, false, "buffered_receive_bytes", m->buffered_receive_bytes,
		"Stream data held until they are taken");
	add(f, false, "pool_bytes", m->pool_bytes, "Memory of pooled buffers");
	add(f, true, "cpu_seconds", m->cpu_ns, "Processor time of the workers' threads");
	f->of[f->count - 1].ns = true;
	add(f, true, "voluntary_context_switches", m->voluntary_switches,
		"Context switches because a worker waited");
	add(f, true, "involuntary_context_switches", m->involuntary_switches,
		"Context switches that a worker was made to do");
}

static void add_ebpf(struct figures *f, const struct stoq_ebpf_status *s)
{
	add(f, false, "af_xdp_active", s->datapath == STOQ_DATAPATH_AF_XDP,
		"1: AF_XDP carries datagrams, 0: sockets do");
	add(f, false, "xdp_filter_active", s->filter, "1: an XDP filter is attached");
	add(f, false, "af_xdp_queues", s->queues, "Queues with an AF_XDP socket");
	add(f, false, "af_xdp_zero_copy_queues", s->zero_copy_queues,
		"Queues whose AF_XDP socket has zero-copy");
	add(f, true, "af_xdp_frames_sent", s->frames_sent, "Datagrams sent by AF_XDP");
	add(f, true, "af_xdp_frames_received", s->frames_received, "Datagrams received by AF_XDP");
	add(f, true, "af_xdp_zero_copy_operations", s->zero_copy_operations,
		"Frames the kernel did not copy");
	add(f, true, "af_xdp_copied_operations", s->copied_operations, "Frames the kernel copied");
	add(f, true, "af_xdp_dropped", s->dropped, "Frames dropped for want of room in a ring");
	add(f, true, "af_xdp_malformed", s->malformed, "Frames that held no datagram for us");
	add(f, true, "af_xdp_wakeups", s->wakeups, "System calls to get the kernel going");
	add(f, false, "af_xdp_umem_bytes", s->umem_bytes, "Memory shared with the kernel");
	add(f, false, "af_xdp_umem_frames", s->umem_frames, "Frames for sending");
	add(f, false, "af_xdp_umem_frames_used", s->umem_frames_used,
		"Frames for sending that the kernel has");
	add(f, false, "af_xdp_receive_ring_entries", s->receive_ring, "Places in receive rings");
	add(f, false, "af_xdp_receive_ring_used", s->receive_ring_used,
		"Received frames that wait for us");
	add(f, false, "af_xdp_transmit_ring_entries", s->transmit_ring, "Places in transmit rings");
	add(f, false, "af_xdp_transmit_ring_used", s->transmit_ring_used,
		"Frames that wait for the kernel");
}

static void put_value(FILE *out, const struct figure *figure)
{
	if (figure->ns)
		fprintf(out, "%.9f", (double)figure->value / 1e9);
	else
		fprintf(out, "%llu", (unsigned long long)figure->value);
}

/* OpenMetrics names a counter's family without "_total", Prometheus' format with it. */
static void put_figure(FILE *out, const struct figure *figure, bool openmetrics)
{
	const char *total = figure->counter ? "_total" : "";
	const char *family = openmetrics ? "" : total;

	fprintf(out, "# HELP stoq_%s%s %s.\n# TYPE stoq_%s%s %s\nstoq_%s%s ", figure->name, family,
		figure->help, figure->name, family, figure->counter ? "counter" : "gauge",
		figure->name, total);
	put_value(out, figure);
	fputc('\n', out);
}

static void put_rtt(FILE *out, const struct stoq_transport_metrics *metrics)
{
	uint64_t sum = 0;

	fputs("# HELP stoq_rtt_seconds Round trip times, sampled.\n"
	      "# TYPE stoq_rtt_seconds histogram\n",
		out);
	for (int i = 0; i < STOQ_RTT_BUCKETS; i++) {
		sum += metrics->rtt_histogram[i];
		if (metrics->rtt_histogram[i])
			fprintf(out, "stoq_rtt_seconds_bucket{le=\"%.9f\"} %llu\n",
				(double)(2ull << i) / 1e9, (unsigned long long)sum);
	}
	fprintf(out,
		"stoq_rtt_seconds_bucket{le=\"+Inf\"} %llu\nstoq_rtt_seconds_sum %.9f\n"
		"stoq_rtt_seconds_count %llu\n",
		(unsigned long long)sum, (double)metrics->rtt.mean * (double)sum / 1e9,
		(unsigned long long)sum);
}

/* Upper bounds of stoq_transport_metrics.packet_sizes. */
static void put_sizes(FILE *out, const struct stoq_transport_metrics *metrics)
{
	static const char *const bounds[] = {"128", "512", "1200", "1500", "9000", "+Inf"};
	uint64_t sum = 0;

	fputs("# HELP stoq_sent_packet_size_bytes Sizes of UDP payloads that were sent.\n"
	      "# TYPE stoq_sent_packet_size_bytes histogram\n",
		out);
	for (int i = 0; i < 6; i++) {
		sum += metrics->packet_sizes[i];
		fprintf(out, "stoq_sent_packet_size_bytes_bucket{le=\"%s\"} %llu\n", bounds[i],
			(unsigned long long)sum);
	}
	fprintf(out,
		"stoq_sent_packet_size_bytes_sum %llu\nstoq_sent_packet_size_bytes_count %llu\n",
		(unsigned long long)metrics->bytes_sent, (unsigned long long)sum);
}

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

static void put_json(FILE *out, const struct figures *figures,
	const struct stoq_transport_metrics *metrics, const struct stoq_ebpf_status *status)
{
	fputs("{\"datapath\": ", out);
	put_quoted(out, metrics->datapath);
	fputs(", \"reason\": ", out);
	put_quoted(out, status->reason);
	for (size_t i = 0; i < figures->count; i++) {
		fprintf(out, ", \"%s\": ", figures->of[i].name);
		put_value(out, &figures->of[i]);
	}
	fprintf(out,
		", \"rtt_ns\": {\"count\": %llu, \"min\": %llu, \"mean\": %llu, \"p50\": %llu, "
		"\"p95\": %llu, \"p99\": %llu, \"max\": %llu}}\n",
		(unsigned long long)metrics->rtt.count, (unsigned long long)metrics->rtt.min,
		(unsigned long long)metrics->rtt.mean, (unsigned long long)metrics->rtt.p50,
		(unsigned long long)metrics->rtt.p95, (unsigned long long)metrics->rtt.p99,
		(unsigned long long)metrics->rtt.max);
}

int stoq_transport_metrics_text(struct stoq_transport *transport, enum stoq_metrics_format format,
	char **text, size_t *size)
{
	struct stoq_transport_metrics metrics;
	struct stoq_ebpf_status status;
	struct figures figures = {.count = 0};
	FILE *out = open_memstream(text, size);

	if (!out)
		return -ENOMEM;
	stoq_transport_metrics(transport, &metrics);
	stoq_transport_ebpf_status(transport, &status);
	add_connections(&figures, &metrics);
	add_packets(&figures, &metrics);
	add_machine(&figures, &metrics);
	add_ebpf(&figures, &status);
	if (format == STOQ_METRICS_JSON) {
		put_json(out, &figures, &metrics, &status);
	} else {
		for (size_t i = 0; i < figures.count; i++)
			put_figure(out, &figures.of[i], format == STOQ_METRICS_OPENMETRICS);
		put_rtt(out, &metrics);
		put_sizes(out, &metrics);
		if (format == STOQ_METRICS_OPENMETRICS)
			fputs("# EOF\n", out);
	}
	if (fclose(out)) {
		free(*text);
		return -ENOMEM;
	}
	return 0;
}
