// SPDX-License-Identifier: BSD-2-Clause
#include "transport/stream_receive.h"

/*
 * From the peer to the application. What the application takes at once is never copied. What it
 * leaves waits in pooled blocks, bounded by the credit the peer has, which counts as memory in use
 * since it was given. So of the blocks only what is empty counts in addition.
 */
#include <errno.h>
#include <string.h>

#include "transport/connection.h"
#include "transport/counter.h"
#include "transport/pool.h"
#include "transport/stream.h"
#include "transport/worker.h"

#define LARGE_FROM_BYTES (4 * STOQ_POOL_LARGE_BYTES)

struct stoq_receive_block {
	struct stoq_receive_block *next;
	uint32_t capacity;   /* of the block, this header included */
	uint32_t first, end; /* of what is unread in data */
	uint8_t data[];
};

static uint32_t room_of(const struct stoq_receive_block *block)
{
	return block->capacity - sizeof(*block) - block->end;
}

static struct stoq_receive_block *append_block(struct stoq_stream *stream, size_t size)
{
	struct stoq_worker *worker = stream->connection->worker;
	/* A large one only when much waits: what is empty of it is little then. */
	uint32_t capacity = stream->unread_bytes + size < LARGE_FROM_BYTES ? STOQ_POOL_SMALL_BYTES
									   : STOQ_POOL_LARGE_BYTES;
	struct stoq_receive_block *block = stoq_pool_get(&worker->pool, capacity);

	if (!block)
		return NULL;
	*block = (struct stoq_receive_block){.capacity = capacity};
	stoq_budget_add_own(&stream->connection->account, capacity);
	if (stream->unread_last)
		stream->unread_last->next = block;
	else
		stream->unread = block;
	stream->unread_last = block;
	return block;
}

static void drop_first_block(struct stoq_stream *stream)
{
	struct stoq_receive_block *block = stream->unread;

	stream->unread = block->next;
	if (!stream->unread)
		stream->unread_last = NULL;
	stoq_budget_subtract_own(&stream->connection->account, block->capacity);
	stoq_pool_put(&stream->connection->worker->pool, block, block->capacity);
}

static int keep(struct stoq_stream *stream, const uint8_t *data, size_t size)
{
	while (size) {
		struct stoq_receive_block *block = stream->unread_last;
		uint32_t part;

		if (!block || !room_of(block))
			block = append_block(stream, size);
		if (!block)
			return -ENOMEM;
		part = room_of(block) < size ? room_of(block) : size;
		memcpy(block->data + block->end, data, part);
		stoq_budget_subtract_own(&stream->connection->account, part);
		block->end += part;
		data += part;
		size -= part;
		stream->unread_bytes += part;
		stream->connection->unread_bytes += part;
		stoq_counter_add(&stream->connection->worker->metrics.buffered_receive_bytes, part);
	}
	return 0;
}

static void take(struct stoq_stream *stream, size_t size)
{
	stream->unread_bytes -= size;
	stream->connection->unread_bytes -= size;
	stoq_counter_subtract(&stream->connection->worker->metrics.buffered_receive_bytes, size);
	while (size) {
		struct stoq_receive_block *block = stream->unread;
		uint32_t part = block->end - block->first < size ? block->end - block->first : size;

		block->first += part;
		stoq_budget_add_own(&stream->connection->account, part);
		size -= part;
		if (block->first == block->end)
			drop_first_block(stream);
	}
}

/*
 * Asks the application; returns what it took. It may stop the stream meanwhile, or resume it: then
 * what it leaves is offered again in the next round. At once, a reader without room would be asked
 * until the peer gives up.
 */
static size_t offer(struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished)
{
	static const uint8_t nothing[1];
	struct stoq_connection *connection = stream->connection;
	const struct stoq_transport_callbacks *callbacks = stoq_connection_callbacks(connection);
	size_t taken = size;

	if (callbacks->received)
		taken = callbacks->received(stream, data ? data : nothing, size, finished,
			stoq_connection_callback_user(connection));
	if (taken > size)
		taken = size;
	stream->taken_bytes += taken;
	stream->paused = taken < size;
	if (finished && !stream->paused)
		stream->finish_delivered = true;
	return taken;
}

static bool may_offer(const struct stoq_stream *stream)
{
	return !stream->paused && !stream->read_over && !stream->connection->close_wanted;
}

int stoq_stream_receive(struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished)
{
	size_t taken = 0;

	stoq_counter_add(&stream->connection->worker->metrics.stream_bytes_received, size);
	stream->received_bytes += size;
	stream->finish_received |= finished;
	/* What waits for its turn since the stream was resumed comes first. */
	if (!stream->unread && may_offer(stream))
		taken = offer(stream, data, size, finished);
	if (stream->read_over || stream->connection->close_wanted) {
		stoq_stream_give_credit(stream, size);
		return 0;
	}
	stoq_stream_give_credit(stream, taken);
	/* A frame may hold nothing but the end; then data may be NULL. */
	if (taken == size)
		return 0;
	if (keep(stream, data + taken, size - taken))
		return -ENOMEM;
	stoq_stream_lend_credit(stream, size - taken);
	return 0;
}

void stoq_stream_deliver(struct stoq_stream *stream)
{
	while (stream->unread && may_offer(stream)) {
		const struct stoq_receive_block *block = stream->unread;
		uint32_t size = block->end - block->first;
		bool last = stream->finish_received && size == stream->unread_bytes;
		size_t taken = offer(stream, block->data + block->first, size, last);

		/* Stopped meanwhile: all that was unread is gone, and its credit given back. */
		if (stream->read_over)
			return;
		take(stream, taken);
		stoq_stream_give_credit(stream, taken);
	}
	if (!stream->unread && stream->finish_received && !stream->finish_delivered &&
		may_offer(stream))
		offer(stream, NULL, 0, true);
}

void stoq_stream_discard_unread(struct stoq_stream *stream)
{
	size_t size = stream->unread_bytes;

	take(stream, size);
	stoq_stream_give_credit(stream, size);
	stream->paused = false;
}
