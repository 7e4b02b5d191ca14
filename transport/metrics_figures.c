// SPDX-License-Identifier: BSD-2-Clause
#include "transport/metrics_figures.h"

const unsigned int stoq_packet_size_bounds[STOQ_SIZE_CLASSES - 1] = {128, 512, 1200, 1500, 9000};

static void add_known(
	struct stoq_figures *figures, const char *name, uint64_t value, const char *help)
{
	if (value != UINT64_MAX)
		stoq_figures_add(figures, true, name, value, help);
}

static void add_connections(struct stoq_figures *f, const struct stoq_transport_metrics *m)
{
	stoq_figures_add(f, false, "connections_handshaking", m->connections_handshaking,
		"Connections whose handshake is not over");
	stoq_figures_add(
		f, false, "connections_open", m->connections_open, "Connections that are open");
	stoq_figures_add(
		f, false, "connections_closing", m->connections_closing, "Connections that end");
	stoq_figures_add(f, true, "connections_accepted", m->connections_accepted,
		"Connections that peers opened");
	stoq_figures_add(f, true, "connections_connected", m->connections_connected,
		"Connections that were opened here");
	stoq_figures_add(
		f, true, "connections_closed", m->connections_closed, "Connections that ended");
	stoq_figures_add(
		f, true, "connections_failed", m->connections_failed, "Handshakes that failed");
	stoq_figures_add(f, true, "connections_refused", m->connections_refused,
		"Connections refused because there were too many");
	stoq_figures_add(f, true, "connections_resumed", m->connections_resumed,
		"Connections that continued an earlier one");
	stoq_figures_add(f, true, "retries_sent", m->retries_sent, "Retry packets sent");
	stoq_figures_add(f, true, "version_negotiations_sent", m->version_negotiations_sent,
		"Version Negotiation packets sent");
	stoq_figures_add(f, true, "stateless_resets_sent", m->stateless_resets_sent,
		"Stateless resets sent");
	stoq_figures_add(f, false, "streams_open", m->streams_open, "Streams that are open");
	stoq_figures_add(f, true, "streams_opened", m->streams_opened, "Streams that were opened");
	stoq_figures_add(f, true, "streams_closed", m->streams_closed, "Streams that ended");
	stoq_figures_add(f, true, "key_updates", m->key_updates, "Changes of keys");
	stoq_figures_add(f, true, "migrations", m->migrations, "Changes of a peer's address");
}

static void add_packets(struct stoq_figures *f, const struct stoq_transport_metrics *m)
{
	stoq_figures_add(f, true, "packets_sent", m->packets_sent, "UDP datagrams sent");
	stoq_figures_add(
		f, true, "packets_received", m->packets_received, "UDP datagrams received");
	stoq_figures_add(f, true, "sent_bytes", m->bytes_sent, "UDP payload sent");
	stoq_figures_add(f, true, "received_bytes", m->bytes_received, "UDP payload received");
	stoq_figures_add(f, true, "packets_dropped", m->packets_dropped,
		"Datagrams received that were not for us, malformed or over a limit");
	stoq_figures_add(f, true, "packets_handed_on", m->packets_handed_on,
		"Datagrams handed on to the worker they belong to");
	stoq_figures_add(f, true, "packets_retransmitted", m->packets_retransmitted,
		"Packets with stream data that were thought lost");
	add_known(f, "datapath_dropped_sending", m->datapath_dropped_sending,
		"Datagrams that could not be sent: no way, too large, no buffer");
	add_known(f, "datapath_dropped_receiving", m->datapath_dropped_receiving,
		"Datagrams that found the socket's buffer or the ring full");
	stoq_figures_add(
		f, true, "send_errors", m->send_errors, "Datagrams the system did not send");
	stoq_figures_add(
		f, true, "stream_sent_bytes", m->stream_bytes_sent, "Bytes of streams sent");
	stoq_figures_add(f, true, "stream_received_bytes", m->stream_bytes_received,
		"Bytes of streams received");
	stoq_figures_add(f, true, "datagrams_sent", m->datagrams_sent, "QUIC datagrams sent");
	stoq_figures_add(
		f, true, "datagrams_received", m->datagrams_received, "QUIC datagrams received");
	stoq_figures_add(f, true, "datagrams_lost", m->datagrams_lost, "QUIC datagrams lost");
}

static void add_rates(struct stoq_figures *f, const struct stoq_transport_metrics *m)
{
	if (!m->rate_ns)
		return;
	stoq_figures_add(f, false, "packets_sent_per_second", m->packets_sent_per_second,
		"UDP datagrams sent a second since the reading before");
	stoq_figures_add(f, false, "packets_received_per_second", m->packets_received_per_second,
		"UDP datagrams received a second since the reading before");
}

static void add_rtt(struct stoq_figures *f, const struct stoq_latency *rtt)
{
	if (!rtt->count)
		return;
	stoq_figures_add_ns(f, false, "rtt_min_seconds", rtt->min, "Shortest round trip");
	stoq_figures_add_ns(f, false, "rtt_mean_seconds", rtt->mean, "Mean round trip");
	stoq_figures_add_ns(
		f, false, "rtt_p50_seconds", rtt->p50, "Round trip that half did not exceed");
	stoq_figures_add_ns(
		f, false, "rtt_p95_seconds", rtt->p95, "Round trip that 95 in 100 did not exceed");
	stoq_figures_add_ns(
		f, false, "rtt_p99_seconds", rtt->p99, "Round trip that 99 in 100 did not exceed");
	stoq_figures_add_ns(f, false, "rtt_max_seconds", rtt->max, "Longest round trip");
}

