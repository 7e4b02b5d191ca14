// SPDX-License-Identifier: BSD-2-Clause
#include "transport/close.h"

/*
 * How connections end. Whoever finds a reason notes it; the end comes when no function of ngtcp2
 * is running: CONNECTION_CLOSE goes out, the application is told, QUIC and TLS are freed. What
 * stays for three probe timeouts is small: it repeats CONNECTION_CLOSE, or swallows what still comes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transport/close_text.h"
#include "transport/close_want.h"
#include "transport/connection.h"
#include "transport/connection_end.h"
#include "transport/connection_path.h"
#include "transport/counter.h"
#include "transport/frames.h"
#include "transport/handles.h"
#include "transport/refusal.h"
#include "transport/stream.h"
#include "transport/worker.h"

#define PACKET_BYTES	    1200
#define CLOSING_TIMEOUTS    3	 /* RFC 9000, 10.2: at least three probe timeouts */
#define REPEAT_INTERVAL_MAX 1024 /* packets */

/* ---- the end ---- */

static void end_streams(struct stoq_connection *connection)
{
	while (!stoq_list_empty(&connection->streams)) {
		struct stoq_stream *stream =
			STOQ_LIST_ENTRY(connection->streams.next, struct stoq_stream, link);

		stoq_stream_end(stream, connection->close.code);
	}
}

static void count_end(struct stoq_connection *connection)
{
	struct stoq_worker_metrics *metrics = &connection->worker->metrics;

	stoq_counter_add(connection->announced ? &metrics->closed : &metrics->failed, 1);
}

/* An accepted connection that never was announced is none to the application, but a refusal. */
static void tell_end(struct stoq_connection *connection, const struct stoq_connection_info *info)
{
	const struct stoq_transport_callbacks *callbacks = stoq_connection_callbacks(connection);

	if (!connection->announced)
		stoq_refusal_of_connection(connection, info);
	if (callbacks->closed && (connection->announced || !connection->server))
		callbacks->closed(connection, stoq_connection_callback_user(connection));
}

/* Tells the application, frees what is large; the rest goes after linger_ns. */
static void finish(
	struct stoq_connection *connection, enum stoq_connection_state state, uint64_t linger_ns)
{
	struct stoq_worker *worker = connection->worker;
	struct stoq_connection_info info;

	stoq_streams_sample(connection);
	stoq_connection_info(connection, &info);
	connection->last_info = &info;
	connection->close_wanted = true;
	count_end(connection);
	stoq_connection_set_state(connection, state);
	/* ngtcp2 first: it refers to the data of the streams. */
	stoq_connection_end_quic(connection);
	end_streams(connection);
	stoq_budget_close(&connection->account);
	tell_end(connection, &info);
	connection->last_info = NULL;
	stoq_connection_end_tls(connection);
	stoq_connection_take_id(connection);
	connection->id = 0;
	if (!linger_ns) {
		stoq_connection_free(connection);
		return;
	}
	stoq_timer_set(&worker->timers, &connection->timer, worker->now_ns + linger_ns);
}

static uint64_t linger_ns(struct stoq_connection *connection)
{
	return CLOSING_TIMEOUTS * ngtcp2_conn_get_pto(connection->quic);
}

static void send_close_packet(struct stoq_connection *connection)
{
	struct stoq_close_packet *close_packet = &connection->close_packet;
	struct stoq_worker *worker = connection->worker;
	uint8_t *out = stoq_outbox_reserve(worker, close_packet->size);

	if (!out)
		return;
	memcpy(out, close_packet->packet, close_packet->size);
	stoq_outbox_commit(worker, NULL, close_packet->size, &close_packet->local,
		&close_packet->remote, STOQ_ECN_NOT_ECT);
}

static bool write_close_packet(struct stoq_connection *connection)
{
	struct stoq_close_packet *close_packet = &connection->close_packet;
	ngtcp2_path_storage path;
	ngtcp2_pkt_info info;
	ngtcp2_ssize size;

	close_packet->packet = malloc(PACKET_BYTES);
	if (!close_packet->packet)
		return false;
	ngtcp2_path_storage_zero(&path);
	size = ngtcp2_conn_write_connection_close(connection->quic, &path.path, &info,
		close_packet->packet, PACKET_BYTES, &connection->close_error,
		connection->worker->now_ns);
	if (size <= 0 || !stoq_connection_send_on(connection, &path.path, (size_t)size,
				 &close_packet->local, &close_packet->remote))
		return false;
	close_packet->size = size;
	close_packet->repeat_interval = 1;
	close_packet->packets_until_repeat = 1;
	return true;
}

void stoq_close_now(struct stoq_connection *connection)
{
	uint64_t linger;

	if (!connection->quic)
		return;
	/* The reason that goes out: RFC 9000 has no limit, a packet has. */
	if (connection->close_error.reasonlen > UINT8_MAX)
		connection->close_error.reasonlen = UINT8_MAX;
	linger = linger_ns(connection);
	if (write_close_packet(connection))
		send_close_packet(connection);
	else
		linger = 0;
	finish(connection, STOQ_CLOSING, linger);
}

void stoq_close_at_exit(struct stoq_connection *connection)
{
	static const char reason[] = "the process ends";

	if (!connection->close_wanted) {
		ngtcp2_ccerr_default(&connection->close_error);
		ngtcp2_ccerr_set_application_error(
			&connection->close_error, 0, (const uint8_t *)reason, sizeof(reason) - 1);
	}
	if (write_close_packet(connection))
		send_close_packet(connection);
}

