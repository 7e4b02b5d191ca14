// SPDX-License-Identifier: BSD-2-Clause
#include "transport/connection_path.h"

/*
 * Where a connection's packets go: the addresses that ngtcp2 knows under names of ours (paths.h),
 * and how large packets may be there. A client's are what they are: it alone changes them.
 */
#include <string.h>

#include "datapath/address.h"
#include "transport/connection.h"
#include "transport/counter.h"
#include "transport/worker.h"

#define LONG_HEADER 0x80 /* RFC 8999, 5.1 */

static struct stoq_address address_of(const ngtcp2_addr *from)
{
	struct stoq_address address = {.length = from->addrlen};

	memcpy(&address.sa, from->addr, from->addrlen);
	return address;
}

ngtcp2_path stoq_connection_path_of(
	const struct stoq_address *local, const struct stoq_address *remote)
{
	return (ngtcp2_path){
		.local = {.addr = (ngtcp2_sockaddr *)&local->sa, .addrlen = local->length},
		.remote = {.addr = (ngtcp2_sockaddr *)&remote->sa, .addrlen = remote->length},
	};
}

bool stoq_connection_find_path(const struct stoq_connection *connection, const ngtcp2_path *path,
	struct stoq_address *local, struct stoq_address *remote)
{
	const struct stoq_address named_local = address_of(&path->local);
	const struct stoq_address named_remote = address_of(&path->remote);

	if (connection->server)
		return stoq_paths_find(
			&connection->paths, &named_local, &named_remote, local, remote);
	*local = named_local;
	*remote = named_remote;
	return true;
}

bool stoq_connection_send_on(struct stoq_connection *connection, const ngtcp2_path *path,
	size_t bytes, struct stoq_address *local, struct stoq_address *remote)
{
	const struct stoq_address named_local = address_of(&path->local);
	const struct stoq_address named_remote = address_of(&path->remote);

	if (connection->server)
		return stoq_paths_send(
			&connection->paths, &named_local, &named_remote, bytes, local, remote);
	*local = named_local;
	*remote = named_remote;
	return true;
}

bool stoq_connection_name_path(struct stoq_connection *connection, const struct stoq_address *local,
	const struct stoq_address *remote, size_t bytes, struct stoq_address *named_local,
	struct stoq_address *named_remote)
{
	if (connection->server)
		return stoq_paths_name(
			&connection->paths, local, remote, bytes, named_local, named_remote);
	*named_local = *local;
	*named_remote = *remote;
	return true;
}

/* ---- IDs ---- */

static bool is_id(const ngtcp2_cid *id, const uint8_t *bytes)
{
	return id->datalen == STOQ_CID_BYTES && !memcmp(id->data, bytes, STOQ_CID_BYTES);
}

/* Which of our IDs a packet with a short header came to; cid_count: none. */
static size_t own_id(struct stoq_connection *connection, const uint8_t *data, size_t size)
{
	size_t i = connection->recent_id;

	if (size < 1 + STOQ_CID_BYTES || data[0] & LONG_HEADER)
		return connection->cid_count;
	if (i < connection->cid_count && is_id(&connection->cids[i], data + 1))
		return i;
	for (i = 0; i < connection->cid_count; i++)
		if (is_id(&connection->cids[i], data + 1))
			break;
	connection->recent_id = i;
	return i;
}

bool stoq_connection_name_packet(struct stoq_connection *connection,
	const struct stoq_batch *datagram, const uint8_t *data, size_t size,
	struct stoq_address *named_local, struct stoq_address *named_remote)
{
	size_t id;

	if (!connection->shared_id.shared)
		return stoq_connection_name_path(connection, &datagram->local, &datagram->remote,
			size, named_local, named_remote);
	/*
	 * To ngtcp2, the first packet to an ID is a reason to take another ID of the peer: it comes on the current path. So is a path on which a
	 * challenge came before: none is seen twice. And so is another local address, which these names do not have.
	 */
	id = own_id(connection, data, size);
	if (id < connection->cid_count && connection->cids_used[id])
		return stoq_paths_name_once(&connection->paths, &datagram->local, &datagram->remote,
			size, named_local, named_remote);
	return stoq_paths_name_current(&connection->paths, &datagram->local, &datagram->remote,
		size, named_local, named_remote);
}

