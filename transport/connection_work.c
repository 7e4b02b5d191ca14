// SPDX-License-Identifier: BSD-2-Clause
#include "transport/connection_work.h"

#include <errno.h>

#include "datapath/address.h"
#include "transport/close.h"
#include "transport/close_want.h"
#include "transport/connection_end.h"
#include "transport/connection_path.h"
#include "transport/counter.h"
#include "transport/frames.h"
#include "transport/keep_alive.h"
#include "transport/send.h"
#include "transport/stream.h"
#include "transport/stream_receive.h"
#include "transport/worker.h"

#define SAMPLE_INTERVAL_NS    100000000ull
#define BLACK_HOLE_MIN_NS     200000000ull
/*
 * ngtcp2 0.12 ends a connection when a path that answered a short challenge does not answer a long
 * one in time; its client may only have gone on. So long it is waited for, from wherever.
 */
#define STRANDED_MAX_NS	      10000000000ull
/* What is in flight has no timer, or one that is as good as none; on a path that has been the current one for so long. */
#define STUCK_NS	      5000000000ull
#define STUCK_PATH_NS	      200000000ull
#define BLACK_HOLE_TIMEOUTS   6 /* probe timeouts: the third is sent after 1 + 2 + 4 of them */
/* That an honest one takes beside its data, and when it is over and ngtcp2 keeps it. */
#define STREAM_BYTES_MAX      32768
#define GAPPY_STREAMS_MAX     1024 /* that may take so much at once */
#define KEPT_STREAM_BYTES_MAX 2048

static void deliver_resumed(struct stoq_connection *connection)
{
	struct stoq_list resumed;

	/* Each one that was resumed by now: those that are resumed meanwhile wait for a round. */
	stoq_list_take_all(&resumed, &connection->resumed_streams);
	while (!stoq_list_empty(&resumed)) {
		struct stoq_stream *stream =
			STOQ_LIST_ENTRY(resumed.next, struct stoq_stream, resumed);

		stoq_list_remove(&stream->resumed);
		if (stream->resume_wanted)
			stream->paused = stream->resume_wanted = false;
		stoq_stream_tell_stopped(stream);
		stoq_stream_deliver(stream);
		stoq_stream_settle(stream);
	}
}

/* The graceful end: all streams are over, all datagrams are out. */
static void finish_shutdown(struct stoq_connection *connection)
{
	if (connection->shutting_down && !connection->stream_count &&
		!connection->datagrams.count && connection->state == STOQ_OPEN)
		stoq_connection_close(connection, 0, "");
}

/*
 * Well before the limit of a key, where ngtcp2 would end the connection if the update before was
 * not acknowledged yet.
 */
static void update_keys(struct stoq_connection *connection)
{
	if (connection->keys_wanted ||
		connection->packets_since_update >= connection->settings->config.key_update_packets)
		(void)stoq_connection_update_keys(connection);
}

/* What was asked for in a callback, or could not be done yet. */
static void migrate(struct stoq_connection *connection)
{
	struct stoq_address next = connection->next_local;
	int status;

	if (!next.length)
		return;
	status = connection->next_at_once
			 ? stoq_connection_move(connection, &next.sa, next.length)
			 : stoq_connection_migrate(connection, &next.sa, next.length);
	if (status == -EAGAIN)
		connection->next_local = next;
}

static bool has_data_under_way(const struct stoq_connection *connection)
{
	const struct stoq_list *link;

	for (link = connection->streams.next; link != &connection->streams; link = link->next) {
		const struct stoq_stream *stream = STOQ_LIST_ENTRY(link, struct stoq_stream, link);

		if (stream->queue.acknowledged < stream->queue.sent)
			return true;
	}
	return false;
}

/* Data that are under way have a loss timer, PING and PATH_RESPONSE have none. The path may have been validated since it was stopped. */
static bool has_lost_timer(const struct stoq_connection *connection, uint64_t due_ns)
{
	uint64_t idle_ns = stoq_connection_idle_timeout(connection);

	if (due_ns != STOQ_NEVER && (!idle_ns || due_ns < connection->heard_ns + idle_ns))
		return false;
	return has_data_under_way(connection);
}

/*
 * On a path that was not validated, ngtcp2 0.12 stops its loss timer when it has sent three times what has come. If its challenges are
 * lost, and its window is full, it sends neither others nor data any more, whatever comes (conn_server_tx_left() and conn_cwnd_is_zero()
 * in ngtcp2_conn_write_vmsg()). stoq_send_waits() prevents most of that.
 */