static void close_silently(struct stoq_connection *connection, enum stoq_close_origin origin,
	uint64_t code, const char *reason)
{
	stoq_close_note(connection, origin, code, reason, strlen(reason));
	finish(connection, STOQ_DRAINING, 0);
}

void stoq_close_repeat(struct stoq_connection *connection)
{
	struct stoq_close_packet *close_packet = &connection->close_packet;

	if (connection->state != STOQ_CLOSING || !close_packet->size)
		return;
	/* RFC 9000, 10.2.1: what comes, from wherever, is no reason to send more to an address that is not validated. */
	if (connection->server && !stoq_paths_current_validated(&connection->paths))
		return;
	/* Less and less often: RFC 9000, 10.2.1. */
	if (--close_packet->packets_until_repeat)
		return;
	if (close_packet->repeat_interval < REPEAT_INTERVAL_MAX)
		close_packet->repeat_interval *= 2;
	close_packet->packets_until_repeat = close_packet->repeat_interval;
	send_close_packet(connection);
}

/* ---- why ---- */

static void peer_closed(struct stoq_connection *connection)
{
	ngtcp2_ccerr error = stoq_ngtcp2_received_close(connection->quic);
	bool application = error.type == NGTCP2_CCERR_TYPE_APPLICATION;
	uint64_t linger = linger_ns(connection);

	if (connection->reset_received) {
		close_silently(connection, STOQ_CLOSE_STATELESS_RESET, 0,
			"the peer has lost the connection's state: was it restarted?");
		return;
	}
	stoq_close_note(connection,
		application ? STOQ_CLOSE_PEER_APPLICATION : STOQ_CLOSE_PEER_TRANSPORT,
		error.error_code, (const char *)error.reason, error.reasonlen);
	if (!error.reasonlen && !application)
		stoq_close_describe(&connection->close, "the peer closed the connection");
	finish(connection, STOQ_DRAINING, linger);
}

static void tls_failed(struct stoq_connection *connection)
{
	uint8_t alert = connection->tls_alert ? connection->tls_alert
					      : ngtcp2_conn_get_tls_alert(connection->quic);
	const char *text = gnutls_alert_get_name((gnutls_alert_description_t)alert);
	char reason[sizeof(connection->tls_reason) + 16];
	ngtcp2_ccerr error;

	ngtcp2_ccerr_default(&error);
	ngtcp2_ccerr_set_tls_alert(&error, alert, NULL, 0);
	snprintf(reason, sizeof(reason), "TLS: %s",
		connection->tls_reason[0] ? connection->tls_reason
		: text			  ? text
					  : "the handshake failed");
	stoq_close_want(connection, STOQ_CLOSE_TRANSPORT, &error, reason);
}

static void protocol_failed(struct stoq_connection *connection, int failure)
{
	struct stoq_close_info described = {0};
	ngtcp2_ccerr error;

	ngtcp2_ccerr_default(&error);
	ngtcp2_ccerr_set_liberr(&error, failure, NULL, 0);
	described.code = error.error_code;
	stoq_close_describe(&described, ngtcp2_strerror(failure));
	stoq_close_want(connection,
		failure == NGTCP2_ERR_NOMEM || failure == NGTCP2_ERR_CALLBACK_FAILURE
			? STOQ_CLOSE_LOCAL
			: STOQ_CLOSE_TRANSPORT,
		&error, described.reason);
}

/* ngtcp2 keeps track of so many gaps in a stream's data, and in those of TLS (0.12: 1,000; strm_rob_heavily_fragmented() in lib/ngtcp2_strm.c). */
static void has_too_many_gaps(struct stoq_connection *connection)
{
	const bool crypto = connection->crypto_seen;
	ngtcp2_ccerr error;

	ngtcp2_ccerr_default(&error);
	ngtcp2_ccerr_set_transport_error(
		&error, crypto ? STOQ_CRYPTO_BUFFER_EXCEEDED : NGTCP2_INTERNAL_ERROR, NULL, 0);
	stoq_close_want(connection, crypto ? STOQ_CLOSE_TRANSPORT : STOQ_CLOSE_LOCAL, &error,
		crypto ? "TLS: the peer's data have too many gaps"
		       : "a stream's data have more gaps than can be kept track of");
}

void stoq_close_for_error(struct stoq_connection *connection, int failure)
{
	switch (failure) {
	case NGTCP2_ERR_DRAINING:
		peer_closed(connection);
		return;
	case NGTCP2_ERR_IDLE_CLOSE:
		close_silently(connection, STOQ_CLOSE_IDLE, 0,
			"nothing was heard from the peer for the idle timeout");
		return;
	case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
		close_silently(connection, STOQ_CLOSE_HANDSHAKE_TIMEOUT, 0,
			"the handshake was not over in time: nobody answers, or too slowly");
		return;
	case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
		close_silently(connection, STOQ_CLOSE_VERSION, 0,
			"the peer does not speak QUIC version 1");
		return;
	case NGTCP2_ERR_DROP_CONN:
	case NGTCP2_ERR_RETRY:
		close_silently(connection, STOQ_CLOSE_TRANSPORT, 0, "");
		return;
	case NGTCP2_ERR_CLOSING:
		return;
	case NGTCP2_ERR_INTERNAL:
		has_too_many_gaps(connection);
		return;
	case NGTCP2_ERR_CRYPTO:
		tls_failed(connection);
		return;
	default:
		/* What went wrong in a callback was noted there, if it was the peer's fault. */
		protocol_failed(connection, failure);
	}
}
