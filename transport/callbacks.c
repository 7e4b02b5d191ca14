// SPDX-License-Identifier: BSD-2-Clause
#include "transport/callbacks.h"

/* What ngtcp2 calls while it reads and writes packets; keys.c has those about keys. */
#include <errno.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "transport/connection.h"
#include "transport/connection_established.h"
#include "transport/connection_path.h"
#include "transport/counter.h"
#include "transport/endpoint.h"
#include "transport/keys.h"
#include "transport/resume.h"
#include "transport/stream.h"
#include "transport/stream_receive.h"
#include "transport/tls.h"
#include "transport/worker.h"

/* ---- the handshake ---- */

static int handshake_completed(ngtcp2_conn *quic, void *user)
{
	return stoq_connection_established(user) ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}

static int handshake_confirmed(ngtcp2_conn *quic, void *user)
{
	stoq_connection_confirmed(user);
	return 0;
}

/* One that is too long leaves no room for the ClientHello behind it: the next connection would do without. */
static int keep_token(struct stoq_connection *connection, const uint8_t *bytes, size_t size)
{
	uint8_t *copy;

	if (!size || size > STOQ_SESSION_TOKEN_MAX)
		return 0;
	copy = malloc(size);
	if (!copy)
		return NGTCP2_ERR_NOMEM;
	memcpy(copy, bytes, size);
	stoq_budget_add_own(&connection->account, size);
	stoq_budget_subtract_own(&connection->account, connection->session_token_size);
	free(connection->session_token);
	connection->session_token = copy;
	connection->session_token_size = size;
	return 0;
}

STOQ_NGTCP2_NEW_TOKEN(receive_new_token, keep_token)

/* All streams that early data went out on begin again; ngtcp2 gives them the same IDs. */
static int early_data_rejected(ngtcp2_conn *quic, void *user)
{
	struct stoq_connection *connection = user;
	struct stoq_list *link;

	for (link = connection->streams.next; link != &connection->streams; link = link->next) {
		struct stoq_stream *stream = STOQ_LIST_ENTRY(link, struct stoq_stream, link);
		int64_t id;
		int failure = stream->unidirectional
				      ? ngtcp2_conn_open_uni_stream(quic, &id, stream)
				      : ngtcp2_conn_open_bidi_stream(quic, &id, stream);

		if (failure)
			return NGTCP2_ERR_CALLBACK_FAILURE;
		stream->id = id;
		stoq_send_queue_rewind(&stream->queue);
		stream->finish_sent = false;
		stoq_stream_unblock(stream);
	}
	return 0;
}

/* ---- connection IDs and random numbers ---- */

static void random_bytes(uint8_t *out, size_t size, const ngtcp2_rand_ctx *context)
{
	if (gnutls_rnd(GNUTLS_RND_NONCE, out, size) < 0)
		abort(); /* the system has no random numbers: nothing would be safe */
}

static int new_connection_id(
	ngtcp2_conn *quic, ngtcp2_cid *cid, uint8_t *token, size_t size, void *user)
{
	struct stoq_connection *connection = user;
	struct stoq_worker *worker = connection->worker;
	struct stoq_transport *transport = worker->transport;

	if (stoq_cid_make(cid, &transport->cid_key, worker->index, transport->worker_count) ||
		ngtcp2_crypto_generate_stateless_reset_token(
			token, transport->reset_secret, sizeof(transport->reset_secret), cid) ||
		stoq_connection_add_cid(connection, cid))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	return 0;
}

static int remove_connection_id(ngtcp2_conn *quic, const ngtcp2_cid *cid, void *user)
{
	stoq_connection_remove_cid(user, cid);
	return 0;
}

static int peer_id_status(ngtcp2_conn *quic, stoq_ngtcp2_id_status type, uint64_t number,
	const ngtcp2_cid *cid, const uint8_t *token, void *user)
{
	struct stoq_connection *connection = user;

	/* ngtcp2 activates a client's first one when the end of the handshake is written. */
	connection->finish_written |= type == NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE;
	if (token && type == NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE)
		stoq_connection_add_token(user, token);
	else if (token)
		stoq_connection_remove_token(user, token);
	return 0;
}