/* ---- packet sizes ---- */

void stoq_connection_begin_path_size(
	struct stoq_connection *connection, const struct stoq_address *remote)
{
	const struct stoq_transport_config *config = &connection->settings->config;
	struct stoq_datapath_route route = {0};
	uint32_t limit = config->max_udp_payload_bytes;

	if (config->path_mtu_discovery &&
		!stoq_datapath_route(connection->worker->datapath, remote, &route) &&
		route.max_payload_bytes && route.max_payload_bytes < limit)
		limit = route.max_payload_bytes;
	stoq_path_size_init(&connection->path_size, limit, config->path_mtu_discovery);
}

void stoq_connection_limit_to_peer(struct stoq_connection *connection)
{
	const ngtcp2_transport_params *params =
		ngtcp2_conn_get_remote_transport_params(connection->quic);
	struct stoq_path_size *path = &connection->path_size;
	uint64_t max = params ? params->max_udp_payload_size : STOQ_PATH_SIZE_BASE;

	if (max < path->limit)
		stoq_path_size_init(path, max, path->enabled);
}

static void begin_again(struct stoq_connection *connection, const struct stoq_address *remote)
{
	stoq_connection_begin_path_size(connection, remote);
	stoq_connection_limit_to_peer(connection);
}

/* ---- other paths ---- */

void stoq_connection_follow_path(struct stoq_connection *connection)
{
	const ngtcp2_path *path = ngtcp2_conn_get_path(connection->quic);
	const struct stoq_address named_local = address_of(&path->local);
	const struct stoq_address named_remote = address_of(&path->remote);
	const uint32_t before = connection->paths.current;
	struct stoq_address local, remote;
	bool elsewhere;

	if (!connection->server)
		return;
	elsewhere = stoq_paths_settle(&connection->paths, &named_local, &named_remote);
	if (connection->paths.current != before) {
		connection->stranded_ns = 0;
		connection->arrived_ns = connection->worker->now_ns;
	}
	if (!elsewhere)
		return;
	connection->strandings = 0;
	/* RFC 9000, 9.4 and 14.3: what passed elsewhere may not pass here. */
	if (stoq_connection_find_path(connection, path, &local, &remote))
		begin_again(connection, &remote);
}

void stoq_connection_was_read(struct stoq_connection *connection, const uint8_t *data, size_t size,
	const ngtcp2_cid *peer_id)
{
	const uint32_t before = connection->paths.current;
	size_t id;

	if (connection->server && connection->opened) {
		id = own_id(connection, data, size);
		if (id < connection->cid_count)
			connection->cids_used[id] = true;
	}
	stoq_connection_follow_path(connection);
	if (connection->paths.current != before && peer_id->datalen &&
		ngtcp2_cid_eq(peer_id, ngtcp2_conn_get_dcid(connection->quic)))
		stoq_shared_id_begin(&connection->shared_id);
}

void stoq_connection_left_path(struct stoq_connection *connection)
{
	const struct stoq_address remote =
		address_of(&ngtcp2_conn_get_path(connection->quic)->remote);

	begin_again(connection, &remote);
}

void stoq_connection_new_path(struct stoq_connection *connection, const ngtcp2_path *path)
{
	const struct stoq_address named_local = address_of(&path->local);
	const struct stoq_address named_remote = address_of(&path->remote);

	stoq_shared_id_validated(&connection->shared_id);
	if (connection->server)
		stoq_paths_validated(&connection->paths, &named_local, &named_remote);
	else
		begin_again(connection, &named_remote);
	stoq_counter_add(&connection->worker->metrics.migrations, 1);
}
