// SPDX-License-Identifier: BSD-2-Clause
/*
 * How much a peer may send, on a stream and in all: windows that grow while they are used fast; the
 * connection's as far as the budget of memory allows.
 *
 * ngtcp2 could do the former itself, but 0.12 loses track when a MAX_STREAM_DATA frame does not fit
 * the packet, as happens when congestion control leaves room for a short one: the peer is told of
 * the larger window later, and when it makes use of that, the connection is closed with
 * FLOW_CONTROL_ERROR. With a window that ngtcp2 does not change, it catches up in time.
 */
#include "transport/connection.h"
#include "transport/ngtcp2_compat.h"
#include "transport/stream.h"
#include "transport/worker.h"

static uint64_t round_trip_ns(const struct stoq_connection *connection)
{
	ngtcp2_conn_info info;

	ngtcp2_conn_get_conn_info(connection->quic, &info);
	return info.smoothed_rtt;
}

/*
 * By how much a window is to grow, now that this many bytes of it were used: it doubles, up to its
 * limit, when half of it went within two round trips.
 */
static uint64_t growth(const struct stoq_connection *connection, struct stoq_credit *credit,
	uint64_t window_bytes, uint64_t max_bytes, size_t used)
{
	uint64_t now_ns = connection->worker->now_ns, elapsed_ns, more;

	credit->used_bytes += used;
	if (credit->used_bytes < window_bytes / 2)
		return 0;
	elapsed_ns = now_ns - credit->since_ns;
	credit->used_bytes = 0;
	credit->since_ns = now_ns;
	if (window_bytes >= max_bytes || elapsed_ns >= 2 * round_trip_ns(connection))
		return 0;
	more = max_bytes - window_bytes;
	return more < window_bytes ? more : window_bytes;
}

static uint64_t credit_of_stream(struct stoq_stream *stream, size_t size)
{
	const struct stoq_connection *connection = stream->connection;
	const struct stoq_transport_config *config = &connection->settings->config;
	uint64_t more;

	if (!stream->window_bytes) {
		stream->window_bytes = config->stream_window_bytes;
		stream->credit.since_ns = connection->worker->now_ns;
	}
	more = growth(connection, &stream->credit, stream->window_bytes,
		config->max_stream_window_bytes, size);
	stream->window_bytes += more;
	return size + more;
}

/* All streams together: as far as there is memory. */
static uint64_t credit_of_connection(struct stoq_connection *connection, size_t size)
{
	struct stoq_budget_account *account = &connection->account;
	uint64_t more =
		growth(connection, &connection->credit, account->window_bytes - account->lent_bytes,
			connection->settings->config.max_window_bytes - account->lent_bytes, size);

	return size + stoq_budget_grow(account, more) - stoq_budget_shrink(account, size);
}

/* Of so many bytes that were taken: those whose credit other streams have got already. */
static uint64_t return_credit(struct stoq_stream *stream, size_t size)
{
	uint64_t bytes = size < stream->lent_bytes ? size : stream->lent_bytes;

	stream->lent_bytes -= bytes;
	stoq_budget_return(&stream->connection->account, bytes);
	return bytes;
}

void stoq_stream_lend_credit(struct stoq_stream *stream, size_t size)
{
	struct stoq_connection *connection = stream->connection;
	uint64_t lent;

	if (!connection->quic)
		return;
	lent = stoq_budget_lend(
		&connection->account, size, connection->settings->config.max_window_bytes);
	stream->lent_bytes += lent;
	ngtcp2_conn_extend_max_offset(connection->quic, lent);
}

void stoq_stream_give_credit(struct stoq_stream *stream, size_t size)
{
	struct stoq_connection *connection = stream->connection;
	ngtcp2_conn *quic = connection->quic;

	if (!size || !quic)
		return;
	if (!stream->quic_closed && !stream->finish_received)
		ngtcp2_conn_extend_max_stream_offset(
			quic, stream->id, credit_of_stream(stream, size));
	size -= return_credit(stream, size);
	ngtcp2_conn_extend_max_offset(quic, credit_of_connection(connection, size));
}
