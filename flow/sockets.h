/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The TCP connections of this network namespace, those of the kernel's own host and target among
 * them, as sock_diag lists them; and closing one (SOCK_DESTROY).
 */
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/end.h"

struct stoq_flow_socket {
	struct stoq_flow_end local;
	struct stoq_flow_end remote;
	uint8_t family; /* AF_INET or AF_INET6 */
	uint32_t interface;
	uint32_t cookie[2];
};

struct stoq_flow_sockets {
	struct stoq_flow_socket *items;
	size_t count;
	size_t capacity;
};

/* The established ones. 0 or a negative errno. */
int stoq_flow_sockets_list(struct stoq_flow_sockets *sockets, struct stoq_error *error);
void stoq_flow_sockets_free(struct stoq_flow_sockets *sockets);

/*
 * Closes a connection, as if it had been reset. -EPERM: CAP_NET_ADMIN is missing; -EOPNOTSUPP: the
 * kernel has no CONFIG_INET_DIAG_DESTROY; -ENOENT: it is gone.
 */
int stoq_flow_socket_destroy(const struct stoq_flow_socket *socket, struct stoq_error *error);