static void add_machine(struct stoq_figures *f, const struct stoq_transport_metrics *m)
{
	stoq_figures_add(f, false, "buffered_send_bytes", m->buffered_send_bytes,
		"Stream data held until they are acknowledged");
	stoq_figures_add(f, false, "buffered_receive_bytes", m->buffered_receive_bytes,
		"Stream data held until they are taken");
	stoq_figures_add(f, false, "pool_bytes", m->pool_bytes, "Memory of pooled buffers");
	stoq_figures_add(f, false, "memory_used_bytes", m->memory_used_bytes,
		"Memory promised to peers or held for them, of what the limit allows");
	stoq_figures_add(f, false, "memory_limit_bytes", m->memory_limit_bytes,
		"The limit of memory for all connections together");
	stoq_figures_add(f, true, "memory_held_back", m->memory_held_back,
		"Times that credit or a write was held back for want of memory");
	if (!m->cpu_ns)
		return; /* the loop is the caller's */
	stoq_figures_add_ns(
		f, true, "cpu_seconds", m->cpu_ns, "Processor time of the workers' threads");
	stoq_figures_add(f, true, "voluntary_context_switches", m->voluntary_switches,
		"Context switches because a worker waited");
	stoq_figures_add(f, true, "involuntary_context_switches", m->involuntary_switches,
		"Context switches that a worker was made to do");
}

static void add_filter(struct stoq_figures *f, const struct stoq_ebpf_status *s)
{
	stoq_figures_add(
		f, true, "xdp_redirected", s->redirected, "Packets that the filter gave to AF_XDP");
	stoq_figures_add(
		f, true, "xdp_connections_opened", s->opened, "Connections the filter saw first");
	stoq_figures_add(f, true, "xdp_connections_established", s->established,
		"Connections whose handshake the filter saw end");
	stoq_figures_add(f, true, "xdp_connections_migrated", s->migrated,
		"Known connections the filter saw at a new address");
}

static void add_af_xdp(struct stoq_figures *f, const struct stoq_ebpf_status *s)
{
	stoq_figures_add(f, false, "af_xdp_queues", s->queues, "Queues with an AF_XDP socket");
	stoq_figures_add(f, false, "af_xdp_zero_copy_queues", s->zero_copy_queues,
		"Queues whose AF_XDP socket has zero-copy");
	stoq_figures_add(f, true, "af_xdp_frames_sent", s->frames_sent, "Datagrams sent by AF_XDP");
	stoq_figures_add(f, true, "af_xdp_frames_received", s->frames_received,
		"Datagrams received by AF_XDP");
	stoq_figures_add(f, true, "af_xdp_zero_copy_operations", s->zero_copy_operations,
		"Frames the kernel did not copy");
	stoq_figures_add(f, true, "af_xdp_copied_operations", s->copied_operations,
		"Frames the kernel copied");
	stoq_figures_add(
		f, true, "af_xdp_dropped", s->dropped, "Frames dropped for want of room in a ring");
	stoq_figures_add(
		f, true, "af_xdp_malformed", s->malformed, "Frames that held no datagram for us");
	stoq_figures_add(
		f, true, "af_xdp_wakeups", s->wakeups, "System calls to get the kernel going");
}

static void add_rings(struct stoq_figures *f, const struct stoq_ebpf_status *s)
{
	stoq_figures_add(
		f, false, "af_xdp_umem_bytes", s->umem_bytes, "Memory shared with the kernel");
	stoq_figures_add(f, false, "af_xdp_umem_frames", s->umem_frames, "Frames for sending");
	stoq_figures_add(f, false, "af_xdp_umem_frames_used", s->umem_frames_used,
		"Frames for sending that the kernel has");
	stoq_figures_add(f, false, "af_xdp_receive_ring_entries", s->receive_ring,
		"Places in receive rings");
	stoq_figures_add(f, false, "af_xdp_receive_ring_used", s->receive_ring_used,
		"Received frames that wait for us");
	stoq_figures_add(f, false, "af_xdp_transmit_ring_entries", s->transmit_ring,
		"Places in transmit rings");
	stoq_figures_add(f, false, "af_xdp_transmit_ring_used", s->transmit_ring_used,
		"Frames that wait for the kernel");
	stoq_figures_add(f, false, "af_xdp_fill_ring_used", s->fill_ring_used,
		"Frames the kernel may receive into");
	stoq_figures_add(f, false, "af_xdp_completion_ring_used", s->completion_ring_used,
		"Frames that were sent and not taken back yet");
}

static void add_ebpf(struct stoq_figures *f, const struct stoq_ebpf_status *s)
{
	stoq_figures_add(f, false, "af_xdp_active", s->datapath == STOQ_DATAPATH_AF_XDP,
		"1: AF_XDP carries datagrams, 0: sockets do");
	stoq_figures_add(f, false, "xdp_filter_active", s->filter, "1: a filter is attached");
	if (s->verdict_count)
		add_filter(f, s);
	if (s->queues || s->frames_sent || s->frames_received)
		add_af_xdp(f, s);
	if (s->queues)
		add_rings(f, s);
}

void stoq_transport_figures(struct stoq_figures *figures,
	const struct stoq_transport_metrics *metrics, const struct stoq_ebpf_status *status)
{
	figures->count = 0;
	add_connections(figures, metrics);
	add_packets(figures, metrics);
	add_rates(figures, metrics);
	add_rtt(figures, &metrics->rtt);
	add_machine(figures, metrics);
	add_ebpf(figures, status);
}
