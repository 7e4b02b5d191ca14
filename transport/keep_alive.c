// SPDX-License-Identifier: BSD-2-Clause
#include "transport/keep_alive.h"

#include "transport/stream.h"
#include "transport/worker.h"

/*
 * RFC 9000, section 4.1: an end that flow control keeps from sending sends something that is acknowledged from time to time, when nothing is
 * in flight. ngtcp2 sends no DATA_BLOCKED and has no timer then. Without a ping, a server that cannot send to its client's new address before
 * another packet comes from there, and a client that waits for that server's credit, wait for each other until the idle timeout.
 */
#define BLOCKED_NS   1000000000ull
#define IDLE_PERIODS 3 /* of them are an idle timeout at most: one ping may be lost */

static bool waits_for_credit(const struct stoq_connection *connection)
{
	ngtcp2_conn_info info;

	/* What is left after sending waits for credit of the connection. */
	if (connection->state != STOQ_OPEN ||
		(stoq_list_empty(&connection->blocked) && !stoq_stream_next_to_send(connection) &&
			!connection->streams_wanted))
		return false;
	ngtcp2_conn_get_conn_info(connection->quic, &info);
	return !info.bytes_in_flight;
}

uint64_t stoq_connection_idle_timeout(const struct stoq_connection *connection)
{
	const ngtcp2_transport_params *params =
		ngtcp2_conn_get_remote_transport_params(connection->quic);
	uint64_t ours_ns = connection->settings->config.idle_timeout_ns;
	uint64_t theirs_ns = params ? params->max_idle_timeout : 0;

	if (!ours_ns || !theirs_ns)
		return ours_ns + theirs_ns;
	return ours_ns < theirs_ns ? ours_ns : theirs_ns;
}

static uint64_t blocked_ns(const struct stoq_connection *connection)
{
	uint64_t idle_ns = stoq_connection_idle_timeout(connection) / IDLE_PERIODS;
	uint64_t timeout_ns = ngtcp2_conn_get_pto(connection->quic);

	if (!idle_ns || idle_ns > BLOCKED_NS)
		return BLOCKED_NS;
	return idle_ns > timeout_ns ? idle_ns : timeout_ns;
}

bool stoq_connection_keep_alive(struct stoq_connection *connection)
{
	/* Of the newest configuration: it applies to connections that exist, too. */
	uint64_t after_ns = connection->worker->settings->config.keep_alive_ns;

	if (waits_for_credit(connection)) {
		uint64_t least_ns = blocked_ns(connection);

		if (!after_ns || after_ns > least_ns)
			after_ns = least_ns;
	}
	ngtcp2_conn_set_keep_alive_timeout(connection->quic, after_ns);
	return after_ns;
}
