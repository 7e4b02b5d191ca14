// SPDX-License-Identifier: BSD-2-Clause
/* Each worker describes its own connections and queues in its own thread; the asker's thread puts that together. */
#include "tunnel/status.h"

#include <stdlib.h>

#include "base/json.h"
#include "tunnel/inquiry.h"
#include "tunnel/link.h"
#include "tunnel/link_lanes.h"
#include "tunnel/nqn_text.h"

#define SCHEMA_VERSION 1

/* What one question collects. */
struct collection {
	struct json_object *connections, *queues;
	struct stoq_tunnel_policy *policy; /* in force; NULL: none */
	uint64_t buffered_bytes;
};

/* ---- in a worker's thread ---- */

static struct json_object *latency_as_json(const struct stoq_histogram *latency)
{
	struct json_object *object = json_object_new_object();

	stoq_json_put_u64(object, "mean", stoq_histogram_mean_ns(latency));
	stoq_json_put_u64(object, "p50", stoq_histogram_percentile_ns(latency, 0.5));
	stoq_json_put_u64(object, "p99", stoq_histogram_percentile_ns(latency, 0.99));
	stoq_json_put_u64(object, "p99.9", stoq_histogram_percentile_ns(latency, 0.999));
	stoq_json_put_u64(object, "max", latency->max_ns);
	stoq_json_put_u64(object, "sum", latency->sum_ns);
	return object;
}

/* The target's part: measured here at the target end, reported by that one at the host end. */
static struct json_object *target_as_json(const struct stoq_tunnel_link *link)
{
	const struct stoq_mux_figures *figures = &link->mux.figures;
	bool here = link->mux.config.end == STOQ_TUNNEL_TARGET_END;
	uint64_t commands = here ? figures->latency.count : figures->at_target.commands;
	uint64_t sum_ns = here ? figures->latency.sum_ns : figures->at_target.target_ns;
	struct json_object *object = json_object_new_object();

	stoq_json_put_u64(object, "commands", commands);
	stoq_json_put_u64(object, "sum", sum_ns);
	stoq_json_put_known(object, "mean", commands != 0, commands ? sum_ns / commands : 0);
	return object;
}

static void put_nqn(struct json_object *object, const char *key, const char *nqn)
{
	char text[NVME_NQN_LENGTH];

	stoq_json_put_string(object, key, nqn[0] ? stoq_nqn_text(text, nqn) : NULL);
}

/* Of what this end sent; all were repeated. */
static uint64_t packets_lost(const struct stoq_tunnel_link *link)
{
	uint64_t lost = 0;

	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++) {
		struct stoq_stream_info info;

		if (!link->lanes[i])
			continue;
		stoq_stream_info(link->lanes[i]->stream, &info);
		lost += info.packets_lost;
	}
	return lost;
}

static struct json_object *queue_as_json(const struct stoq_tunnel_link *link)
{
	const struct stoq_mux_figures *figures = &link->mux.figures;
	struct json_object *object = json_object_new_object();
	char tcp[STOQ_ADDRESS_TEXT];

	stoq_json_put_string(object, "tcp", stoq_address_text(tcp, &link->peer));
	stoq_json_put_string(object, "peer", link->carrier ? link->carrier->peer : NULL);
	stoq_json_put_string(object, "target", link->target);
	put_nqn(object, "host_nqn", link->host_nqn);
	put_nqn(object, "subsystem_nqn", link->subsystem_nqn);
	stoq_json_put_bool(object, "nvme", !link->mux.bytes);
	stoq_json_put_u64(object, "number", link->queue);
	stoq_json_put_u64(object, "qid", link->mux.qid);
	stoq_json_put_u64(object, "lanes", link->mux.lane_count);
	stoq_json_put_u64(object, "commands", figures->commands);
	stoq_json_put_u64(object, "completions", figures->completions);
	stoq_json_put_u64(object, "outstanding", link->mux.commands.count);
	stoq_json_put_u64(object, "errors", figures->errors);
	stoq_json_put_u64(object, "refused", figures->refused);
	stoq_json_put_u64(object, "packets_lost", packets_lost(link));
	stoq_json_put_u64(object, "unread_bytes", stoq_link_unread_bytes(link));
	stoq_json_put_u64(object, "waiting_for_tcp_bytes", link->mux.merge.out.bytes);
	stoq_json_put_u64(object, "from_host_bytes", figures->from_host_bytes);
	stoq_json_put_u64(object, "to_host_bytes", figures->to_host_bytes);
	stoq_json_put(object, "latency_ns", latency_as_json(&figures->latency));
	stoq_json_put(object, "target_ns", target_as_json(link));
	return object;
}

static void put_address(
	struct json_object *object, const char *key, const struct sockaddr_storage *from)
{
	struct stoq_address address = {.length = 0};
	char text[STOQ_ADDRESS_TEXT];

	stoq_address_from(&address, (const struct sockaddr *)from, sizeof(*from));
	stoq_address_unmap(&address);
	stoq_json_put_string(
		object, key, address.length ? stoq_address_text(text, &address) : NULL);
}

static struct json_object *connection_as_json(const struct stoq_carrier *carrier)
{
	struct json_object *object = json_object_new_object();
	struct stoq_connection_info info;

