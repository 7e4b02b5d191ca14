// SPDX-License-Identifier: BSD-2-Clause
#include "transport/tls_verify.h"

#include <stdio.h>

#include "pki/credentials.h"
#include "pki/verify.h"
#include "transport/close_want.h"
#include "transport/credentials.h"
#include "transport/endpoint.h"
#include "transport/worker.h"

int stoq_tls_verify_peer(struct stoq_connection *connection, int *alert)
{
	const struct stoq_tls_config *tls = &connection->settings->config.tls;
	const struct stoq_pki_expectation expectation = {
		.peer_is_server = !connection->server,
		.name = connection->wanted_name,
		.patterns = tls->peer_names,
		.pattern_count = tls->peer_name_count,
	};
	struct stoq_pki_refusal refusal;
	struct stoq_pki_name name;
	int status = stoq_pki_verify_peer(connection->tls, &expectation, &name, &refusal);

	if (!status) {
		snprintf(connection->peer_name, sizeof(connection->peer_name), "%s", name.text);
		return 0;
	}
	*alert = refusal.alert;
	snprintf(connection->tls_reason, sizeof(connection->tls_reason), "%s", refusal.text);
	return status;
}

bool stoq_tls_hears_early_data(struct stoq_connection *connection)
{
	int alert;

	return !connection->server || connection->settings->config.tls.insecure ||
	       !stoq_tls_verify_peer(connection, &alert);
}

/* The session's verification goes by the newest files from here on. */
static bool renew_credentials(struct stoq_connection *connection)
{
	struct stoq_credentials *newest = stoq_transport_credentials(connection->worker->transport);

	if (gnutls_credentials_set(connection->tls, GNUTLS_CRD_CERTIFICATE, newest->certificates) <
		0) {
		stoq_credentials_release(newest);
		return false;
	}
	stoq_credentials_release(connection->credentials);
	connection->credentials = newest;
	return true;
}

void stoq_connection_review(struct stoq_connection *connection)
{
	ngtcp2_ccerr error;
	int alert;

	if (!connection->tls_over) {
		connection->review_due = true;
		return;
	}
	if (connection->settings->config.tls.insecure || !connection->tls || !connection->quic ||
		connection->close_wanted || !renew_credentials(connection) ||
		!stoq_tls_verify_peer(connection, &alert) || alert != GNUTLS_A_CERTIFICATE_REVOKED)
		return;
	ngtcp2_ccerr_default(&error);
	ngtcp2_ccerr_set_tls_alert(&error, (uint8_t)alert, NULL, 0);
	stoq_close_want(connection, STOQ_CLOSE_TRANSPORT, &error, connection->tls_reason);
}