static bool is_stuck(const struct stoq_connection *connection, uint64_t due_ns)
{
	const uint64_t now_ns = connection->worker->now_ns;
	ngtcp2_conn_info info;

	if (due_ns < now_ns + STUCK_NS || now_ns < connection->arrived_ns + STUCK_PATH_NS)
		return false;
	ngtcp2_conn_get_conn_info(connection->quic, &info);
	return info.bytes_in_flight && (!stoq_paths_current_validated(&connection->paths) ||
					       has_lost_timer(connection, due_ns));
}

/* On a new path, validation and congestion control begin again, so the path gets a new name if its client is still there. */
static void renew_path(struct stoq_connection *connection, uint64_t due_ns)
{
	if (connection->server && is_stuck(connection, due_ns))
		stoq_paths_renew(&connection->paths);
}

static uint64_t next_ns(struct stoq_connection *connection)
{
	uint64_t due_ns;

	/* A ping is no help to a connection that is stuck. */
	ngtcp2_conn_set_keep_alive_timeout(connection->quic, 0);
	due_ns = ngtcp2_conn_get_expiry(connection->quic);
	renew_path(connection, due_ns);
	return stoq_connection_keep_alive(connection) ? ngtcp2_conn_get_expiry(connection->quic)
						      : due_ns;
}

static void arm_timer(struct stoq_connection *connection)
{
	struct stoq_worker *worker = connection->worker;
	uint64_t due_ns = next_ns(connection);
	uint64_t over_ns = stoq_send_waits(connection);

	if (over_ns && over_ns < due_ns)
		due_ns = over_ns;
	if (connection->stranded_ns)
		due_ns = connection->stranded_ns + STRANDED_MAX_NS;
	/* A time that has passed is now: the next round. */
	if (due_ns != STOQ_NEVER && due_ns <= worker->now_ns)
		due_ns = worker->now_ns + 1;
	stoq_timer_set(&worker->timers, &connection->timer, due_ns);
}

bool stoq_connection_work(struct stoq_connection *connection)
{
	bool done;

	if (!connection->close_wanted)
		deliver_resumed(connection);
	finish_shutdown(connection);
	if (connection->close_wanted) {
		stoq_close_now(connection);
		return true;
	}
	if (connection->worker->outbox.blocked)
		return false;
	update_keys(connection);
	migrate(connection);
	done = stoq_send_packets(connection);
	if (connection->close_wanted) {
		stoq_close_now(connection);
		return true;
	}
	arm_timer(connection);
	/* Streams may turn out to be stopped while they are sent. */
	return done && stoq_list_empty(&connection->resumed_streams);
}

static void sample(struct stoq_connection *connection)
{
	struct stoq_worker *worker = connection->worker;
	struct stoq_worker_metrics *metrics = &worker->metrics;
	ngtcp2_conn_info info;

	if (worker->now_ns - connection->sampled_ns < SAMPLE_INTERVAL_NS)
		return;
	connection->sampled_ns = worker->now_ns;
	stoq_streams_sample(connection);
	ngtcp2_conn_get_conn_info(connection->quic, &info);
	if (info.min_rtt == UINT64_MAX)
		return;
	pthread_mutex_lock(&metrics->lock);
	stoq_histogram_record(&metrics->rtt, info.latest_rtt);
	if (info.latest_rtt < metrics->rtt_min_ns)
		metrics->rtt_min_ns = info.latest_rtt;
	pthread_mutex_unlock(&metrics->lock);
}

/* Nothing comes back: perhaps the path does not take packets of this size any more. */
static void notice_black_hole(struct stoq_connection *connection)
{
	struct stoq_path_size *path = &connection->path_size;
	uint64_t now_ns = connection->worker->now_ns, patience_ns;
	ngtcp2_conn_info info;

	if (!path->enabled || path->current <= STOQ_PATH_SIZE_BASE || !connection->silence_ns)
		return;
	patience_ns = BLACK_HOLE_TIMEOUTS * ngtcp2_conn_get_pto(connection->quic);
	/* Short round trips make short timeouts; a peer that has to wait for its CPU is no black
	 * hole. */
	if (patience_ns < BLACK_HOLE_MIN_NS)
		patience_ns = BLACK_HOLE_MIN_NS;
	ngtcp2_conn_get_conn_info(connection->quic, &info);
	if (info.bytes_in_flight && now_ns - connection->silence_ns > patience_ns)
		stoq_path_size_black_hole(path);
}

void stoq_connection_expire(struct stoq_connection *connection)
{
	int failure;

	if (!connection->quic) {
		stoq_connection_free(connection);
		return;
	}
	if (connection->close_wanted) {
		stoq_connection_touch(connection);
		return;
	}
	connection->in_quic = true;
	failure = ngtcp2_conn_handle_expiry(connection->quic, connection->worker->now_ns);
	connection->in_quic = false;
	if (!failure && connection->stranded_ns)
		failure = NGTCP2_ERR_NO_VIABLE_PATH;
	if (failure) {
		stoq_close_for_error(connection, failure);
		return;
	}
	notice_black_hole(connection);
	sample(connection);
	stoq_connection_touch(connection);
}