static int stateless_reset(ngtcp2_conn *quic, const ngtcp2_pkt_stateless_reset *packet, void *user)
{
	struct stoq_connection *connection = user;

	connection->reset_received = true;
	return 0;
}

static int path_validated(ngtcp2_conn *quic, uint32_t flags, const ngtcp2_path *path,
	STOQ_NGTCP2_OLD_PATH ngtcp2_path_validation_result result, void *user)
{
	struct stoq_connection *connection = user;

	if (result == NGTCP2_PATH_VALIDATION_RESULT_SUCCESS)
		stoq_connection_new_path(connection, path);
	else if (result == NGTCP2_PATH_VALIDATION_RESULT_FAILURE)
		stoq_shared_id_failed(&connection->shared_id);
	return 0;
}

static int path_challenge(ngtcp2_conn *quic, uint8_t *data, void *user)
{
	struct stoq_connection *connection = user;

	stoq_shared_id_challenge(
		&connection->shared_id, connection->worker->now_ns, ngtcp2_conn_get_pto(quic));
	return ngtcp2_crypto_get_path_challenge_data_cb(quic, data, user);
}

/* ---- streams ---- */

static int stream_open(ngtcp2_conn *quic, int64_t id, void *user)
{
	struct stoq_connection *connection = user;
	const struct stoq_transport_callbacks *callbacks = stoq_connection_callbacks(connection);
	struct stoq_stream *stream = stoq_stream_new(connection, id, false);

	if (!stream)
		return NGTCP2_ERR_CALLBACK_FAILURE;
	ngtcp2_conn_set_stream_user_data(quic, id, stream);
	if (callbacks->stream_opened && !connection->close_wanted)
		callbacks->stream_opened(stream, stoq_connection_callback_user(connection));
	return 0;
}

static int receive_stream_data(ngtcp2_conn *quic, uint32_t flags, int64_t id, uint64_t offset,
	const uint8_t *data, size_t size, void *user, void *stream_user)
{
	if (!stream_user) {
		ngtcp2_conn_extend_max_offset(quic, size);
		return 0;
	}
	if (stoq_stream_receive(stream_user, data, size, flags & NGTCP2_STREAM_DATA_FLAG_FIN))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	if (flags & NGTCP2_STREAM_DATA_FLAG_FIN)
		stoq_stream_receiving_over(stream_user);
	return 0;
}

static int acknowledged(ngtcp2_conn *quic, int64_t id, uint64_t offset, uint64_t size, void *user,
	void *stream_user)
{
	struct stoq_stream *stream = stream_user;
	struct stoq_connection *connection = user;

	if (!stream || !size)
		return 0;
	stoq_counter_subtract(&connection->worker->metrics.buffered_send_bytes, size);
	stoq_send_queue_acknowledge(&stream->queue, &connection->account, size);
	stoq_stream_tell_writer(stream);
	return 0;
}

static int stream_reset(ngtcp2_conn *quic, int64_t id, uint64_t final_size, uint64_t code,
	void *user, void *stream_user)
{
	struct stoq_connection *connection = user;
	const struct stoq_transport_callbacks *callbacks = stoq_connection_callbacks(connection);
	struct stoq_stream *stream = stream_user;

	if (!stream)
		return 0;
	if (!stream->read_over) {
		stream->read_over = true;
		stream->close_code = code;
		stoq_stream_discard_unread(stream);
		if (callbacks->stream_reset && !connection->close_wanted)
			callbacks->stream_reset(
				stream, code, stoq_connection_callback_user(connection));
	}
	stoq_stream_receiving_over(stream);
	return 0;
}

