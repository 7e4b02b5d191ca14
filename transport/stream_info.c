// SPDX-License-Identifier: BSD-2-Clause
/* What applications ask of streams. */
#include <errno.h>

#include "transport/connection.h"
#include "transport/stream.h"
#include "transport/worker.h"

int64_t stoq_stream_id(const struct stoq_stream *stream)
{
	return stream->id;
}

struct stoq_connection *stoq_stream_connection(const struct stoq_stream *stream)
{
	return stream->connection;
}

void *stoq_stream_user(const struct stoq_stream *stream)
{
	return stream->user;
}

void stoq_stream_set_user(struct stoq_stream *stream, void *user)
{
	stream->user = user;
}

struct stoq_stream *stoq_stream_find(struct stoq_connection *connection, int64_t id)
{
	struct stoq_list *link;

	for (link = connection->streams.next; link != &connection->streams; link = link->next) {
		struct stoq_stream *stream = STOQ_LIST_ENTRY(link, struct stoq_stream, link);

		if (stream->id == id)
			return stream;
	}
	return NULL;
}

int stoq_stream_set_urgency(struct stoq_stream *stream, unsigned int urgency)
{
	if (urgency > STOQ_URGENCY_LAST)
		return -EINVAL;
	if (urgency == stream->urgency)
		return 0;
	if (!stream->flow_blocked)
		stoq_list_remove(&stream->sendable);
	stream->burst_bytes = 0;
	stream->urgency = urgency;
	stoq_stream_want_send(stream);
	return 0;
}

void stoq_stream_info(const struct stoq_stream *stream, struct stoq_stream_info *info)
{
	const struct stoq_send_queue *queue = &stream->queue;

	*info = (struct stoq_stream_info){
		.id = stream->id,
		.kind = stream->unidirectional ? STOQ_UNIDIRECTIONAL : STOQ_BIDIRECTIONAL,
		.ours = stream->ours,
		.urgency = stream->urgency,
		.opened_ns = stream->opened_ns,
		.written = stream->past.end + queue->end,
		.sent = stream->past.sent + queue->sent,
		.acknowledged = stream->past.acknowledged + queue->acknowledged,
		.packets_lost = stream->losses,
		.write_over = stream->write_over,
		.received = stream->received_bytes,
		.taken = stream->taken_bytes,
		.window = stream->window_bytes,
		.paused = stream->paused,
		.read_over = stream->read_over || stream->finish_delivered,
	};
}
