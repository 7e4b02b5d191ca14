/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a transport calls. Part of <stoq/transport.h>. */
#include <stoq/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Called by the transport; all optional. They must not call stoq_transport_run(); from them,
 * stoq_transport_process() returns -EBUSY, and stoq_transport_destroy() does nothing but log a
 * warning. All else is allowed, closing what they are called for included.
 */
struct stoq_transport_callbacks {
	/* A peer connected and is authenticated. To refuse it: stoq_connection_close(). */
	void (*accepted)(struct stoq_connection *connection, void *user);

	/*
	 * A peer that wanted to connect did not get so far that accepted() was called; see struct
	 * stoq_refusal. user: the transport's.
	 */
	void (*refused)(const struct stoq_refusal *refusal, void *user);

	/* The connection that stoq_transport_connect() began is there. */
	void (*connected)(struct stoq_connection *connection, void *user);

	/*
	 * The handshake is confirmed (RFC 9001, section 4.1.2): both ends know that it is over;
	 * keys can be updated, and a connecting side can migrate. After accepted() or connected(),
	 * once.
	 */
	void (*confirmed)(struct stoq_connection *connection, void *user);

	/*
	 * The connection is over, or was never made: stoq_connection_close_info() says why, and
	 * stoq_connection_info() what it was. The last call for it; its streams got theirs before.
	 * The pointer is invalid from here on.
	 */
	void (*closed)(struct stoq_connection *connection, void *user);

	/* The peer opened a stream. Data follow by received(). */
	void (*stream_opened)(struct stoq_stream *stream, void *user);

	/*
	 * Bytes of a stream, in order; finished: none follow. Returns how many it took (0..size).
	 * What it leaves is kept, nothing more is offered until stoq_stream_resume(), and the peer,
	 * whose credit grows only by what was taken, has to wait. Resumed in here, what it leaves
	 * is offered again in the next round of the worker. It may come with size 0 for finished;
	 * data is never NULL. Without this callback everything is discarded.
	 */
	size_t (*received)(struct stoq_stream *stream, const uint8_t *data, size_t size,
		bool finished, void *user);

	/* After a write that took less than it was given: there is room again. */
	void (*writable)(struct stoq_stream *stream, void *user);

	/* The peer abandons its direction of the stream; what was not taken yet is gone. */
	void (*stream_reset)(struct stoq_stream *stream, uint64_t code, void *user);

	/*
	 * The peer wants no more of our direction: it is reset, writes return -EPIPE. Noticed when
	 * there is something to send; the peer's code comes with stream_closed().
	 */
	void (*stream_stopped)(struct stoq_stream *stream, void *user);

	/*
	 * Both directions are over: everything was taken and acknowledged, reset, or the connection
	 * is closed. The last call for the stream. code: that of the reset, 0 if there was none.
	 */
	void (*stream_closed)(struct stoq_stream *stream, uint64_t code, void *user);

	/* After stoq_stream_open() returned -EAGAIN: the peer allows more. */
	void (*streams_available)(struct stoq_connection *connection, void *user);

	/*
	 * An unreliable datagram (RFC 9221); the bytes are valid during the call. Without this
	 * callback peers are told that we take none, and one that sends some is at fault:
	 * PROTOCOL_VIOLATION.
	 */
	void (*datagram)(
		struct stoq_connection *connection, const uint8_t *data, size_t size, void *user);

	/*
	 * What became of a datagram that stoq_connection_send_datagram() took under that id. That
	 * one is lost is found out when a later packet is acknowledged: without one this never
	 * comes.
	 */
	void (*datagram_settled)(
		struct stoq_connection *connection, uint64_t id, bool acknowledged, void *user);

	/*
	 * A connecting side: with these bytes (secret!) a later connection resumes this one, see
	 * struct stoq_connect_config. At most 64 KiB: it is not called for a ticket that is longer.
	 */
	void (*session)(
		struct stoq_connection *connection, const uint8_t *data, size_t size, void *user);

	/* From any thread. text: one line. Without this callback nothing is logged. */
	void (*log)(enum stoq_log_level level, const char *text, void *user);
};

#ifdef __cplusplus
}
#endif
