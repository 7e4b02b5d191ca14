/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What has waited for too long ends: a queue without a Connect command, or of which one side has ended and the other has not, which
 * holds one of --max-queues; lanes without a queue (strays.h); and queues
 * that stand still while they hold the credit of their QUIC connection, so that no other queue of it goes on
 * (standstill.h).
 */
#include "tunnel/lane_header.h"
#include "tunnel/worker.h"

struct stoq_tunnel_link;

#define STOQ_CONNECT_WITHIN_NS 20000000000ull

/* As long as Linux keeps a socket that its owner has closed and the other end has not (tcp_fin_timeout). */
#define STOQ_HALF_WITHIN_NS 60000000000ull

/* Has this queue waited for too long? Then code and reason are those to reset it with. Notes since when it waits. */
bool stoq_patience_is_over(struct stoq_tunnel_link *link, uint64_t now_ns,
	enum stoq_lane_code *code, const char **reason);

/* Looks every second, in the worker's thread. Before workers run. 0 or a negative errno. */
int stoq_patience_begin(struct stoq_tunnel_worker *worker);
