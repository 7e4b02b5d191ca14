// SPDX-License-Identifier: BSD-2-Clause
/*
 * Turns what streams, datagrams and QUIC itself have to send into packets. The streams take
 * turns; what is left in a packet is filled up by the next one.
 */
#include "transport/send.h"

#include <string.h>

#include "transport/close.h"
#include "transport/connection.h"
#include "transport/connection_path.h"
#include "transport/counter.h"
#include "transport/stream.h"
#include "transport/worker.h"

#define PIECES_MAX	    16
#define BURST_BYTES	    32768 /* a stream's turn */
#define PROBE_SPREAD	    12	  /* bytes by which the headers of packets vary */
#define VALIDATION_TIMEOUTS 4	  /* and a little longer */
#define PACKETS_MAX	    512	  /* in one go, where nothing else bounds it */
#define BURST_NS	    1000000ull
#define LONG_PAST_NS	    (16 * BURST_NS) /* longer than a window is paced over on a short path */
/* How often a path that answers short challenges only is tried again while its client is there. */
#define STRANDINGS_MAX	    8

/* A packet being written. */
struct packet {
	uint8_t *data;
	size_t size; /* room */
	ngtcp2_path_storage path;
	ngtcp2_pkt_info info;
	bool begun; /* ngtcp2 has put something into it and expects more */
};

static ngtcp2_ssize write_stream(struct stoq_connection *connection, struct packet *packet,
	ngtcp2_ssize *accepted, uint32_t flags, int64_t id, const ngtcp2_vec *pieces, size_t count)
{
	return ngtcp2_conn_writev_stream(connection->quic, &packet->path.path, &packet->info,
		packet->data, packet->size, accepted, flags, id, pieces, count,
		connection->worker->now_ns);
}

/* ---- streams ---- */

/* What the next stream in turn has; NULL: no stream may send. */
static struct stoq_stream *next_stream(struct stoq_connection *connection)
{
	return connection->flow_blocked ? NULL : stoq_stream_next_to_send(connection);
}

static void stream_sent(struct stoq_stream *stream, size_t bytes, bool finished)
{
	struct stoq_connection *connection = stream->connection;

	stoq_send_queue_sent(&stream->queue, bytes);
	stoq_counter_add(&connection->worker->metrics.stream_bytes_sent, bytes);
	if (finished && !stoq_send_queue_unsent(&stream->queue))
		stream->finish_sent = true;
	if (!stoq_send_queue_unsent(&stream->queue) &&
		(!stream->finishing || stream->finish_sent)) {
		stoq_list_remove(&stream->sendable);
		stream->burst_bytes = 0;
		return;
	}
	stream->burst_bytes += bytes;
	if (stream->burst_bytes >= BURST_BYTES) {
		stream->burst_bytes = 0;
		stoq_list_move_last(&connection->sendable[stream->urgency], &stream->sendable);
	}
}

/* The stream may not send now; the others may. false: the connection has failed. */
static bool stream_refused(struct stoq_stream *stream, ngtcp2_ssize failure)
{
	struct stoq_connection *connection = stream->connection;

	switch (failure) {
	case NGTCP2_ERR_STREAM_DATA_BLOCKED:
		if (!ngtcp2_conn_get_max_data_left(connection->quic)) {
			connection->flow_blocked = true;
			return true;
		}
		stream->flow_blocked = true;
		stoq_list_move_last(&connection->blocked, &stream->sendable);
		return true;
	case NGTCP2_ERR_STREAM_SHUT_WR:
	case NGTCP2_ERR_STREAM_NOT_FOUND:
		stoq_stream_stopped_by_peer(stream);
		return true;
	default:
		return false;
	}
}

static size_t total(const ngtcp2_vec *pieces, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += pieces[i].len;
	return bytes;
}

