/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* QUIC connections that carry queues: the transport's callbacks. */
#include <stoq/callbacks.h>

struct stoq_carrier;
struct stoq_tunnel_worker;

extern const struct stoq_transport_callbacks stoq_carrier_callbacks;

struct stoq_close_info;

/* Why a connection ended; a peer may have given a code only. */
const char *stoq_carrier_end_text(const struct stoq_close_info *info);

/* NULL: no memory. The connection's user from here on. */
struct stoq_carrier *stoq_carrier_new(
	struct stoq_tunnel_worker *worker, struct stoq_connection *connection);
/* Its streams are gone. */
void stoq_carrier_free(struct stoq_carrier *carrier);
