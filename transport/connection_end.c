// SPDX-License-Identifier: BSD-2-Clause
#include "transport/connection_end.h"

#include <stdlib.h>

#include "transport/credentials.h"
#include "transport/handles.h"
#include "transport/outbox.h"
#include "transport/tls.h"
#include "transport/worker.h"

void stoq_connection_end_quic(struct stoq_connection *connection)
{
	ngtcp2_conn *quic = connection->quic;

	connection->quic = NULL;
	if (quic)
		ngtcp2_conn_del(quic);
	stoq_handshake_end(connection);
	stoq_datagrams_clear(&connection->datagrams);
	stoq_list_remove(&connection->dirty);
	if (connection->qlog)
		fclose(connection->qlog);
	connection->qlog = NULL;
}

void stoq_connection_end_tls(struct stoq_connection *connection)
{
	stoq_tls_end(connection);
	stoq_credentials_release(connection->credentials);
	connection->credentials = NULL;
	free(connection->session_token);
	connection->session_token = NULL;
	free(connection->wanted_name);
	connection->wanted_name = NULL;
}

void stoq_connection_free(struct stoq_connection *connection)
{
	struct stoq_worker *worker = connection->worker;

	stoq_connection_end_quic(connection);
	stoq_connection_end_tls(connection);
	stoq_connection_take_id(connection);
	stoq_connection_unlist(connection);
	stoq_timer_set(&worker->timers, &connection->timer, STOQ_NEVER);
	stoq_outbox_forget(&worker->outbox, connection);
	stoq_budget_close(&connection->account);
	stoq_settings_release(connection->settings);
	free(connection->close_packet.packet);
	free(connection);
}
