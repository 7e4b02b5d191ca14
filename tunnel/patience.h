/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What has waited for too long ends: a queue without a Connect command, which holds one of --max-queues, and a queue whose
 * TCP connection takes nothing while what it has been sent holds all of its QUIC connection's credit, so that no other
 * queue of this connection goes on.
 */
#include "tunnel/worker.h"

#define STOQ_CONNECT_WITHIN_NS 20000000000ull
/* Less than a host waits for a command: 30 s (Linux, nvme_core.io_timeout). */
#define STOQ_STANDSTILL_NS     10000000000ull

/* Looks every second, in the worker's thread. Before workers run. 0 or a negative errno. */
int stoq_patience_begin(struct stoq_tunnel_worker *worker);
