/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* QUIC connections that carry queues: the transport's callbacks. */
#include <stoq/callbacks.h>

struct stoq_carrier;
struct stoq_tunnel_worker;

extern const struct stoq_transport_callbacks stoq_carrier_callbacks;

/* NULL: no memory. The connection's user from here on. */
struct stoq_carrier *stoq_carrier_new(
	struct stoq_tunnel_worker *worker, struct stoq_connection *connection);
/* Its streams are gone. */
void stoq_carrier_free(struct stoq_carrier *carrier);