static bool others_wait(const struct stoq_connection *connection, const struct stoq_stream *stream)
{
	const struct stoq_list *list = &connection->sendable[stream->urgency];

	if (list->next != &stream->sendable || list->prev != &stream->sendable)
		return true;
	for (unsigned int i = stream->urgency + 1; i <= STOQ_URGENCY_LAST; i++)
		if (!stoq_list_empty(&connection->sendable[i]))
			return true;
	return false;
}

/* Writes of one stream; what ngtcp2 returns. */
static ngtcp2_ssize write_from(
	struct stoq_connection *connection, struct packet *packet, struct stoq_stream *stream)
{
	ngtcp2_vec pieces[PIECES_MAX];
	size_t count = stoq_send_queue_peek(&stream->queue, pieces, PIECES_MAX, packet->size);
	size_t bytes = total(pieces, count);
	bool all = stream->queue.sent + bytes == stream->queue.end;
	bool finish = stream->finishing && all;
	uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_NONE;
	ngtcp2_ssize accepted = -1, result;

	if (finish)
		flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
	/* A packet that this stream does not fill may hold those of others. */
	if (bytes < packet->size && others_wait(connection, stream))
		flags |= NGTCP2_WRITE_STREAM_FLAG_MORE;
	result = write_stream(connection, packet, &accepted, flags, stream->id, pieces, count);
	if (accepted >= 0)
		stream_sent(stream, accepted, finish && (size_t)accepted == bytes);
	return result;
}

/* ---- datagrams ---- */

static ngtcp2_ssize write_datagram(struct stoq_connection *connection, struct packet *packet,
	const struct stoq_queued_datagram *datagram)
{
	/* ngtcp2 takes no empty pieces. */
	const ngtcp2_vec piece = {.base = datagram->data, .len = datagram->size};
	int accepted = 0;
	ngtcp2_ssize result =
		ngtcp2_conn_writev_datagram(connection->quic, &packet->path.path, &packet->info,
			packet->data, packet->size, &accepted, NGTCP2_WRITE_DATAGRAM_FLAG_MORE,
			datagram->id, &piece, datagram->size ? 1 : 0, connection->worker->now_ns);

	if (accepted) {
		stoq_counter_add(&connection->worker->metrics.datagrams_sent, 1);
		stoq_datagrams_drop_first(&connection->datagrams);
	}
	return result;
}

/* One that the path has become too small for. What the peer takes does not change after it was queued. */
static bool is_hopeless(const struct packet *packet, const struct stoq_queued_datagram *datagram)
{
	return datagram->size + STOQ_DATAGRAM_OVERHEAD > packet->size;
}

static void drop_hopeless(struct stoq_connection *connection, const struct packet *packet)
{
	const struct stoq_transport_callbacks *callbacks = stoq_connection_callbacks(connection);
	const struct stoq_queued_datagram *datagram;

	while ((datagram = stoq_datagrams_first(&connection->datagrams)) &&
		is_hopeless(packet, datagram)) {
		uint64_t id = datagram->id;

		stoq_datagrams_drop_first(&connection->datagrams);
		stoq_counter_add(&connection->worker->metrics.datagrams_lost, 1);
		if (callbacks->datagram_settled)
			callbacks->datagram_settled(
				connection, id, false, stoq_connection_callback_user(connection));
	}
}

/* ---- a packet ---- */

/* Bytes written; 0: nothing to send or not allowed to; or an error that ends the connection. */
static ngtcp2_ssize write_packet(struct stoq_connection *connection, struct packet *packet)
{
	const struct stoq_queued_datagram *datagram;
	struct stoq_stream *stream;
	ngtcp2_ssize result;

	while (connection->state == STOQ_OPEN &&
		(datagram = stoq_datagrams_first(&connection->datagrams))) {
		result = write_datagram(connection, packet, datagram);
		if (result != NGTCP2_ERR_WRITE_MORE)
			return result == NGTCP2_ERR_INVALID_ARGUMENT ? 0 : result;
	}
	while ((stream = next_stream(connection))) {
		result = write_from(connection, packet, stream);
		if (result >= 0)
			return result;
		if (result != NGTCP2_ERR_WRITE_MORE && !stream_refused(stream, result))
			return result;
	}
	/* What QUIC itself has to say, acknowledgements say, goes even if no stream may send. */
	return write_stream(connection, packet, NULL, NGTCP2_WRITE_STREAM_FLAG_NONE, -1, NULL, 0);
}

