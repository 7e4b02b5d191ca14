/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What client and server of `stoq bench transport` share. */
#include <stoq/transport.h>

#include "tool/bench/identity.h"
#include "tool/bench/options.h"

/* Prints warnings to stderr, drops the rest. */
void bench_say(enum stoq_log_level level, const char *text, void *user);
/* What both ends set alike. */
void bench_configure(struct stoq_transport_config *config, const struct bench_options *options,
	const struct bench_identity *identity);

/*
 * Once the transport is made: attaching, sockets, AF_XDP and the larger buffers needed rights; what
 * goes on needs none, also to fall back from AF_XDP. Threads that begin later have none either.
 */
int bench_drop_privileges(struct stoq_transport *transport, struct stoq_error *error);