static void close_for_memory(struct stoq_connection *connection, uint64_t code, const char *reason)
{
	ngtcp2_ccerr error;

	ngtcp2_ccerr_default(&error);
	ngtcp2_ccerr_set_transport_error(&error, code, NULL, 0);
	stoq_close_want(connection, STOQ_CLOSE_LOCAL, &error, reason);
}

/*
 * Before anybody is authenticated, no connection takes more than the minimum that is kept for each
 * of max_connections, whatever comes in however many pieces.
 */
static void close_if_oversized(struct stoq_connection *connection)
{
	const struct stoq_transport_config *config = &connection->settings->config;
	uint64_t streams =
		(uint64_t)config->max_bidirectional_streams + config->max_unidirectional_streams;
	uint64_t allowed_bytes = STOQ_BUDGET_MIN;

	if (connection->announced)
		return;
	/* Early data are those of a peer that was authenticated before. */
	if (connection->early_keys)
		allowed_bytes += streams * STREAM_BYTES_MAX;
	if (connection->account.own_bytes > allowed_bytes)
		close_for_memory(connection, STOQ_CRYPTO_BUFFER_EXCEEDED,
			"the handshake takes more memory than it can need");
}

/*
 * Data that come in the tiniest pieces, with gaps between them, take many times their size to keep
 * track of. A peer that sends them is not to starve the others.
 */
static void close_if_overdrawn(struct stoq_connection *connection)
{
	const struct stoq_transport_config *config = &connection->settings->config;
	uint64_t streams =
		(uint64_t)config->max_bidirectional_streams + config->max_unidirectional_streams;
	uint64_t gappy = streams < GAPPY_STREAMS_MAX ? streams : GAPPY_STREAMS_MAX;
	uint64_t allowed_bytes = gappy * STREAM_BYTES_MAX +
				 connection->kept_streams * (uint64_t)KEPT_STREAM_BYTES_MAX;

	if (stoq_budget_overdrawn(&connection->account, allowed_bytes))
		close_for_memory(connection, NGTCP2_INTERNAL_ERROR,
			"max_memory_bytes are in use, and this connection takes more than its "
			"share");
}

/*
 * RFC 9000, section 9: who does not let peers migrate, drops what comes from elsewhere, without a
 * stateless reset. Before the handshake is over ngtcp2 does that.
 */
static bool migrates_unasked(
	const struct stoq_connection *connection, const struct stoq_address *remote)
{
	struct stoq_address local, known;

	if (!connection->server || connection->settings->config.migration)
		return false;
	return stoq_connection_find_path(
		       connection, ngtcp2_conn_get_path(connection->quic), &local, &known) &&
	       !stoq_address_equal(&known, remote);
}

void stoq_connection_receive(struct stoq_connection *connection, const struct stoq_batch *datagram,
	const uint8_t *data, size_t size)
{
	struct stoq_address local, remote;
	ngtcp2_pkt_info info = {.ecn = datagram->ecn};
	ngtcp2_cid peer_id;
	ngtcp2_path path;
	int failure;

	if (!connection->quic) {
		stoq_close_repeat(connection);
		return;
	}
	if (migrates_unasked(connection, &datagram->remote)) {
		stoq_counter_add(&connection->worker->metrics.packets_dropped, 1);
		return;
	}
	stoq_connection_touch(connection);
	/* What failed once is not asked again: ngtcp2 may be in no state for more. */
	if (connection->close_wanted)
		return;
	/* What timers and writing have done comes first. */
	stoq_connection_follow_path(connection);
	if (!stoq_connection_name_packet(connection, datagram, data, size, &local, &remote))
		return;
	path = stoq_connection_path_of(&local, &remote);
	peer_id = *ngtcp2_conn_get_dcid(connection->quic);
	connection->in_quic = true;
	connection->opened = false;
	failure = ngtcp2_conn_read_pkt(
		connection->quic, &path, &info, data, size, connection->worker->now_ns);
	connection->in_quic = false;
	connection->silence_ns = 0;
	connection->heard_ns = connection->worker->now_ns;
	/* Credit may have come; streams that are blocked try again. */
	connection->flow_blocked = false;
	if (failure) {
		stoq_close_for_error(connection, failure);
		return;
	}
	stoq_connection_was_read(connection, data, size, &peer_id);
	sample(connection);
	close_if_oversized(connection);
	close_if_overdrawn(connection);
}
