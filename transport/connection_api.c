// SPDX-License-Identifier: BSD-2-Clause
/* What applications ask of connections. */
#include <errno.h>
#include <string.h>

#include "datapath/address.h"
#include "transport/connection.h"
#include "transport/connection_path.h"
#include "transport/counter.h"
#include "transport/endpoint.h"
#include "transport/tls.h"
#include "transport/worker.h"

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
	struct stoq_address local, remote;
	ngtcp2_conn_info quic;

	if (stoq_connection_find_path(
		    connection, ngtcp2_conn_get_path(connection->quic), &local, &remote)) {
		memcpy(&info->remote, &remote.sa, remote.length);
		memcpy(&info->local, &local.sa, local.length);
	}
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
	if (connection->last_info) {
		if (info != connection->last_info)
			*info = *connection->last_info;
		return;
	}
	*info = (struct stoq_connection_info){
		.id = connection->id,
		.confirmed = connection->confirmed,
		.established = connection->announced,
		.resumed = connection->resumed,
		.early_data_accepted = connection->early_data_accepted,
		.server = connection->server,
		.max_udp_payload_bytes = connection->path_size.current,
		.key_updates = connection->key_updates,
		.streams = connection->stream_count,
		.heard_ns = connection->heard_ns,
		.receive_credit_bytes = connection->account.window_bytes - connection->unread_bytes,
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

/*
 * ngtcp2 does not expect its keys and paths to change while it reads a packet (it asserts the state
 * of the handshake, for one). So what is asked for in a callback from there is done in the
 * connection's next turn, and is tried again while it is too soon.
 */
int stoq_connection_update_keys(struct stoq_connection *connection)
{
	if (!connection->quic || connection->close_wanted)
		return -ENOTCONN;
	if (connection->state != STOQ_OPEN || !connection->confirmed)
		return -EAGAIN;
	/* The next keys are made ready when packets are written or read: so also after a failure.
	 */
	stoq_connection_touch(connection);
	if (connection->in_quic) {
		connection->keys_wanted = true;
		return 0;
	}
	if (ngtcp2_conn_initiate_key_update(connection->quic, connection->worker->now_ns))
		return -EAGAIN;
	connection->keys_wanted = false;
	connection->packets_since_update = 0;
	return 0;
}

/* Whether it can ever be: 0 or why not. */
static int check_migration(
	const struct stoq_connection *connection, const struct stoq_address *local)
{
	const ngtcp2_path *path = ngtcp2_conn_get_path(connection->quic);
	const ngtcp2_transport_params *peer =
		ngtcp2_conn_get_remote_transport_params(connection->quic);
	struct stoq_address now;

	/* RFC 9000: section 9 forbids it then; section 9.5 for want of another connection ID. */
	if ((peer && peer->disable_active_migration) ||
		!ngtcp2_conn_get_dcid(connection->quic)->datalen)
		return -ENOTSUP;
	if (!stoq_address_from(&now, path->local.addr, path->local.addrlen) ||
		now.sa.sa_family != local->sa.sa_family)
		return -EAFNOSUPPORT;
	return stoq_address_equal(&now, local) ? -EALREADY : 0;
}

static int go_elsewhere(
	struct stoq_connection *connection, struct stoq_address *local, bool at_once)
{
	ngtcp2_path next = *ngtcp2_conn_get_path(connection->quic);
	uint64_t now_ns = connection->worker->now_ns;

	next.local.addr = (ngtcp2_sockaddr *)&local->sa;
	next.local.addrlen = local->length;
	if (!at_once)
		return ngtcp2_conn_initiate_migration(connection->quic, &next, now_ns) ? -EAGAIN
										       : 0;
	if (ngtcp2_conn_initiate_immediate_migration(connection->quic, &next, now_ns))
		return -EAGAIN;
	stoq_connection_left_path(connection);
	return 0;
}

static int change_path(struct stoq_connection *connection, const struct sockaddr *local,
	socklen_t length, bool at_once)
{
	struct stoq_address address;
	int status;

	if (connection->server || !local || !stoq_address_from(&address, local, length))
		return -EINVAL;
	stoq_address_unmap(&address);
	if (stoq_address_is_wildcard(&address) || stoq_address_is_multicast(&address))
		return -EINVAL;
	if (!connection->quic || connection->close_wanted)
		return -ENOTCONN;
	if (!connection->confirmed)
		return -EAGAIN;
	stoq_address_set_port(&address, stoq_address_port(&connection->worker->local));
	connection->next_local.length = 0;
	status = check_migration(connection, &address);
	if (status)
		return status;
	stoq_connection_touch(connection);
	connection->next_at_once = at_once;
	if (connection->in_quic)
		connection->next_local = address;
	else
		status = go_elsewhere(connection, &address, at_once);
	return status;
}

int stoq_connection_migrate(
	struct stoq_connection *connection, const struct sockaddr *local, socklen_t length)
{
	return change_path(connection, local, length, false);
}

int stoq_connection_move(
	struct stoq_connection *connection, const struct sockaddr *local, socklen_t length)
{
	return change_path(connection, local, length, true);
}
