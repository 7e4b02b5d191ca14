/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a transport counts. Part of <stoq/transport.h>. <stoq/metrics.h> has it as text. */
#include <stoq/ebpf.h>
#include <stoq/error.h>
#include <stoq/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Times in ns. All 0 if count is 0. */
struct stoq_latency {
	uint64_t count, min, mean, p50, p95, p99, max;
};

#define STOQ_RTT_BUCKETS 40
#define STOQ_CORES_MAX	 128

struct stoq_transport_metrics {
	/* connections, now */
	uint64_t connections_handshaking, connections_open, connections_closing;
	/* connections, ever */
	uint64_t connections_accepted, connections_connected, connections_closed;
	uint64_t connections_failed;  /* the handshake did not end well */
	uint64_t connections_refused; /* one of the limits */
	uint64_t connections_resumed;
	uint64_t retries_sent, version_negotiations_sent, stateless_resets_sent;
	uint64_t streams_opened, streams_closed, streams_open;
	uint64_t key_updates, migrations;

	/* packets and bytes of UDP payload */
	uint64_t packets_sent, packets_received, bytes_sent, bytes_received;
	uint64_t packets_dropped;   /* received, but not for us, malformed, or over a limit */
	uint64_t packets_handed_on; /* to the worker they belong to */
	uint64_t send_errors;
	uint64_t
		packets_retransmitted; /* with stream data, known to be lost by later ones that arrived */
	/* by bytes: <=128, <=512, <=1200, <=1500, <=9000, larger */
	uint64_t packet_sizes[6], packet_sizes_received[6]; /* sent; received */
	/* Over the time since the reading before, a second at least. rate_ns 0: not known yet. */
	uint64_t rate_ns, packets_sent_per_second, packets_received_per_second;
	/*
	 * By the kernel or a ring, up to 100 ms old: no room, no way, too large. UINT64_MAX: not
	 * known.
	 */
	uint64_t datapath_dropped_sending, datapath_dropped_receiving;

	/* payload of streams and datagrams */
	uint64_t stream_bytes_sent, stream_bytes_received;
	uint64_t datagrams_sent, datagrams_received, datagrams_lost;

	/* round trip times, sampled every 100 ms per active connection */
	struct stoq_latency rtt;
	uint64_t rtt_histogram[STOQ_RTT_BUCKETS]; /* bucket i: 2^i <= ns < 2^(i+1) */
	uint64_t rtt_sum_ns;			  /* of all samples */

	uint64_t buffered_send_bytes, buffered_receive_bytes; /* held now */
	uint64_t pool_bytes; /* memory of pooled buffers, in use or not */
	/* Of max_memory_bytes: in use; all; times that credit or a write was held back for want. */
	uint64_t memory_used_bytes, memory_limit_bytes, memory_held_back;
	uint64_t cpu_ns; /* of the workers' threads; 0 if the loop is the caller's */
	uint64_t voluntary_switches, involuntary_switches; /* of these threads */
	/* cpu_ns by the core that a thread was on when it was looked at, ten times a second. */
	uint64_t core_cpu_ns[STOQ_CORES_MAX]; /* the last one: it and all above */
	const char *packet_protection;	      /* the backend's name */
	char datapath[160];		      /* worker 0's, for people */
};

/* Says which datapath the transport has and why, the XDP filter, AF_XDP's rings and memory. From any thread. */
STOQ_API void stoq_transport_ebpf_status(
	const struct stoq_transport *transport, struct stoq_ebpf_status *status);

/* Gets the metrics of a transport, all workers together; each figure is exact, but not all are of the same instant. */
STOQ_API void stoq_transport_metrics(
	struct stoq_transport *transport, struct stoq_transport_metrics *metrics);

#ifdef __cplusplus
}
#endif
