// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/tunnel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tunnel/carrier.h"
#include "tunnel/doors.h"
#include "tunnel/link.h"
#include "tunnel/policy.h"
#include "tunnel/status.h"
#include "tunnel/status_socket.h"
#include "tunnel/totals.h"
#include "tunnel/uplink.h"

#define LANES_DEFAULT		 8
#define POLL_US_DEFAULT		 100
#define QUEUES_DEFAULT		 4096
#define HOST_QUEUES_DEFAULT	 1024
/* Those of 64 workers, and the ones from before a crash, which the idle timeout ends. */
#define HOST_CONNECTIONS_DEFAULT 128
/* Of a host end, for each of its queues: those that it has, and as many that are over. */
#define HOST_LANES_EACH		 (2u * STOQ_LANES_MAX)
/* Of metrics, for each worker: 1.1 KiB each. */
#define QUEUE_ROWS_MAX		 1024
#define REFUSAL_ROWS_MAX	 256
#define MEMORY_DEFAULT		 (5ull << 30)
#define OTHER_WAYS_TIMEOUT_NS	 2000000000ull
/* <stoq/config.h>, max_memory_bytes. */
#define CONNECTION_MIN_BYTES	 (256u << 10)

/*
 * An application's keep-alive and a storage host's patience are seconds: a path that is dark for
 * less than the idle timeout is no event.
 */
void stoq_tunnel_config_init(struct stoq_tunnel_config *config, enum stoq_tunnel_end end)
{
	struct stoq_transport_config *transport = &config->transport;

	memset(config, 0, sizeof(*config));
	stoq_transport_config_init(transport);
	transport->listen = end == STOQ_TUNNEL_TARGET_END;
	transport->datapath = STOQ_DATAPATH_SOCKET;
	/* doc/design/tunnel.md has the measurements. */
	transport->congestion_control = STOQ_BBR;
	transport->idle_timeout_ns = 30000000000ull;
	transport->keep_alive_ns = 5000000000ull;
	/* Lanes that are not read hold none of the connection's credit (stoq_stream_lend_credit()), so
	 * what they hold is bounded by their own, which does not grow, and by the memory of all. */
	transport->stream_window_bytes = 1u << 20;
	transport->max_stream_window_bytes = 1u << 20;
	transport->window_bytes = 1u << 20;
	transport->max_window_bytes = 1u << 30;
	transport->send_buffer_bytes = 4u << 20;
	config->end = end;
	config->lanes = LANES_DEFAULT;
	config->poll_us = POLL_US_DEFAULT;
	config->queues_max = QUEUES_DEFAULT;
	config->host_queues_max = HOST_QUEUES_DEFAULT;
	config->host_connections_max = HOST_CONNECTIONS_DEFAULT;
	stoq_tunnel_config_set_memory(config, MEMORY_DEFAULT);
}

void stoq_tunnel_config_set_memory(struct stoq_tunnel_config *config, uint64_t bytes)
{
	struct stoq_transport_config *transport = &config->transport;
	uint64_t connections;

	config->memory_bytes = bytes / 5;
	transport->max_memory_bytes = bytes - config->memory_bytes;
	/* Half of the transport's for all alike, half for those that need it. */
	connections = transport->max_memory_bytes / (2 * CONNECTION_MIN_BYTES);
	if (connections < transport->max_connections)
		transport->max_connections = (uint32_t)connections;
	if (config->host_connections_max == HOST_CONNECTIONS_DEFAULT &&
		connections / 2 < HOST_CONNECTIONS_DEFAULT)
		config->host_connections_max = (unsigned int)(connections / 2);
	if (transport->max_half_open > transport->max_connections)
		transport->max_half_open = transport->max_connections;
}

/* ---- life ---- */

