// SPDX-License-Identifier: BSD-2-Clause
#include "transport/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "transport/connection.h"
#include "transport/counter.h"
#include "transport/pool.h"
#include "transport/stream_receive.h"
#include "transport/worker.h"

struct stoq_stream *stoq_stream_new(struct stoq_connection *connection, int64_t id, bool ours)
{
	struct stoq_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stoq_budget_add_own(&connection->account, sizeof(*stream));
	stream->connection = connection;
	stream->id = id;
	stream->ours = ours;
	stream->unidirectional = !ngtcp2_is_bidi_stream(id);
	stream->urgency = STOQ_URGENCY_DEFAULT;
	stream->opened_ns = connection->worker->now_ns;
	if (stream->unidirectional) {
		stream->write_over = !ours;
		stream->read_over = ours;
		stream->finish_delivered = ours;
	}
	stoq_list_init(&stream->sendable);
	stoq_list_init(&stream->resumed);
	stoq_list_append(&connection->streams, &stream->link);
	connection->stream_count++;
	stoq_counter_add(&connection->worker->metrics.streams_opened, 1);
	return stream;
}

static void count_losses(struct stoq_stream *stream)
{
	struct stoq_connection *connection = stream->connection;
	uint64_t losses;

	if (!connection->quic || stream->quic_closed)
		return;
	losses = ngtcp2_conn_get_stream_loss_count(connection->quic, stream->id);
	if (losses > stream->losses)
		stoq_counter_add(&connection->worker->metrics.packets_retransmitted,
			losses - stream->losses);
	stream->losses = losses;
}

static void release_send_queue(struct stoq_stream *stream)
{
	struct stoq_worker *worker = stream->connection->worker;

	stoq_counter_subtract(
		&worker->metrics.buffered_send_bytes, stoq_send_queue_held(&stream->queue));
	stream->write_over = true;
	stream->past.end += stream->queue.end;
	stream->past.sent += stream->queue.sent;
	stream->past.acknowledged += stream->queue.acknowledged;
	stoq_send_queue_clear(&stream->queue, &stream->connection->account);
}

/* A peer's stream is over: it may open another one. */
static void allow_another(struct stoq_connection *connection, const struct stoq_stream *stream)
{
	uint64_t number = (uint64_t)stream->id >> 2;

	if (!stream->unidirectional) {
		ngtcp2_conn_extend_max_streams_bidi(connection->quic, 1);
		return;
	}
	connection->kept_streams += STOQ_NGTCP2_KEEPS_UNI;
	if (number < STOQ_NGTCP2_UNI_MAX)
		ngtcp2_conn_extend_max_streams_uni(connection->quic, 1);
}

void stoq_stream_end(struct stoq_stream *stream, uint64_t code)
{
	struct stoq_connection *connection = stream->connection;
	const struct stoq_transport_callbacks *callbacks = stoq_connection_callbacks(connection);

	stream->read_over = true;
	stoq_stream_discard_unread(stream);
	release_send_queue(stream);
	if (callbacks->stream_closed)
		callbacks->stream_closed(stream, code, stoq_connection_callback_user(connection));
	if (connection->quic) {
		ngtcp2_conn_set_stream_user_data(connection->quic, stream->id, NULL);
		if (!stream->ours)
			allow_another(connection, stream);
	}
	stoq_list_remove(&stream->link);
	stoq_list_remove(&stream->sendable);
	stoq_list_remove(&stream->resumed);
	connection->stream_count--;
	stoq_counter_add(&connection->worker->metrics.streams_closed, 1);
	stoq_budget_subtract_own(&connection->account, sizeof(*stream));
	free(stream);
	stoq_connection_touch(connection);
}

void stoq_stream_settle(struct stoq_stream *stream)
{
	if (stream->quic_closed && (stream->read_over || stream->finish_delivered))
		stoq_stream_end(stream, stream->close_code);
}

void stoq_stream_closed_by_quic(struct stoq_stream *stream, uint64_t code)
{
	count_losses(stream);
	stream->quic_closed = true;
	if (code)
		stream->close_code = code;
	release_send_queue(stream);
	stoq_list_remove(&stream->sendable);
	stoq_stream_settle(stream);
}

void stoq_stream_receiving_over(struct stoq_stream *stream)
{
	if (stream->unidirectional && !stream->ours && !stream->quic_closed)
		stoq_stream_closed_by_quic(stream, 0);
}

