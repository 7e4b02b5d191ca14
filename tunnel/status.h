/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a tunnel does now, for its operators. */
#include "tunnel/tunnel.h"

/*
 * One JSON object, as one line, for free(): connections, queues, refusals, the transport. From a thread that
 * is no worker's; waits for the workers, two seconds at most: "complete" is false if one did not answer. NULL:
 * no memory. doc/tunnel.md describes the fields.
 */
char *stoq_tunnel_status(struct stoq_tunnel *tunnel);

/*
 * Serves it to everyone who connects to a Unix socket, which only its user may do. Runs in a thread of its
 * own until the tunnel is destroyed. -EADDRINUSE: a running tunnel has this socket.
 */
int stoq_tunnel_serve_status(
	struct stoq_tunnel *tunnel, const char *path, struct stoq_error *error);

/* Ends that, if it was begun. */
struct stoq_status_socket;
void stoq_status_socket_close(struct stoq_status_socket *status);