	stoq_connection_info(carrier->connection, &info);
	stoq_json_put_string(object, "peer", carrier->peer);
	stoq_json_put_string(object, "name", info.peer_name);
	stoq_json_put_string(object, "cipher", info.cipher);
	stoq_json_put_u64(object, "queues", carrier->link_count);
	put_address(object, "remote", &info.remote);
	put_address(object, "local", &info.local);
	stoq_json_put_u64(object, "migrations", carrier->migrations);
	stoq_json_put_u64(object, "rtt_ns", info.smoothed_rtt_ns);
	stoq_json_put_u64(object, "min_rtt_ns", info.min_rtt_ns);
	stoq_json_put_u64(object, "congestion_window_bytes", info.congestion_window_bytes);
	stoq_json_put_u64(object, "max_udp_payload_bytes", info.max_udp_payload_bytes);
	stoq_json_put_u64(object, "receive_credit_bytes", info.receive_credit_bytes);
	stoq_json_put_u64(object, "refused_identities", carrier->identity_refusals);
	stoq_json_put_u64(object, "refused_by_policy", carrier->policy_refusals);
	return object;
}

static void describe(const struct stoq_tunnel_worker *worker, void *subject)
{
	struct collection *collection = subject;

	collection->buffered_bytes += worker->pool.used_bytes;
	if (!collection->policy)
		collection->policy = stoq_tunnel_policy_hold(worker->policy);
	for (const struct stoq_carrier *carrier = worker->carriers; carrier;
		carrier = carrier->next)
		json_object_array_add(collection->connections, connection_as_json(carrier));
	for (const struct stoq_tunnel_link *link = worker->links; link; link = link->next)
		json_object_array_add(collection->queues, queue_as_json(link));
}

static void free_collection(void *subject)
{
	struct collection *collection = subject;

	json_object_put(collection->connections);
	json_object_put(collection->queues);
	stoq_tunnel_policy_release(collection->policy);
	free(collection);
}

/* ---- in the asker's thread ---- */

static struct collection *new_collection(void)
{
	struct collection *collection = calloc(1, sizeof(*collection));

	if (!collection)
		return NULL;
	collection->connections = json_object_new_array();
	collection->queues = json_object_new_array();
	return collection;
}

static struct json_object *transport_as_json(struct stoq_tunnel *tunnel)
{
	struct json_object *object = json_object_new_object();
	struct stoq_transport_metrics metrics;

	stoq_transport_metrics(tunnel->transport, &metrics);
	stoq_json_put_u64(object, "packets_sent", metrics.packets_sent);
	stoq_json_put_u64(object, "packets_received", metrics.packets_received);
	stoq_json_put_u64(object, "packets_retransmitted", metrics.packets_retransmitted);
	stoq_json_put_u64(object, "migrations", metrics.migrations);
	stoq_json_put_u64(object, "key_updates", metrics.key_updates);
	stoq_json_put_u64(object, "connections_accepted", metrics.connections_accepted);
	stoq_json_put_u64(object, "connections_failed", metrics.connections_failed);
	stoq_json_put_u64(object, "memory_used_bytes", metrics.memory_used_bytes);
	stoq_json_put_u64(object, "memory_limit_bytes", metrics.memory_limit_bytes);
	stoq_json_put_string(object, "datapath", metrics.datapath);
	return object;
}

static char *report_text(struct stoq_tunnel *tunnel, struct json_object *report,
	const struct collection *collection, bool complete)
{
	bool host_end = tunnel->config.end == STOQ_TUNNEL_HOST_END;

	stoq_json_put_string(report, "end", host_end ? "host" : "target");
	stoq_json_put_u64(report, "time_ns", stoq_now_ns());
	stoq_json_put_bool(report, "complete", complete);
	stoq_json_put_u64(report, "queues_max", tunnel->config.queues_max);
	stoq_json_put_u64(report, "log_lines_left_out", stoq_tunnel_log_left_out(tunnel));
	stoq_json_put_u64(report, "buffered_bytes", collection->buffered_bytes);
	stoq_json_put_u64(report, "buffered_limit_bytes", tunnel->config.memory_bytes);
	stoq_json_put(report, "connections", json_object_get(collection->connections));
	stoq_json_put(report, "queues", json_object_get(collection->queues));
	stoq_json_put(report, "limits", stoq_rates_json(tunnel->rates, collection->policy));
	stoq_json_put(report, "transport", transport_as_json(tunnel));
	return stoq_json_finish(report);
}

char *stoq_tunnel_status(struct stoq_tunnel *tunnel)
{
	static const struct stoq_inquiry_kind kind = {describe, free_collection};
	struct collection *collection = new_collection();
	struct json_object *report = stoq_json_new_report("tunnel", SCHEMA_VERSION);
	struct stoq_inquiry *inquiry = NULL;
	bool complete;
	char *text;

	if (collection && report)
		inquiry = stoq_inquire(tunnel, &kind, collection, &complete);
	if (!inquiry) {
		json_object_put(report);
		if (collection)
			free_collection(collection);
		return NULL;
	}
	/* As text before the inquiry ends: a late worker adds to these arrays. */
	text = report_text(tunnel, report, collection, complete);
	stoq_inquiry_end(inquiry);
	return text;
}