/* It is found out while a packet is written, when the application must not be called. */
void stoq_stream_stopped_by_peer(struct stoq_stream *stream)
{
	stoq_list_remove(&stream->sendable);
	if (stream->write_over && !stream->finishing)
		return;
	stream->write_over = true;
	stream->stopped = true;
	stream->writable_wanted = false;
	if (stoq_list_empty(&stream->resumed))
		stoq_list_append(&stream->connection->resumed_streams, &stream->resumed);
}

void stoq_stream_tell_stopped(struct stoq_stream *stream)
{
	struct stoq_connection *connection = stream->connection;
	const struct stoq_transport_callbacks *callbacks = stoq_connection_callbacks(connection);

	if (!stream->stopped)
		return;
	stream->stopped = false;
	if (callbacks->stream_stopped)
		callbacks->stream_stopped(stream, stoq_connection_callback_user(connection));
}

void stoq_stream_want_send(struct stoq_stream *stream)
{
	bool wants = stoq_send_queue_unsent(&stream->queue) ||
		     (stream->finishing && !stream->finish_sent);

	if (!wants || stream->flow_blocked || stream->quic_closed || stream->stopped)
		return;
	if (stoq_list_empty(&stream->sendable))
		stoq_list_append(&stream->connection->sendable[stream->urgency], &stream->sendable);
	stoq_connection_touch(stream->connection);
}

void stoq_stream_unblock(struct stoq_stream *stream)
{
	if (stream->flow_blocked)
		stoq_list_remove(&stream->sendable);
	stream->flow_blocked = false;
	stoq_stream_want_send(stream);
}

static void note_opened(struct stoq_connection *connection, enum stoq_stream_kind kind, int64_t id)
{
	int64_t *next = kind == STOQ_UNIDIRECTIONAL ? &connection->next_unidirectional
						    : &connection->next_bidirectional;

	/* Every fourth ID is of that kind: RFC 9000, 2.1. */
	if (id + 4 > *next)
		*next = id + 4;
}

struct stoq_stream *stoq_stream_next_to_send(const struct stoq_connection *connection)
{
	for (unsigned int i = 0; i <= STOQ_URGENCY_LAST; i++) {
		const struct stoq_list *list = &connection->sendable[i];

		if (!stoq_list_empty(list))
			return STOQ_LIST_ENTRY(list->next, struct stoq_stream, sendable);
	}
	return NULL;
}

int stoq_stream_open(
	struct stoq_connection *connection, enum stoq_stream_kind kind, struct stoq_stream **result)
{
	struct stoq_stream *stream;
	int64_t id;
	int failure;

	if (!connection->quic || connection->close_wanted ||
		(connection->state != STOQ_OPEN && !connection->early_data))
		return -ENOTCONN;
	if (connection->shutting_down)
		return -ESHUTDOWN;
	failure = kind == STOQ_UNIDIRECTIONAL
			  ? ngtcp2_conn_open_uni_stream(connection->quic, &id, NULL)
			  : ngtcp2_conn_open_bidi_stream(connection->quic, &id, NULL);
	if (failure == NGTCP2_ERR_STREAM_ID_BLOCKED) {
		connection->streams_wanted = true;
		return -EAGAIN;
	}
	if (failure)
		return -ENOMEM;
	note_opened(connection, kind, id);
	stream = stoq_stream_new(connection, id, true);
	if (!stream) {
		stoq_ngtcp2_shutdown_stream(connection->quic, id, NGTCP2_NO_ERROR);
		return -ENOMEM;
	}
	ngtcp2_conn_set_stream_user_data(connection->quic, id, stream);
	*result = stream;
	return 0;
}

/* What may be held beyond what is held, whosever memory it is. */
static uint64_t buffer_room(const struct stoq_stream *stream)
{
	uint64_t limit = stream->connection->settings->config.send_buffer_bytes;
	uint64_t held = stoq_send_queue_held(&stream->queue);

	return stream->write_over || held >= limit ? 0 : limit - held;
}

size_t stoq_stream_room(const struct stoq_stream *stream)
{
	uint64_t room = buffer_room(stream);
	uint64_t memory = stoq_send_queue_room(&stream->queue, &stream->connection->account);

	return room < memory ? room : memory;
}

/* A byte at a time would be too often: a quarter of the buffer, and memory for a block at least. */
static bool enough_room(const struct stoq_stream *stream)
{
	uint64_t quarter = stream->connection->settings->config.send_buffer_bytes / 4;
	uint64_t block = quarter < STOQ_POOL_SMALL_BYTES ? quarter : STOQ_POOL_SMALL_BYTES;

	return buffer_room(stream) >= quarter && stoq_stream_room(stream) >= block;
}

