// SPDX-License-Identifier: BSD-2-Clause
/* What applications ask of connections; opening one. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "datapath/address.h"
#include "transport/connection.h"
#include "transport/counter.h"
#include "transport/endpoint.h"
#include "transport/tls.h"
#include "transport/worker.h"

/* ---- connecting ---- */

static int check_connect(const struct stoq_worker *worker, const struct stoq_connect_config *config,
	struct stoq_address *remote, struct stoq_error *error)
{
	const struct stoq_transport_config *settings = &worker->settings->config;

	/* Who connects again whenever a connection ends would never be done. */
	if (__atomic_load_n(&worker->transport->stopping, __ATOMIC_RELAXED))
		return stoq_error_set(error, -ESHUTDOWN, "the transport stops");
	if (!config->remote || config->remote_length > sizeof(remote->in6) ||
		(config->remote->sa_family != AF_INET && config->remote->sa_family != AF_INET6))
		return stoq_error_set(
			error, -EINVAL, "the peer's address is neither of IPv4 nor of IPv6");
	if (!config->name && !settings->tls.insecure)
		return stoq_error_set(error, -EINVAL,
			"the name that the peer's certificate must have is missing");
	if (config->early_data && !settings->early_data)
		return stoq_error_set(error, -EINVAL,
			"early data are not enabled in the transport's configuration");
	if (worker->connection_count >= stoq_worker_share(worker, settings->max_connections))
		return stoq_error_set(error, -EAGAIN,
			"max_connections (%u) are open. Close some, or raise the limit",
			settings->max_connections);
	if (!stoq_budget_admits(&worker->budget))
		return stoq_error_set(error, -EAGAIN,
			"max_memory_bytes (%" PRIu64 ") are in use. Close some connections, or "
			"raise the limit",
			settings->max_memory_bytes);
	memcpy(&remote->sa, config->remote, config->remote_length);
	remote->length = config->remote_length;
	return 0;
}

static int find_route(struct stoq_worker *worker, const struct stoq_address *remote,
	struct stoq_address *local, struct stoq_error *error)
{
	struct stoq_datapath_route route = {0};
	char text[STOQ_ADDRESS_TEXT];
	int status = stoq_datapath_route(worker->datapath, remote, &route);

	if (status)
		return stoq_error_set(error, status, "there is no way to %s: %s",
			stoq_address_text(text, remote), strerror(-status));
	*local = route.local.length ? route.local : worker->local;
	return 0;
}

static int start(struct stoq_connection *connection, const struct stoq_connect_config *config,
	const struct stoq_address *local, const struct stoq_address *remote)
{
	if (config->name && !connection->settings->config.tls.insecure) {
		connection->wanted_name = strdup(config->name);
		if (!connection->wanted_name)
			return -ENOMEM;
	}
	connection->user = config->user;
	return stoq_connection_start_client(connection, config, local, remote);
}

int stoq_transport_connect(struct stoq_transport *transport, unsigned int index,
	const struct stoq_connect_config *config, uint64_t now_ns, struct stoq_connection **result,
	struct stoq_error *error)
{
	struct stoq_address local, remote = {0};
	struct stoq_connection *connection;
	struct stoq_worker *worker;
	int status;

	if (index >= transport->worker_count)
		return stoq_error_set(error, -EINVAL,
			"there is no worker %u: they count from 0, and there are %u", index,
			transport->worker_count);
	worker = transport->workers[index];
	status = check_connect(worker, config, &remote, error);
	if (!status)
		status = find_route(worker, &remote, &local, error);
	if (status)
		return status;
	if (now_ns > worker->now_ns)
		worker->now_ns = now_ns;
	connection = stoq_connection_new(worker, false);
	if (!connection)
		return stoq_error_set(error, -ENOMEM, "no memory for a connection");
	status = start(connection, config, &local, &remote);
	if (status) {
		stoq_connection_free(connection);
		return stoq_error_set(error, status,
			status == -EINVAL ? "the session to be resumed is none, or the name is no "
					    "name of a host"
					  : "a connection cannot be made: %s",
			strerror(-status));
	}
	stoq_connection_touch(connection);
	*result = connection;
	return 0;
}

/* ---- asking ---- */

void *stoq_connection_user(const struct stoq_connection *connection)
{
	return connection->user;
}

void stoq_connection_set_user(struct stoq_connection *connection, void *user)
{
	connection->user = user;
}

struct stoq_transport *stoq_connection_transport(const struct stoq_connection *connection)
{
	return connection->worker->transport;
}