static void commit(struct stoq_connection *connection, const struct packet *packet, size_t size)
{
	struct stoq_address local, remote;

	connection->packets_since_update++;
	stoq_shared_id_written(&connection->shared_id, connection->worker->now_ns);
	if (!connection->silence_ns)
		connection->silence_ns = connection->worker->now_ns;
	/* A path that was forgotten, or may not get more: the packet is lost, as in any network. */
	if (stoq_connection_send_on(connection, &packet->path.path, size, &local, &remote))
		stoq_outbox_commit(connection->worker, connection, size, &local, &remote,
			packet->info.ecn & NGTCP2_ECN_MASK);
}

static bool reserve(struct stoq_connection *connection, struct packet *packet, size_t size)
{
	packet->data = stoq_outbox_reserve(connection->worker, size);
	packet->size = size;
	return packet->data != NULL;
}

/*
 * PING and PADDING (RFC 9000, 14.4) in a packet as large as the one that is tried. To ngtcp2 it is
 * a DATAGRAM, of whose fate it tells us; keys.c makes it what it is. How long the headers are is
 * known only when they are written, so a few sizes are tried.
 */
static void send_probe(struct stoq_connection *connection, struct packet *packet)
{
	static const uint8_t nothing[STOQ_DATAGRAM_MAX_BYTES];
	struct stoq_path_size *path = &connection->path_size;
	uint32_t size = stoq_path_size_probe(path, connection->worker->now_ns);

	if (!size || !reserve(connection, packet, size))
		return;
	for (size_t spare = 0; spare <= PROBE_SPREAD; spare++) {
		ngtcp2_vec piece = {.base = (uint8_t *)nothing,
			.len = size - STOQ_DATAGRAM_OVERHEAD + PROBE_SPREAD - spare};
		int accepted = 0;
		ngtcp2_ssize result;

		connection->probing = true;
		result = ngtcp2_conn_writev_datagram(connection->quic, &packet->path.path,
			&packet->info, packet->data, packet->size, &accepted,
			NGTCP2_WRITE_DATAGRAM_FLAG_NONE, STOQ_PROBE_ID | size, &piece, 1,
			connection->worker->now_ns);
		connection->probing = false;
		if (result > 0)
			commit(connection, packet, result);
		if (accepted)
			stoq_path_size_sent(path, size, connection->worker->now_ns);
		if (result != 0 || accepted)
			return;
	}
}

/*
 * A packet with room left holds all there is to say, as a rule. It goes out before it is asked
 * whether there is more, which takes as long as writing a packet.
 */
static bool said_all(
	const struct stoq_connection *connection, const struct packet *packet, ngtcp2_ssize written)
{
	return (size_t)written < packet->size && connection->confirmed &&
	       !stoq_stream_next_to_send(connection) && !connection->datagrams.count;
}

enum progress {
	NOTHING_MORE, /* or nothing is allowed, or the datapath is not ready */
	PROBABLY_ALL, /* look again when that is out */
	PAUSE,	      /* of a long turn: with pacing its timer says when to go on */
};

/* Sends as long as it may. */
static enum progress send_all(struct stoq_connection *connection, struct packet *packet)
{
	size_t quantum = ngtcp2_conn_get_send_quantum(connection->quic), sent = 0;

