/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The log of a tunnel, for all of its threads. What peers can make it write is limited: log_limit.h. */
#include <pthread.h>

#include <stoq/transport.h>

#include "tunnel/log_limit.h"

struct stoq_tunnel;

struct stoq_tunnel_log {
	pthread_mutex_t lock;
	struct stoq_log_limit limit;
};

void stoq_tunnel_log(struct stoq_tunnel *tunnel, enum stoq_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Lines that were left out, ever. */
uint64_t stoq_tunnel_log_left_out(struct stoq_tunnel *tunnel);