unsigned int stoq_connection_worker(const struct stoq_connection *connection)
{
	return connection->worker->index;
}

const struct stoq_close_info *stoq_connection_close_info(const struct stoq_connection *connection)
{
	return &connection->close;
}

static void fill_from_quic(
	const struct stoq_connection *connection, struct stoq_connection_info *info)
{
	const ngtcp2_path *path = ngtcp2_conn_get_path(connection->quic);
	ngtcp2_conn_info quic;

	memcpy(&info->remote, path->remote.addr, path->remote.addrlen);
	memcpy(&info->local, path->local.addr, path->local.addrlen);
	ngtcp2_conn_get_conn_info(connection->quic, &quic);
	/* Without a measurement it is the largest number there is. */
	info->min_rtt_ns = quic.min_rtt == UINT64_MAX ? 0 : quic.min_rtt;
	info->smoothed_rtt_ns = quic.smoothed_rtt;
	info->latest_rtt_ns = quic.latest_rtt;
	info->congestion_window_bytes = quic.cwnd;
	info->bytes_in_flight = quic.bytes_in_flight;
}

void stoq_connection_info(
	const struct stoq_connection *connection, struct stoq_connection_info *info)
{
	*info = (struct stoq_connection_info){
		.established = connection->announced,
		.resumed = connection->resumed,
		.early_data_accepted = connection->early_data_accepted,
		.server = connection->server,
		.max_udp_payload_bytes = connection->path_size.current,
		.key_updates = connection->key_updates,
		.streams = connection->stream_count,
	};
	memcpy(info->peer_name, connection->peer_name, sizeof(info->peer_name));
	stoq_tls_alpn(connection, info->alpn);
	snprintf(info->cipher, sizeof(info->cipher), "%s", stoq_tls_cipher_name(connection));
	if (connection->quic)
		fill_from_quic(connection, info);
}

/* ---- datagrams ---- */

size_t stoq_connection_max_datagram(const struct stoq_connection *connection)
{
	const uint64_t peer_max = connection->peer_datagram_frame_max;
	size_t max = connection->path_size.current - STOQ_DATAGRAM_OVERHEAD, header;

	if (!connection->quic || connection->state != STOQ_OPEN)
		return 0;
	header = stoq_datagram_frame_header(peer_max);
	if (peer_max <= header)
		return 0;
	return peer_max - header < max ? peer_max - header : max;
}

int stoq_connection_send_datagram(
	struct stoq_connection *connection, const void *data, size_t size, uint64_t *id)
{
	size_t max = stoq_connection_max_datagram(connection);
	int status;

	if (!connection->quic || connection->state != STOQ_OPEN || connection->close_wanted)
		return -ENOTCONN;
	if (!max)
		return -ENOTSUP;
	if (size > max)
		return -EMSGSIZE;
	status = stoq_datagrams_put(&connection->datagrams,
		connection->settings->config.max_queued_datagrams, data, size, id);
	if (!status) {
		/* The next one may be as large as stoq_connection_max_datagram() says by then. */
		connection->larger_wanted = true;
		stoq_connection_touch(connection);
	}
	return status;
}

/* ---- keys and paths ---- */

int stoq_connection_update_keys(struct stoq_connection *connection)
{
	if (!connection->quic || connection->state != STOQ_OPEN || !connection->confirmed)
		return -EAGAIN;
	/* The next keys are made ready when packets are written or read: so also after a failure.
	 */
	stoq_connection_touch(connection);
	if (ngtcp2_conn_initiate_key_update(connection->quic, connection->worker->now_ns))
		return -EAGAIN;
	connection->packets_since_update = 0;
	return 0;
}

int stoq_connection_migrate(
	struct stoq_connection *connection, const struct sockaddr *local, socklen_t length)
{
	struct stoq_address address = {.length = length};
	const ngtcp2_path *path;
	ngtcp2_path next;

	if (length > sizeof(address.in6) || connection->server)
		return -EINVAL;
	if (!connection->quic || !connection->confirmed)
		return -EAGAIN;
	memcpy(&address.sa, local, length);
	stoq_address_set_port(&address, stoq_address_port(&connection->worker->local));
	path = ngtcp2_conn_get_path(connection->quic);
	next = *path;
	next.local.addr = (ngtcp2_sockaddr *)&address.sa;
	next.local.addrlen = length;
	if (ngtcp2_conn_initiate_migration(connection->quic, &next, connection->worker->now_ns))
		return -EAGAIN;
	stoq_connection_touch(connection);
	return 0;
}