static int open_transport(struct stoq_tunnel *tunnel, struct stoq_error *error)
{
	static const char *const alpn[] = {STOQ_LANE_ALPN};
	struct stoq_transport_config transport = tunnel->config.transport;
	uint64_t streams = (uint64_t)tunnel->config.queues_max * STOQ_LANES_MAX;

	transport.alpn = alpn;
	transport.alpn_count = 1;
	transport.callbacks = stoq_carrier_callbacks;
	transport.user = tunnel;
	/* Only host ends open streams. */
	if (tunnel->config.end == STOQ_TUNNEL_HOST_END)
		streams = 0;
	transport.max_bidirectional_streams = streams > UINT16_MAX ? UINT16_MAX : (uint32_t)streams;
	transport.max_unidirectional_streams = 0;
	/* Where there are other ways to try, not all of what a host waits for its queues goes to one. */
	if (tunnel->config.local_count > 1 || tunnel->config.remote_count > 1)
		transport.handshake_timeout_ns = OTHER_WAYS_TIMEOUT_NS;
	return stoq_transport_create(&transport, &tunnel->transport, error);
}

static int open_workers(struct stoq_tunnel *tunnel, struct stoq_error *error)
{
	tunnel->worker_count = tunnel->config.transport.workers;
	tunnel->workers = calloc(tunnel->worker_count, sizeof(tunnel->workers[0]));
	if (!tunnel->workers)
		return stoq_error_set(error, -ENOMEM, "no memory for the workers");
	for (unsigned int i = 0; i < tunnel->worker_count; i++) {
		struct stoq_tunnel_worker *worker = &tunnel->workers[i];

		worker->tunnel = tunnel;
		worker->index = i;
		worker->epoll_fd = -1;
		worker->wake.fd = -1;
		worker->spare_fd = -1;
		worker->queue_rows.max = QUEUE_ROWS_MAX;
		worker->refusal_rows.max = REFUSAL_ROWS_MAX;
	}
	for (unsigned int i = 0; i < tunnel->worker_count; i++) {
		int ret = stoq_tunnel_worker_open(&tunnel->workers[i], error);

		if (ret)
			return ret;
	}
	return 0;
}

static int open_policy(struct stoq_tunnel *tunnel, struct stoq_error *error)
{
	struct stoq_tunnel_policy *policy;
	int ret;

	if (!tunnel->config.policy_file)
		return 0;
	ret = stoq_tunnel_policy_read(tunnel->config.policy_file, &policy, error);
	if (ret)
		return ret;
	tunnel->rates = stoq_rates_new(STOQ_LIMIT_BUCKETS_MAX);
	if (!tunnel->rates)
		ret = stoq_error_set(error, -ENOMEM, "no memory for the accounts of limits");
	for (unsigned int i = 0; i < tunnel->worker_count; i++)
		tunnel->workers[i].policy = stoq_tunnel_policy_hold(policy);
	stoq_tunnel_policy_release(policy);
	return ret;
}

/* The targets as text, for hosts' discovery logs; what does not fit is left out. */
static int list_targets(struct stoq_tunnel *tunnel, struct stoq_error *error)
{
	size_t used = 0;

	tunnel->targets = calloc(1, STOQ_LANE_TARGETS_MAX + 1);
	if (!tunnel->targets)
		return stoq_error_set(error, -ENOMEM, "no memory for the list of targets");
	for (unsigned int i = 0; i < tunnel->config.target_count; i++) {
		const struct stoq_tunnel_target *target = &tunnel->config.targets[i];
		char line[STOQ_LANE_TARGET_MAX + STOQ_ADDRESS_TEXT + 3], text[STOQ_ADDRESS_TEXT];
		int size = snprintf(line, sizeof(line), "%s=%s\n", target->name,
			stoq_address_text(text, &target->address));

		if (used + (size_t)size > STOQ_LANE_TARGETS_MAX)
			break;
		memcpy(tunnel->targets + used, line, (size_t)size);
		used += (size_t)size;
	}
	return 0;
}

static int open_host_end(struct stoq_tunnel *tunnel, struct stoq_error *error)
{
	for (unsigned int i = 0; i < tunnel->worker_count; i++) {
		tunnel->workers[i].uplink = stoq_uplink_new(&tunnel->workers[i]);
		if (!tunnel->workers[i].uplink)
			return stoq_error_set(error, -ENOMEM, "no memory for the connection");
	}
	return stoq_doors_open(&tunnel->workers[0], error);
}

int stoq_tunnel_create(const struct stoq_tunnel_config *config, struct stoq_tunnel **result,
	struct stoq_error *error)
{
	struct stoq_tunnel *tunnel = calloc(1, sizeof(*tunnel));
	int ret;