static int stream_close(
	ngtcp2_conn *quic, uint32_t flags, int64_t id, uint64_t code, void *user, void *stream_user)
{
	struct stoq_stream *stream = stream_user;

	if (!stream)
		return 0;
	stoq_stream_closed_by_quic(
		stream, flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET ? code : 0);
	return 0;
}

static int more_stream_credit(
	ngtcp2_conn *quic, int64_t id, uint64_t max, void *user, void *stream_user)
{
	struct stoq_stream *stream = stream_user;

	if (!stream)
		return 0;
	stoq_stream_unblock(stream);
	return 0;
}

static int more_streams(ngtcp2_conn *quic, uint64_t max, void *user)
{
	struct stoq_connection *connection = user;
	const struct stoq_transport_callbacks *callbacks = stoq_connection_callbacks(connection);

	if (!connection->streams_wanted || connection->close_wanted)
		return 0;
	connection->streams_wanted = false;
	if (callbacks->streams_available)
		callbacks->streams_available(connection, stoq_connection_callback_user(connection));
	return 0;
}

/* ---- datagrams ---- */

static int receive_datagram(
	ngtcp2_conn *quic, uint32_t flags, const uint8_t *data, size_t size, void *user)
{
	struct stoq_connection *connection = user;
	const struct stoq_transport_config *config = &connection->settings->config;

	if (connection->close_wanted)
		return 0;
	stoq_counter_add(&connection->worker->metrics.datagrams_received, 1);
	/* Without the callback we advertise that we take none, and none comes so far. */
	config->callbacks.datagram(
		connection, data, size, stoq_connection_callback_user(connection));
	return 0;
}

static void datagram_settled(struct stoq_connection *connection, uint64_t id, bool arrived)
{
	const struct stoq_transport_callbacks *callbacks = stoq_connection_callbacks(connection);

	if (id & STOQ_PROBE_ID) {
		if (arrived)
			stoq_path_size_acknowledged(&connection->path_size, (uint32_t)id);
		else
			stoq_path_size_lost(&connection->path_size, (uint32_t)id);
		return;
	}
	if (!arrived)
		stoq_counter_add(&connection->worker->metrics.datagrams_lost, 1);
	if (callbacks->datagram_settled && !connection->close_wanted)
		callbacks->datagram_settled(
			connection, id, arrived, stoq_connection_callback_user(connection));
}

static int datagram_acknowledged(ngtcp2_conn *quic, uint64_t id, void *user)
{
	datagram_settled(user, id, true);
	return 0;
}

static int datagram_lost(ngtcp2_conn *quic, uint64_t id, void *user)
{
	datagram_settled(user, id, false);
	return 0;
}

void stoq_connection_fill_callbacks(ngtcp2_callbacks *callbacks, bool server)
{
	*callbacks = (ngtcp2_callbacks){
		.recv_crypto_data = stoq_handshake_receive,
		.handshake_completed = handshake_completed,
		.handshake_confirmed = handshake_confirmed,
		.recv_new_token = receive_new_token,
		.STOQ_NGTCP2_EARLY_REJECTED = early_data_rejected,
		.rand = random_bytes,
		.get_new_connection_id = new_connection_id,
		.remove_connection_id = remove_connection_id,
		.dcid_status = peer_id_status,
		.recv_stateless_reset = stateless_reset,
		.get_path_challenge_data = path_challenge,
		.path_validation = path_validated,
		.version_negotiation = ngtcp2_crypto_version_negotiation_cb,
		.stream_open = stream_open,
		.recv_stream_data = receive_stream_data,
		.acked_stream_data_offset = acknowledged,
		.stream_reset = stream_reset,
		.stream_close = stream_close,
		.extend_max_stream_data = more_stream_credit,
		.extend_max_local_streams_bidi = more_streams,
		.extend_max_local_streams_uni = more_streams,
		.recv_datagram = receive_datagram,
		.ack_datagram = datagram_acknowledged,
		.lost_datagram = datagram_lost,
	};
	stoq_keys_fill_callbacks(callbacks);
}