	for (unsigned int i = 0; i < PACKETS_MAX && sent < quantum; i++) {
		ngtcp2_ssize written;

		if (stoq_send_waits(connection) ||
			!reserve(connection, packet, connection->path_size.current))
			return NOTHING_MORE; /* the worker goes on when the datapath is ready */
		drop_hopeless(connection, packet);
		written = write_packet(connection, packet);
		if (written == NGTCP2_ERR_NO_VIABLE_PATH && connection->server) {
			connection->stranded_ns = connection->worker->now_ns;
			if (connection->strandings++ < STRANDINGS_MAX)
				stoq_paths_renew(&connection->paths);
			return NOTHING_MORE;
		}
		if (written < 0)
			stoq_close_for_error(connection, (int)written);
		if (written <= 0)
			return NOTHING_MORE;
		commit(connection, packet, written);
		connection->larger_wanted |= stoq_stream_next_to_send(connection) != NULL;
		sent += written;
		connection->burst_bytes += written;
		if (said_all(connection, packet, written))
			return PROBABLY_ALL;
	}
	return PAUSE;
}

/*
 * Who has little to say needs no larger packets, and the peer no memory to decrypt them: ngtcp2
 * keeps a buffer for the largest that has come.
 */
static bool wants_probe(const struct stoq_connection *connection)
{
	return connection->confirmed && connection->larger_wanted && connection->path_size.enabled;
}

/* For ngtcp2, all that was sent until now was sent at sent_ns. */
static void start_burst(struct stoq_connection *connection, uint64_t sent_ns)
{
	stoq_ngtcp2_sent_at(connection->quic, sent_ns, connection->worker->now_ns);
	connection->burst_began_ns = connection->worker->now_ns;
	connection->burst_bytes = 0;
}

/*
 * Bursts of up to a millisecond are sent as they come, as TCP's are on Linux (tcp_tso_autosize() in
 * net/ipv4/tcp_output.c): on a short path, a timer for each quantum costs more than it is good for.
 * Where the round trip is not longer than that, the congestion window is such a burst, and its limit
 * is enough. Elsewhere ngtcp2's timer starts from the burst's beginning, so the rate is what it is
 * meant to be. True: sending goes on when the timer is due.
 */
static bool pace(struct stoq_connection *connection)
{
	uint64_t now_ns = connection->worker->now_ns;
	ngtcp2_conn_info info;

	ngtcp2_conn_get_conn_info(connection->quic, &info);
	if (info.smoothed_rtt <= BURST_NS) {
		start_burst(connection, now_ns > LONG_PAST_NS ? now_ns - LONG_PAST_NS : 0);
		return false;
	}
	if (now_ns - connection->burst_began_ns < BURST_NS &&
		connection->burst_bytes < info.cwnd * BURST_NS / info.smoothed_rtt)
		return false;
	start_burst(connection, connection->burst_began_ns);
	return true;
}

/* ngtcp2 takes three times the longer of two probe timeouts, one of which is of the initial round trip. */
static uint64_t validation_over_ns(const struct stoq_connection *connection)
{
	uint64_t timeout_ns = ngtcp2_conn_get_pto(connection->quic);
	uint64_t initial_ns = 3 * connection->settings->config.initial_rtt_ns;

	return connection->arrived_ns +
	       VALIDATION_TIMEOUTS * (timeout_ns > initial_ns ? timeout_ns : initial_ns);
}

uint64_t stoq_send_waits(const struct stoq_connection *connection)
{
	uint64_t over_ns;

	if (!connection->server || stoq_paths_may_send(&connection->paths))
		return 0;
	over_ns = validation_over_ns(connection);
	return connection->worker->now_ns < over_ns ? over_ns : 0;
}

bool stoq_send_packets(struct stoq_connection *connection)
{
	bool pacing = connection->settings->config.pacing;
	enum progress progress;
	struct packet packet;

	/* Until something comes from elsewhere; connection.c gives up in the end. */
	if (connection->stranded_ns)
		return true;
	ngtcp2_path_storage_zero(&packet.path);
	if (wants_probe(connection))
		send_probe(connection, &packet);
	progress = send_all(connection, &packet);
	if (connection->quic && pacing)
		pacing = pace(connection);
	return progress == NOTHING_MORE || (progress == PAUSE && pacing);
}