	if (!tunnel)
		return stoq_error_set(error, -ENOMEM, "no memory for the tunnel");
	tunnel->config = *config;
	pthread_mutex_init(&tunnel->log.lock, NULL);
	stoq_shares_init(&tunnel->shares, config->host_queues_max);
	stoq_shares_init(&tunnel->connection_shares, config->host_connections_max);
	stoq_shares_init(&tunnel->lane_shares, HOST_LANES_EACH * config->host_queues_max);
	stoq_controllers_init(&tunnel->controllers);
	ret = open_transport(tunnel, error);
	if (!ret)
		ret = open_workers(tunnel, error);
	if (!ret)
		ret = config->end == STOQ_TUNNEL_HOST_END ? open_host_end(tunnel, error)
							  : list_targets(tunnel, error);
	if (!ret)
		ret = open_policy(tunnel, error);
	if (ret) {
		stoq_tunnel_destroy(tunnel);
		return ret;
	}
	*result = tunnel;
	return 0;
}

void stoq_tunnel_destroy(struct stoq_tunnel *tunnel)
{
	if (!tunnel)
		return;
	tunnel->stopping = true;
	stoq_status_socket_close(tunnel->status);
	for (unsigned int i = 0; tunnel->workers && i < tunnel->worker_count; i++) {
		struct stoq_tunnel_worker *worker = &tunnel->workers[i];

		stoq_doors_close(worker);
		while (worker->links)
			stoq_link_reset(worker->links, STOQ_LANE_STOPPED, NULL);
		stoq_uplink_stop(worker->uplink);
	}
	stoq_transport_destroy(tunnel->transport);
	for (unsigned int i = 0; tunnel->workers && i < tunnel->worker_count; i++) {
		stoq_uplink_free(tunnel->workers[i].uplink);
		stoq_tunnel_policy_release(tunnel->workers[i].policy);
		stoq_tunnel_worker_close(&tunnel->workers[i]);
		stoq_tunnel_totals_free(&tunnel->workers[i].totals);
		stoq_rows_free(&tunnel->workers[i].queue_rows);
		stoq_rows_free(&tunnel->workers[i].refusal_rows);
	}
	stoq_rates_free(tunnel->rates);
	stoq_shares_destroy(&tunnel->shares);
	stoq_shares_destroy(&tunnel->connection_shares);
	stoq_shares_destroy(&tunnel->lane_shares);
	stoq_controllers_destroy(&tunnel->controllers);
	pthread_mutex_destroy(&tunnel->log.lock);
	free(tunnel->workers);
	free(tunnel->targets);
	free(tunnel);
}

/* ---- running ---- */

static void *run_thread(void *argument)
{
	struct stoq_tunnel_worker *worker = argument;

	worker->status = stoq_tunnel_worker_run(worker);
	stoq_tunnel_stop(worker->tunnel);
	return NULL;
}

int stoq_tunnel_run(struct stoq_tunnel *tunnel, struct stoq_error *error)
{
	int status = 0;

	for (unsigned int i = 1; i < tunnel->worker_count && !status; i++) {
		status = -pthread_create(
			&tunnel->workers[i].thread, NULL, run_thread, &tunnel->workers[i]);
		tunnel->workers[i].started = !status;
	}
	if (!status)
		run_thread(&tunnel->workers[0]);
	stoq_tunnel_stop(tunnel);
	for (unsigned int i = 0; i < tunnel->worker_count; i++) {
		if (tunnel->workers[i].started)
			pthread_join(tunnel->workers[i].thread, NULL);
		if (!status)
			status = tunnel->workers[i].status;
	}
	return status ? stoq_error_set(error, status, "a worker failed: %s", strerror(-status)) : 0;
}

static void wake(struct stoq_tunnel *tunnel)
{
	const uint64_t one = 1;

	for (unsigned int i = 0; i < tunnel->worker_count; i++)
		if (write(tunnel->workers[i].wake.fd, &one, sizeof(one)) < 0)
			continue; /* it is full: the worker is awake */
}

void stoq_tunnel_stop(struct stoq_tunnel *tunnel)
{
	tunnel->stopping = true;
	wake(tunnel);
}

void stoq_tunnel_reload(struct stoq_tunnel *tunnel)
{
	tunnel->reload_wanted = true;
	wake(tunnel);
}
