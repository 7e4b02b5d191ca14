// SPDX-License-Identifier: BSD-2-Clause
/* What the workers counted, summed up. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/histogram.h"
#include "transport/counter.h"
#include "transport/endpoint.h"
#include "transport/protection/protection.h"
#include "transport/worker.h"

#define ADD(field)	       (metrics->field += stoq_counter_read(&counted->field))
#define ADD_CONNECTIONS(field) (metrics->connections_##field += stoq_counter_read(&counted->field))

static void add_connections(
	struct stoq_transport_metrics *metrics, const struct stoq_worker_metrics *counted)
{
	ADD_CONNECTIONS(handshaking);
	ADD_CONNECTIONS(open);
	ADD_CONNECTIONS(closing);
	ADD_CONNECTIONS(accepted);
	ADD_CONNECTIONS(connected);
	ADD_CONNECTIONS(closed);
	ADD_CONNECTIONS(failed);
	ADD_CONNECTIONS(refused);
	ADD_CONNECTIONS(resumed);
	ADD(retries_sent);
	ADD(version_negotiations_sent);
	ADD(stateless_resets_sent);
	/* In this order: a stream that comes and goes meanwhile must not have ended before it began. */
	ADD(streams_closed);
	ADD(streams_opened);
	ADD(key_updates);
	ADD(migrations);
}

/* The sum is unknown if one of its parts is. */
static void add_known(uint64_t *sum, const uint64_t *counter)
{
	uint64_t value = stoq_counter_read(counter);

	*sum = *sum == UINT64_MAX || value == UINT64_MAX ? UINT64_MAX : *sum + value;
}

static void add_packets(
	struct stoq_transport_metrics *metrics, const struct stoq_worker_metrics *counted)
{
	ADD(packets_sent);
	ADD(packets_received);
	ADD(bytes_sent);
	ADD(bytes_received);
	ADD(packets_dropped);
	ADD(packets_handed_on);
	ADD(send_errors);
	ADD(packets_retransmitted);
	for (size_t i = 0; i < sizeof(metrics->packet_sizes) / sizeof(metrics->packet_sizes[0]);
		i++) {
		ADD(packet_sizes[i]);
		ADD(packet_sizes_received[i]);
	}
	ADD(stream_bytes_sent);
	ADD(stream_bytes_received);
	ADD(datagrams_sent);
	ADD(datagrams_received);
	ADD(datagrams_lost);
	ADD(buffered_send_bytes);
	ADD(buffered_receive_bytes);
	ADD(cpu_ns);
	ADD(voluntary_switches);
	ADD(involuntary_switches);
	for (size_t i = 0; i < STOQ_CORES_MAX; i++)
		ADD(core_cpu_ns[i]);
	add_known(&metrics->datapath_dropped_sending, &counted->datapath_dropped_sending);
	add_known(&metrics->datapath_dropped_receiving, &counted->datapath_dropped_receiving);
}

/* Everything about round trips, from the finer histogram that is kept. */
static void fill_rtt(
	struct stoq_transport_metrics *metrics, const struct stoq_histogram *rtt, uint64_t min_ns)
{
	if (!rtt->count)
		return;
	metrics->rtt = (struct stoq_latency){
		.count = rtt->count,
		.min = min_ns,
		.mean = stoq_histogram_mean_ns(rtt),
		.p50 = stoq_histogram_percentile_ns(rtt, 0.5),
		.p95 = stoq_histogram_percentile_ns(rtt, 0.95),
		.p99 = stoq_histogram_percentile_ns(rtt, 0.99),
		.max = rtt->max_ns,
	};
	metrics->rtt_sum_ns = rtt->sum_ns;
	for (unsigned int i = 0; i < STOQ_LATENCY_BUCKETS; i++) {
		uint64_t lower_ns = stoq_histogram_lower_ns(i);
		unsigned int power = lower_ns ? 63 - __builtin_clzll(lower_ns) : 0;

		metrics->rtt_histogram[power < STOQ_RTT_BUCKETS ? power : STOQ_RTT_BUCKETS - 1] +=
			rtt->buckets[i];
	}
}

static void fill_rates(struct stoq_transport *transport, struct stoq_transport_metrics *metrics)
{
	struct stoq_packet_rate rate;

	pthread_mutex_lock(&transport->lock);
	stoq_packet_rate_read(&transport->rate, stoq_clock_now_ns(), metrics->packets_sent,
		metrics->packets_received);
	rate = transport->rate;
	pthread_mutex_unlock(&transport->lock);
	metrics->rate_ns = rate.over_ns;
	metrics->packets_sent_per_second = rate.sent_per_second;
	metrics->packets_received_per_second = rate.received_per_second;
}

void stoq_transport_metrics(
	struct stoq_transport *transport, struct stoq_transport_metrics *metrics)
{
	struct stoq_histogram rtt = {0};
	uint64_t min_ns = UINT64_MAX;

	memset(metrics, 0, sizeof(*metrics));
	for (unsigned int i = 0; i < transport->worker_count; i++) {
		struct stoq_worker *worker = transport->workers[i];
		struct stoq_worker_metrics *counted = &worker->metrics;

		add_connections(metrics, counted);
		add_packets(metrics, counted);
		metrics->pool_bytes += stoq_pool_bytes(&worker->pool);
		metrics->memory_used_bytes += stoq_counter_read(&worker->budget.used_bytes);
		metrics->memory_limit_bytes += stoq_counter_read(&worker->budget.limit_bytes);
		metrics->memory_held_back += stoq_counter_read(&worker->budget.held_back);
		pthread_mutex_lock(&counted->lock);
		stoq_histogram_add(&rtt, &counted->rtt);
		if (counted->rtt_min_ns < min_ns)
			min_ns = counted->rtt_min_ns;
		pthread_mutex_unlock(&counted->lock);
	}
	metrics->streams_open = metrics->streams_opened > metrics->streams_closed
					? metrics->streams_opened - metrics->streams_closed
					: 0;
	fill_rtt(metrics, &rtt, min_ns);
	fill_rates(transport, metrics);
	metrics->packet_protection = stoq_protection_backend(STOQ_AES_128_GCM);
	pthread_mutex_lock(&transport->workers[0]->metrics.lock);
	snprintf(metrics->datapath, sizeof(metrics->datapath), "%s",
		transport->workers[0]->description);
	pthread_mutex_unlock(&transport->workers[0]->metrics.lock);
}
