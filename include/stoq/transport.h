/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * STOQ's transport: QUIC version 1 (RFC 9000, 9001, 9002, 9221) with TLS 1.3, mutual by default.
 *
 * A transport holds one UDP port; it listens, connects, or both. It has one or more workers. A
 * connection and its streams belong to the worker that made it, for good: all their callbacks
 * come from the thread that runs that worker, and their functions may only be called there (in a
 * callback, between two calls of stoq_transport_process(), or in what stoq_transport_post()
 * runs). Functions of struct stoq_transport may be called from any thread unless they say else.
 *
 * Nothing here waits, except stoq_transport_run() and stoq_resolve(). Times are nanoseconds of
 * CLOCK_MONOTONIC. Functions return 0 or a negative errno unless they say else. What is given by
 * pointer is copied unless the function says that it keeps it. See doc/transport.md.
 */
#include <stoq/callbacks.h>
#include <stoq/config.h>
#include <stoq/connection.h>
#include <stoq/error.h>
#include <stoq/stream.h>
#include <stoq/transport_metrics.h>
#include <stoq/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Checks the configuration, reads the certificates, opens the sockets.
 * -EINVAL: the configuration; -EADDRINUSE, -EACCES, ...: the socket; -ENOENT, -EBADMSG: files.
 */
STOQ_API int stoq_transport_create(const struct stoq_transport_config *config,
	struct stoq_transport **transport, struct stoq_error *error);

/*
 * Closes everything at once and frees it: callbacks closed() and stream_closed() come from here,
 * and peers are told (application error 0). What is not acknowledged is lost:
 * stoq_connection_shutdown() waits for that. No worker may be running. NULL is fine.
 *
 * A process that calls exit(), or returns from main(), also tells the peers of what it has not
 * destroyed, without a callback. Not those of a connection in whose callback it does so, and not if
 * it ends by a signal or _exit(): these find out by a stateless reset, if the port is used again,
 * or by the idle timeout.
 */
STOQ_API void stoq_transport_destroy(struct stoq_transport *transport);

/* Gets the address that worker 0 is bound to, with the real port. */
STOQ_API void stoq_transport_local_address(const struct stoq_transport *transport,
	struct sockaddr_storage *address, socklen_t *length);

/*
 * Changes the configuration of a running transport, for connections made from then on: all but the address, the port,
 * listen, the sockets' options, the number of workers, alpn, the files, insecure, resumption, the
 * callbacks and user; early_data can only be turned off, and while it is on, what a peer may send
 * and open at first can only grow. keep_alive_ns and max_memory_bytes also apply to connections
 * that exist. -EINVAL with the reason if something else differs; then nothing has changed.
 */
STOQ_API int stoq_transport_update(struct stoq_transport *transport,
	const struct stoq_transport_config *config, struct stoq_error *error);

/*
 * Reads the certificates again: new handshakes use what the files hold now. Connections go on, but for those whose peer's
 * certificate is revoked now. If the files are bad, the old ones stay in use. Text from memory is what it was.
 */
STOQ_API int stoq_transport_reload_certificates(
	struct stoq_transport *transport, struct stoq_error *error);

/*
 * Runs the transport until stoq_transport_stop(): worker 0 here, and each other one in a thread of
 * its own. 0, or the errno that broke a worker.
 */
STOQ_API int stoq_transport_run(struct stoq_transport *transport, struct stoq_error *error);

/*
 * Ends stoq_transport_run(): no new connections, open ones are closed (application error 0) and
 * the peers are told. From any thread, and from a signal handler.
 */
STOQ_API void stoq_transport_stop(struct stoq_transport *transport);

/*
 * Gets the descriptor that a worker waits for in the caller's event loop: an epoll instance, which
 * is never read from. The loop waits until it is readable, or until stoq_transport_next_ns(), then
 * calls stoq_transport_process(). -EINVAL: there is no such worker.
 */
STOQ_API int stoq_transport_descriptor(const struct stoq_transport *transport, unsigned int worker);

/*
 * When stoq_transport_process() is due at the latest: an absolute time; 0: at once; STOQ_NEVER, also
 * where there is no such worker.
 */
STOQ_API uint64_t stoq_transport_next_ns(
	const struct stoq_transport *transport, unsigned int worker);

/* Does what a worker has to do now: packets, timers, callbacks. -EINVAL: there is no such worker. */
STOQ_API int stoq_transport_process(
	struct stoq_transport *transport, unsigned int worker, uint64_t now_ns);

/*
 * Does the same as stoq_transport_process() without looking for packets: when something was written, or a time has come, and the
 * descriptor is not readable. It saves a system call.
 */
STOQ_API int stoq_transport_flush(
	struct stoq_transport *transport, unsigned int worker, uint64_t now_ns);

/* The time now, as all functions of the transport take it: nanoseconds of CLOCK_MONOTONIC. From any thread. */
STOQ_API uint64_t stoq_now_ns(void);

/*
 * Runs call(argument) in the worker's thread, soon. From any thread. -EAGAIN: its queue is full.
 * What is still queued when the transport is destroyed is run by stoq_transport_destroy(), in whose
 * callbacks nothing more can be posted: -ESHUTDOWN. -EINVAL: there is no such worker.
 */
STOQ_API int stoq_transport_post(struct stoq_transport *transport, unsigned int worker,
	void (*call)(void *argument), void *argument);

/* ---- timers, in a worker's thread, whose loop it is ---- */

struct stoq_alarm;

/*
 * Sets an alarm: call(argument) comes once, in the worker's thread, in the round that finds that it is at_ns or
 * later; one that is set for now or before, in the next round. *alarm is valid until then or until
 * it is cancelled; alarm may be NULL. What is left is dropped when the transport is destroyed. In
 * the worker's thread only, or while no worker runs. -EINVAL: there is no such worker, no call, or
 * STOQ_NEVER; -ESHUTDOWN: the transport is being destroyed; -ENOMEM.
 */
STOQ_API int stoq_alarm_set(struct stoq_transport *transport, unsigned int worker, uint64_t at_ns,
	void (*call)(void *argument), void *argument, struct stoq_alarm **alarm);

/* Cancels an alarm: it will not come. NULL is fine. In the worker's thread only, or while no worker runs. */
STOQ_API void stoq_alarm_cancel(struct stoq_alarm *alarm);

#ifdef __cplusplus
}
#endif
