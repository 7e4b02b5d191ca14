/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Where a connection's packets go. */
#include "transport/connection.h"

ngtcp2_path stoq_connection_path_of(
	const struct stoq_address *local, const struct stoq_address *remote);
/* What a path of ngtcp2 really is; false: it is not known any more. */
bool stoq_connection_find_path(const struct stoq_connection *connection, const ngtcp2_path *path,
	struct stoq_address *local, struct stoq_address *remote);
/* The same for a packet that is to be sent; false, too, if that were too much for an address that is not validated. */
bool stoq_connection_send_on(struct stoq_connection *connection, const ngtcp2_path *path,
	size_t bytes, struct stoq_address *local, struct stoq_address *remote);
/* The other way round, for a packet that has come; false: there is no name for it. */
bool stoq_connection_name_path(struct stoq_connection *connection, const struct stoq_address *local,
	const struct stoq_address *remote, size_t bytes, struct stoq_address *named_local,
	struct stoq_address *named_remote);
/* The same for a packet as it is: while two paths may share an ID of the peer, none takes another (shared_id.h). */
bool stoq_connection_name_packet(struct stoq_connection *connection,
	const struct stoq_batch *datagram, const uint8_t *data, size_t size,
	struct stoq_address *named_local, struct stoq_address *named_remote);
/* ngtcp2 may have gone on to another one. */
void stoq_connection_follow_path(struct stoq_connection *connection);
/* The same when a packet was read; peer_id: the peer's ID before that. If ngtcp2 goes to another path with it, two paths share it. */
void stoq_connection_was_read(struct stoq_connection *connection, const uint8_t *data, size_t size,
	const ngtcp2_cid *peer_id);
/* The peer was validated on another path. */
void stoq_connection_new_path(struct stoq_connection *connection, const ngtcp2_path *path);
/* A client has gone to another path, which was not validated yet. */
void stoq_connection_left_path(struct stoq_connection *connection);
/* Packets are at most what configuration, interface and (later) the peer take. */
void stoq_connection_begin_path_size(
	struct stoq_connection *connection, const struct stoq_address *remote);
void stoq_connection_limit_to_peer(struct stoq_connection *connection);
