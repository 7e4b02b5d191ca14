/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The TCP connections of this network namespace, those of the kernel's own host and target among
 * them, as sock_diag lists them; and closing one (SOCK_DESTROY).
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct stoq_guard_end {
	uint8_t address[16]; /* IPv6, or IPv4 mapped */
	uint16_t port;	     /* host order */
};

struct stoq_guard_socket {
	struct stoq_guard_end local;
	struct stoq_guard_end remote;
	uint8_t family; /* AF_INET or AF_INET6 */
	uint32_t interface;
	uint32_t cookie[2];
};

struct stoq_guard_sockets {
	struct stoq_guard_socket *items;
	size_t count;
	size_t capacity;
};

/* The established ones. 0 or a negative errno. */
int stoq_guard_sockets_list(struct stoq_guard_sockets *sockets, struct stoq_error *error);
void stoq_guard_sockets_free(struct stoq_guard_sockets *sockets);

/*
 * Closes a connection, as if it had been reset. -EPERM: CAP_NET_ADMIN is missing; -EOPNOTSUPP: the
 * kernel has no CONFIG_INET_DIAG_DESTROY; -ENOENT: it is gone.
 */
int stoq_guard_socket_destroy(const struct stoq_guard_socket *socket, struct stoq_error *error);

/* "192.0.2.1:4420", "[2001:db8::1]:4420". */
#define STOQ_GUARD_END_TEXT 64
const char *stoq_guard_end_text(
	const struct stoq_guard_end *end, char text[static STOQ_GUARD_END_TEXT]);

/* From an address as text and a port. 0 or -EINVAL. */
int stoq_guard_end_parse(struct stoq_guard_end *end, const char *address, const char *port);

/* From an address of an interface. 0 or -EINVAL: it is none of IPv4 or IPv6. */
int stoq_guard_end_of_address(struct stoq_guard_end *end, const struct sockaddr *address);

/* The same address, whatever the port. */
bool stoq_guard_end_same_address(
	const struct stoq_guard_end *one, const struct stoq_guard_end *other);
