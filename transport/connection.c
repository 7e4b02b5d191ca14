// SPDX-License-Identifier: BSD-2-Clause
#include "transport/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/address.h"
#include "transport/counter.h"
#include "transport/credentials.h"
#include "transport/endpoint.h"
#include "transport/frames.h"
#include "transport/handles.h"
#include "transport/quic_memory.h"
#include "transport/send.h"
#include "transport/stream.h"
#include "transport/tls.h"
#include "transport/worker.h"

struct stoq_connection *stoq_connection_new(struct stoq_worker *worker, bool server)
{
	struct stoq_connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->worker = worker;
	if (stoq_timers_reserve(&worker->timers, worker->connection_count + 1) ||
		stoq_connection_give_id(connection)) {
		free(connection);
		return NULL;
	}
	connection->settings = stoq_settings_hold(worker->settings);
	connection->credentials = stoq_transport_credentials(worker->transport);
	connection->server = server;
	connection->next_bidirectional = server;
	connection->next_unidirectional = 2 + server;
	connection->sampled_ns = worker->now_ns;
	connection->credit.since_ns = worker->now_ns;
	stoq_budget_open(
		&worker->budget, &connection->account, connection->settings->config.window_bytes);
	stoq_budget_add_own(&connection->account, sizeof(*connection) + STOQ_TLS_BYTES);
	connection->quic_memory = stoq_quic_memory(&connection->account);
	connection->datagrams.account = &connection->account;
	stoq_list_init(&connection->dirty);
	stoq_list_init(&connection->streams);
	for (unsigned int i = 0; i <= STOQ_URGENCY_LAST; i++)
		stoq_list_init(&connection->sendable[i]);
	stoq_list_init(&connection->blocked);
	stoq_list_init(&connection->resumed_streams);
	stoq_list_append(&worker->connections, &connection->link);
	worker->connection_count++;
	worker->half_open += server;
	stoq_counter_add(&worker->metrics.handshaking, 1);
	return connection;
}

static uint64_t *gauge_of(struct stoq_worker_metrics *metrics, enum stoq_connection_state state)
{
	switch (state) {
	case STOQ_HANDSHAKING:
		return &metrics->handshaking;
	case STOQ_OPEN:
		return &metrics->open;
	default:
		return &metrics->closing;
	}
}

/* False: a client's first ID, which is not ours. */
static bool take_own_id(
	const struct stoq_transport *transport, const ngtcp2_cid *id, struct stoq_cid *cid)
{
	if (!stoq_cid_is_ours(&transport->cid_key, id->data, id->datalen))
		return false;
	memcpy(cid, id->data, sizeof(*cid));
	return true;
}

/* The filter in front of us follows: what comes for a connection that is gone need not come in. */
static void tell_filter(struct stoq_connection *connection, bool gone)
{
	struct stoq_transport *transport = connection->worker->transport;
	struct stoq_cid cids[STOQ_CONNECTION_CIDS];
	size_t count = 0;

	for (size_t i = 0; i < connection->cid_count; i++)
		count += take_own_id(transport, &connection->cids[i], &cids[count]);
	stoq_datapath_choice_end_connection(&transport->choice, cids, count, gone);
}

void stoq_connection_set_state(struct stoq_connection *connection, enum stoq_connection_state state)
{
	struct stoq_worker *worker = connection->worker;

	stoq_counter_subtract(gauge_of(&worker->metrics, connection->state), 1);
	stoq_counter_add(gauge_of(&worker->metrics, state), 1);
	if (connection->state == STOQ_HANDSHAKING && connection->server)
		worker->half_open--;
	connection->state = state;
	if (state >= STOQ_CLOSING)
		tell_filter(connection, false);
}

void stoq_connection_unlist(struct stoq_connection *connection)
{
	struct stoq_worker *worker = connection->worker;

	stoq_counter_subtract(gauge_of(&worker->metrics, connection->state), 1);
	if (connection->state == STOQ_HANDSHAKING && connection->server)
		worker->half_open--;
	tell_filter(connection, true);
	for (size_t i = 0; i < connection->cid_count; i++)
		stoq_cid_remove(&worker->cids, &connection->cids[i]);
	for (size_t i = 0; i < connection->reset_token_count; i++)
		stoq_transport_remove_token(worker->transport, &connection->reset_tokens[i]);
	if (worker->last_found == connection)
		worker->last_found = NULL;
	stoq_list_remove(&connection->link);
	worker->connection_count--;
}

/* ---- connection IDs ---- */

int stoq_connection_add_cid(struct stoq_connection *connection, const ngtcp2_cid *cid)
{
	int status;

	if (connection->cid_count >= STOQ_CONNECTION_CIDS)
		return -ENOSPC;
	status = stoq_cid_insert(&connection->worker->cids, cid, connection);
	if (status)
		return status;
	connection->cids_used[connection->cid_count] = false;
	connection->cids[connection->cid_count++] = *cid;
	return 0;
}

void stoq_connection_remove_cid(struct stoq_connection *connection, const ngtcp2_cid *cid)
{
	struct stoq_worker *worker = connection->worker;
	struct stoq_cid own;

	if (take_own_id(worker->transport, cid, &own))
		stoq_datapath_choice_retire_id(&worker->transport->choice, &own);
	for (size_t i = 0; i < connection->cid_count; i++) {
		if (!ngtcp2_cid_eq(&connection->cids[i], cid))
			continue;
		stoq_cid_remove(&worker->cids, cid);
		connection->cids[i] = connection->cids[--connection->cid_count];
		connection->cids_used[i] = connection->cids_used[connection->cid_count];
		worker->last_found = NULL;
		return;
	}
}

static ngtcp2_cid token_key(const uint8_t *token)
{
	ngtcp2_cid key;

	ngtcp2_cid_init(&key, token, NGTCP2_STATELESS_RESET_TOKENLEN);
	return key;
}

void stoq_connection_add_token(struct stoq_connection *connection, const uint8_t *token)
{
	ngtcp2_cid key = token_key(token);

	if (connection->reset_token_count < STOQ_CONNECTION_TOKENS &&
		!stoq_transport_add_token(connection->worker->transport, &key, connection))
		connection->reset_tokens[connection->reset_token_count++] = key;
}

void stoq_connection_remove_token(struct stoq_connection *connection, const uint8_t *token)
{
	ngtcp2_cid key = token_key(token);

	for (size_t i = 0; i < connection->reset_token_count; i++) {
		if (!ngtcp2_cid_eq(&connection->reset_tokens[i], &key))
			continue;
		stoq_transport_remove_token(connection->worker->transport, &key);
		connection->reset_tokens[i] =
			connection->reset_tokens[--connection->reset_token_count];
		return;
	}
}

void stoq_connection_touch(struct stoq_connection *connection)
{
	if (connection->quic && stoq_list_empty(&connection->dirty))
		stoq_list_append(&connection->worker->dirty, &connection->dirty);
}
