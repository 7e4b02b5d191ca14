// SPDX-License-Identifier: BSD-2-Clause
/*
 * How much a peer may send, on a stream and in all: windows that grow while they are used fast; the
 * connection's as far as the budget of memory allows.
 *
 * ngtcp2 could do the former itself, but 0.12 loses track when a MAX_STREAM_DATA frame does not fit
 * the packet, as happens when congestion control leaves room for a short one: the peer is told of
 * the larger window later, and when it makes use of that, the connection is closed with
 * FLOW_CONTROL_ERROR. With a window that ngtcp2 does not change, it catches up in time.
 *
 * ngtcp2 (0.12.1 and 1.11, conn_should_send_max_data()) sends MAX_DATA for more than half of what the peer began with. Where less than
 * that is left, because memory is short or streams are not read, it would send none, and the peer would wait for good. So peers
 * begin with little, and how much makes a frame is decided here.
 */
#include "transport/connection.h"
#include "transport/ngtcp2_compat.h"
#include "transport/stream.h"
#include "transport/worker.h"

/* What a peer gets with the transport parameters: as much as congestion control lets it send at first (RFC 9002, 7.2). */
#define AT_FIRST_BYTES	 16384
/* Makes a frame in any case. */
#define TELL_BYTES	 (512u << 10)
/* With less, streams that are not read are lent more as soon as there is memory. */
#define LEND_BELOW_BYTES 65536

/* That the peer may send, told or not. */
static uint64_t credit_left(const struct stoq_connection *connection)
{
	return connection->account.window_bytes - connection->unread_bytes;
}

/* Few frames while the peer has much, and soon one when it has little. */
static void tell_peer(struct stoq_connection *connection, uint64_t more_bytes)
{
	connection->untold_bytes += more_bytes;
	if (connection->untold_bytes < TELL_BYTES &&
		connection->untold_bytes <= credit_left(connection) / 2)
		return;
	ngtcp2_conn_extend_max_offset(connection->quic, connection->untold_bytes);
	connection->untold_bytes = 0;
}

uint64_t stoq_connection_credit_at_first(struct stoq_connection *connection)
{
	uint64_t window_bytes = connection->account.window_bytes, first_bytes = AT_FIRST_BYTES;

	if (first_bytes > window_bytes)
		first_bytes = window_bytes;
	connection->untold_bytes = window_bytes - first_bytes;
	return first_bytes;
}

void stoq_connection_tell_credit(struct stoq_connection *connection)
{
	tell_peer(connection, 0);
}

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

/*
 * Of so many bytes that were taken: those whose credit other streams have got already. Those are the last of what is unread: the first
 * ones that are taken give other streams room, without waiting for the rest.
 */
static uint64_t return_credit(struct stoq_stream *stream)
{
	uint64_t bytes = stream->lent_bytes > stream->unread_bytes
				 ? stream->lent_bytes - stream->unread_bytes
				 : 0;

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
	tell_peer(connection, lent);
	if (lent < size && credit_left(connection) < LEND_BELOW_BYTES)
		stoq_budget_wait(&connection->account);
}

void stoq_connection_lend_again(struct stoq_connection *connection)
{
	struct stoq_list *link;

	if (credit_left(connection) >= LEND_BELOW_BYTES)
		return;
	for (link = connection->streams.next; link != &connection->streams; link = link->next) {
		struct stoq_stream *stream = STOQ_LIST_ENTRY(link, struct stoq_stream, link);

		if (stream->unread_bytes > stream->lent_bytes)
			stoq_stream_lend_credit(stream, stream->unread_bytes - stream->lent_bytes);
	}
	stoq_connection_touch(connection);
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
	size -= return_credit(stream);
	tell_peer(connection, credit_of_connection(connection, size));
}
