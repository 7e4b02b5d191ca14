// SPDX-License-Identifier: BSD-2-Clause
#include "transport/refusal.h"

#include <stdio.h>
#include <string.h>

#include "datapath/address.h"
#include "transport/connection.h"
#include "transport/endpoint.h"
#include "transport/worker.h"

static void tell(const struct stoq_transport_config *config, const struct stoq_refusal *refusal)
{
	if (config->callbacks.refused)
		config->callbacks.refused(refusal, config->user);
}

void stoq_refusal_of_packet(struct stoq_worker *worker, const struct stoq_address *remote,
	bool address_proven, uint64_t code, const char *reason)
{
	struct stoq_close_info close = {.origin = STOQ_CLOSE_LOCAL, .code = code};
	struct stoq_refusal refusal = {
		.transport = worker->transport,
		.worker = worker->index,
		.address_proven = address_proven,
		.close = &close,
	};

	snprintf(close.reason, sizeof(close.reason), "%s", reason);
	memcpy(&refusal.remote, &remote->sa, remote->length);
	tell(&worker->settings->config, &refusal);
}

static void log_it(const struct stoq_connection *connection, const struct sockaddr_storage *remote)
{
	char text[STOQ_ADDRESS_TEXT] = "an unknown address";
	struct stoq_address address;

	if (!connection->close.reason[0])
		return;
	if (stoq_address_from(&address, (const struct sockaddr *)remote, sizeof(*remote)))
		stoq_address_text(text, &address);
	stoq_transport_log(connection->worker->transport, STOQ_LOG_INFO,
		"a connection %s %s was not made: %s", connection->server ? "from" : "to", text,
		connection->close.reason);
}

void stoq_refusal_of_connection(
	const struct stoq_connection *connection, const struct stoq_connection_info *info)
{
	struct stoq_refusal refusal = {
		.transport = connection->worker->transport,
		.worker = connection->worker->index,
		.remote = info->remote,
		.address_proven = connection->address_proven,
		.close = &connection->close,
	};
	const gnutls_datum_t *list = NULL;
	unsigned int count = 0;

	log_it(connection, &info->remote);
	if (!connection->server)
		return;
	if (connection->tls)
		list = gnutls_certificate_get_peers(connection->tls, &count);
	if (list && count) {
		refusal.certificate = list->data;
		refusal.certificate_bytes = list->size;
	}
	tell(&connection->settings->config, &refusal);
}
