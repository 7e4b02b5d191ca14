// SPDX-License-Identifier: BSD-2-Clause
/*
 * How much a peer may send on a stream: a window that doubles, up to its limit, when half of it is
 * used up within two round trips.
 *
 * ngtcp2 could do that itself, but 0.12 loses track when a MAX_STREAM_DATA frame does not fit the
 * packet, as happens when congestion control leaves room for a short one: the peer is told of the
 * larger window later, and when it makes use of that, the connection is closed with
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

/* By how much the window grows, now that this many bytes of it were used. */
static uint64_t growth(struct stoq_stream *stream, size_t used)
{
	const struct stoq_connection *connection = stream->connection;
	const struct stoq_transport_config *config = &connection->settings->config;
	uint64_t now_ns = connection->worker->now_ns, more, elapsed_ns;
	struct stoq_credit *credit = &stream->credit;

	if (!credit->window_bytes)
		*credit = (struct stoq_credit){
			.window_bytes = config->stream_window_bytes, .since_ns = now_ns};
	credit->used_bytes += used;
	if (credit->used_bytes < credit->window_bytes / 2)
		return 0;
	elapsed_ns = now_ns - credit->since_ns;
	credit->used_bytes = 0;
	credit->since_ns = now_ns;
	if (credit->window_bytes >= config->max_stream_window_bytes ||
		elapsed_ns >= 2 * round_trip_ns(connection))
		return 0;
	more = config->max_stream_window_bytes - credit->window_bytes;
	if (more > credit->window_bytes)
		more = credit->window_bytes;
	credit->window_bytes += more;
	return more;
}

void stoq_stream_give_credit(struct stoq_stream *stream, size_t size)
{
	ngtcp2_conn *quic = stream->connection->quic;

	if (!size || !quic)
		return;
	if (!stream->quic_closed && !stream->finish_received)
		ngtcp2_conn_extend_max_stream_offset(quic, stream->id, size + growth(stream, size));
	ngtcp2_conn_extend_max_offset(quic, size);
}
