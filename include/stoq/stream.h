/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Streams. Part of <stoq/transport.h>. */
#include <stoq/error.h>
#include <stoq/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum stoq_stream_kind { STOQ_BIDIRECTIONAL, STOQ_UNIDIRECTIONAL };

/*
 * Opens a stream. -EAGAIN: the peer allows no more now, streams_available() will come; -ENOTCONN: closed, or not
 * established (and no early data); -ESHUTDOWN: after stoq_connection_shutdown().
 */
STOQ_API int stoq_stream_open(struct stoq_connection *connection, enum stoq_stream_kind kind,
	struct stoq_stream **stream);

/* QUIC's ID of the stream. */
STOQ_API int64_t stoq_stream_id(const struct stoq_stream *stream);

/* The connection that the stream belongs to. */
STOQ_API struct stoq_connection *stoq_stream_connection(const struct stoq_stream *stream);

/* What stoq_stream_set_user() has set; NULL before. */
STOQ_API void *stoq_stream_user(const struct stoq_stream *stream);

/* Ties a pointer of the caller's to the stream. */
STOQ_API void stoq_stream_set_user(struct stoq_stream *stream, void *user);

#define STOQ_FINISH 1u /* flag: nothing follows */

/*
 * Copies as much as there is room for (send_buffer_bytes, max_memory_bytes) and returns that
 * (0..size); if it is less than size, writable() will come and STOQ_FINISH was not done. -EPIPE:
 * our direction is finished, reset or stopped, or not ours (a peer's unidirectional stream).
 */
STOQ_API ssize_t stoq_stream_write(
	struct stoq_stream *stream, const void *data, size_t size, unsigned int flags);

/*
 * Writes without a copy: takes all (returns 0) or nothing (-EAGAIN: no room, writable() will
 * come). The bytes must stay as they are until release(argument), which comes once, when they are
 * acknowledged or the stream is over; also if the peer resets it. Not called on failure.
 */
STOQ_API int stoq_stream_write_owned(struct stoq_stream *stream, const void *data, size_t size,
	unsigned int flags, void (*release)(void *argument), void *argument);

#define STOQ_URGENCY_DEFAULT 3
#define STOQ_URGENCY_LAST    7

/*
 * Sets which stream goes first when there is more to send than may be sent: 0 is first, 7 last, as in
 * RFC 9218. Streams of one urgency take turns; those behind wait as long as one before them can
 * send. It is for data that were not sent before: what was lost is repeated when it is noticed.
 * -EINVAL.
 */
STOQ_API int stoq_stream_set_urgency(struct stoq_stream *stream, unsigned int urgency);

struct stoq_stream_info {
	int64_t id;
	enum stoq_stream_kind kind;
	bool ours; /* we opened it */
	unsigned int urgency;
	uint64_t opened_ns;

	/* Our direction, in bytes. acknowledged <= sent <= written */
	uint64_t written, sent, acknowledged;
	uint64_t packets_lost; /* with bytes of it, as known 100 ms ago; those were repeated */
	bool write_over;       /* finished, reset, stopped, or not ours */

	/* The peer's direction, in bytes. taken <= received */
	uint64_t received, taken;
	uint64_t window; /* that the peer may have sent and we not taken yet; 0: none was needed */
	bool paused;	 /* waits for stoq_stream_resume() */
	bool read_over;	 /* all was taken, or it was stopped or reset, or is not ours */
};

/* Gets what is known of a stream. At any time; in stream_closed(), as it was at the end. */
STOQ_API void stoq_stream_info(const struct stoq_stream *stream, struct stoq_stream_info *info);

/* The stream of that ID, until stream_closed() has returned; else NULL. */
STOQ_API struct stoq_stream *stoq_stream_find(struct stoq_connection *connection, int64_t id);

/* How many bytes a write takes now. */
STOQ_API size_t stoq_stream_room(const struct stoq_stream *stream);

/*
 * Offers again what received() did not take, and what has come since: soon, not from within this
 * call; see received(). Nothing happens if it left nothing.
 */
STOQ_API void stoq_stream_resume(struct stoq_stream *stream);

/*
 * Abandons our direction: what is not acknowledged may be lost. The peer does not hear of a stream
 * of which nothing was sent before.
 */
STOQ_API void stoq_stream_reset(struct stoq_stream *stream, uint64_t code);

/* Asks the peer to abandon its direction; received() is not called any more. */
STOQ_API void stoq_stream_stop(struct stoq_stream *stream, uint64_t code);

#ifdef __cplusplus
}
#endif
