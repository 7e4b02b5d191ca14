/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Where a tunnel's status is served. */
#include "tunnel/tunnel.h"

struct stoq_status_socket;

/*
 * Serves it to everyone who connects to a Unix socket, which only its user may do. Runs in a thread of its
 * own until the tunnel is destroyed. -EADDRINUSE: a running tunnel has this socket.
 */
int stoq_tunnel_serve_status(
	struct stoq_tunnel *tunnel, const char *path, struct stoq_error *error);

/* Ends that, if it was begun. */
void stoq_status_socket_close(struct stoq_status_socket *status);