void stoq_stream_tell_writer(struct stoq_stream *stream)
{
	struct stoq_connection *connection = stream->connection;
	const struct stoq_transport_callbacks *callbacks = stoq_connection_callbacks(connection);

	if (!stream->writable_wanted || stream->write_over || connection->close_wanted ||
		!enough_room(stream))
		return;
	stream->writable_wanted = false;
	if (callbacks->writable)
		callbacks->writable(stream, stoq_connection_callback_user(connection));
}

void stoq_streams_tell_writers(struct stoq_connection *connection)
{
	struct stoq_list *link;

	for (link = connection->streams.next; link != &connection->streams; link = link->next) {
		struct stoq_stream *stream = STOQ_LIST_ENTRY(link, struct stoq_stream, link);

		stoq_stream_tell_writer(stream);
		if (stream->writable_wanted && buffer_room(stream))
			stoq_budget_wait(&connection->account);
	}
}

static void finish_write(struct stoq_stream *stream, unsigned int flags, size_t queued)
{
	stoq_counter_add(&stream->connection->worker->metrics.buffered_send_bytes, queued);
	if (flags & STOQ_FINISH) {
		stream->finishing = true;
		stream->write_over = true;
	}
	stoq_stream_want_send(stream);
}

ssize_t stoq_stream_write(
	struct stoq_stream *stream, const void *data, size_t size, unsigned int flags)
{
	size_t room = stoq_stream_room(stream), taken;

	if (stream->write_over || !stream->connection->quic)
		return -EPIPE;
	taken = stoq_send_queue_copy(
		&stream->queue, &stream->connection->account, data, size < room ? size : room);
	stream->writable_wanted |= taken < size;
	if (taken < size && buffer_room(stream))
		stoq_budget_wait(&stream->connection->account);
	finish_write(stream, taken < size ? 0 : flags, taken);
	return (ssize_t)taken;
}

int stoq_stream_write_owned(struct stoq_stream *stream, const void *data, size_t size,
	unsigned int flags, void (*release)(void *argument), void *argument)
{
	int status;

	if (stream->write_over || !stream->connection->quic)
		return -EPIPE;
	/* One that is larger than the buffer goes when nothing else is held. */
	if (size > buffer_room(stream) && stoq_send_queue_held(&stream->queue)) {
		stream->writable_wanted = true;
		return -EAGAIN;
	}
	if (size) {
		status = stoq_send_queue_own(&stream->queue, &stream->connection->account, data,
			size, release, argument);
		if (status)
			return status;
	}
	finish_write(stream, flags, size);
	if (!size && release)
		release(argument);
	return 0;
}

void stoq_stream_resume(struct stoq_stream *stream)
{
	stream->resume_wanted = true;
	if (!stoq_list_empty(&stream->resumed))
		return;
	stoq_list_append(&stream->connection->resumed_streams, &stream->resumed);
	stoq_connection_touch(stream->connection);
}

void stoq_stream_reset(struct stoq_stream *stream, uint64_t code)
{
	struct stoq_connection *connection = stream->connection;

	stream->write_over = true;
	stream->finishing = false;
	stream->writable_wanted = false;
	stoq_list_remove(&stream->sendable);
	if (!connection->quic || stream->quic_closed || (stream->unidirectional && !stream->ours))
		return;
	stoq_ngtcp2_shutdown_stream_write(connection->quic, stream->id, code);
	stoq_connection_touch(connection);
}

void stoq_stream_stop(struct stoq_stream *stream, uint64_t code)
{
	struct stoq_connection *connection = stream->connection;

	if (stream->read_over)
		return;
	stream->read_over = true;
	stoq_stream_discard_unread(stream);
	if (!connection->quic)
		return;
	if (!stream->quic_closed)
		stoq_ngtcp2_shutdown_stream_read(connection->quic, stream->id, code);
	/* So that it is settled at the next opportunity, if it only waited to be read. */
	stoq_stream_resume(stream);
	if (stream->unidirectional && !stream->ours)
		stream->quic_closed = true;
}

void stoq_streams_sample(struct stoq_connection *connection)
{
	struct stoq_list *link;

	for (link = connection->streams.next; link != &connection->streams; link = link->next) {
		struct stoq_stream *stream = STOQ_LIST_ENTRY(link, struct stoq_stream, link);

		count_losses(stream);
		stoq_stream_unblock(stream);
	}
}
