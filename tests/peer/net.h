/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Sockets and the clock, for the peer's two programs. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/error.h"
#include "tests/peer/tx.h"

struct peer_address {
	struct sockaddr_storage storage;
	socklen_t length;
};

/* "192.0.2.1:4420" or "[2001:db8::1]:4420". */
int peer_address_parse(struct peer_address *address, const char *text, struct stoq_error *error);

/* A listening or a connected socket, or a negative errno. */
int peer_listen(const struct peer_address *address, bool mptcp, struct stoq_error *error);
int peer_connect(const struct peer_address *address, struct stoq_error *error);

/* Sends what tx holds. 0, -EAGAIN if the socket took only a part, or a negative errno. */
int peer_send(int fd, struct peer_tx *tx);
/* Bytes received, 0: nothing there, -ENOTCONN: the other end closed, or a negative errno. */
ssize_t peer_receive(int fd, uint8_t *buffer, size_t size);
