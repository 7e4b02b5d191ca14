// SPDX-License-Identifier: BSD-2-Clause
#include "transport/connection_established.h"

#include "transport/close_want.h"
#include "transport/connection_path.h"
#include "transport/counter.h"
#include "transport/credit.h"
#include "transport/endpoint.h"
#include "transport/keep_alive.h"
#include "transport/tls.h"
#include "transport/tls_verify.h"
#include "transport/worker.h"

static void send_token(struct stoq_connection *connection)
{
	struct stoq_transport *transport = connection->worker->transport;
	struct stoq_address local, remote;
	uint8_t token[256];
	ngtcp2_ssize size;

	if (!stoq_connection_find_path(
		    connection, ngtcp2_conn_get_path(connection->quic), &local, &remote))
		return;
	size = ngtcp2_crypto_generate_regular_token(token, transport->token_secret,
		sizeof(transport->token_secret), &remote.sa, remote.length,
		connection->worker->now_ns);
	if (size > 0)
		(void)ngtcp2_conn_submit_new_token(connection->quic, token, size);
}

static void announce(struct stoq_connection *connection)
{
	const struct stoq_transport_callbacks *callbacks = stoq_connection_callbacks(connection);
	struct stoq_worker_metrics *metrics = &connection->worker->metrics;
	void *user = stoq_connection_callback_user(connection);

	connection->announced = true;
	stoq_connection_set_state(connection, STOQ_OPEN);
	stoq_counter_add(connection->server ? &metrics->accepted : &metrics->connected, 1);
	stoq_counter_add(&metrics->resumed, connection->resumed);
	if (connection->server && callbacks->accepted)
		callbacks->accepted(connection, user);
	if (!connection->server && callbacks->connected)
		callbacks->connected(connection, user);
}

/* A client: if the server refused the early data, they are to be sent once more. */
static void settle_early_data(struct stoq_connection *connection)
{
	bool accepted = gnutls_session_get_flags(connection->tls) & GNUTLS_SFLAGS_EARLY_DATA;

	connection->early_data_accepted = accepted;
	if (connection->early_data && !accepted)
		(void)ngtcp2_conn_tls_early_data_rejected(connection->quic);
	connection->early_data = false;
}

/* A client: the IDs that came with the handshake. */
static void note_given_ids(struct stoq_connection *connection)
{
	const ngtcp2_transport_params *params =
		ngtcp2_conn_get_remote_transport_params(connection->quic);

	stoq_given_ids_init(
		&connection->given_ids, params && stoq_ngtcp2_has_preferred_address(params));
}

void stoq_connection_confirmed(struct stoq_connection *connection)
{
	const struct stoq_transport_callbacks *callbacks = stoq_connection_callbacks(connection);

	if (connection->confirmed)
		return;
	connection->confirmed = true;
	if (callbacks->confirmed && connection->announced && !connection->close_wanted)
		callbacks->confirmed(connection, stoq_connection_callback_user(connection));
}

int stoq_connection_established(struct stoq_connection *connection)
{
	int alert;

	if (stoq_tls_finish(connection, &alert)) {
		ngtcp2_ccerr error;

		ngtcp2_ccerr_default(&error);
		ngtcp2_ccerr_set_tls_alert(&error, (uint8_t)alert, NULL, 0);
		stoq_close_want(connection, STOQ_CLOSE_TRANSPORT, &error, connection->tls_reason);
		return 0;
	}
	connection->tls_over = connection->address_proven = true;
	settle_early_data(connection);
	stoq_connection_limit_to_peer(connection);
	stoq_connection_tell_credit(connection);
	(void)stoq_connection_keep_alive(connection);
	if (connection->server) {
		stoq_tls_send_ticket(connection);
		send_token(connection);
	} else {
		note_given_ids(connection);
	}
	announce(connection);
	if (connection->review_due)
		stoq_connection_review(connection);
	/* RFC 9001, section 4.1.2: a server's is, when it is complete. */
	if (connection->server)
		stoq_connection_confirmed(connection);
	return 0;
}
