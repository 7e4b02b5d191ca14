// SPDX-License-Identifier: BSD-2-Clause
#include "transport/tls_verify.h"

#include <stdio.h>

#include "pki/credentials.h"

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
