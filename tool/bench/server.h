/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The server of `stoq bench transport`. */
#include "tool/bench/identity.h"
#include "tool/bench/options.h"

/* Serves until SIGINT or SIGTERM. ready: gets the port once it listens; -1: none.
 */
int bench_serve(const struct bench_options *options, struct bench_identity *identity, int ready,
	struct stoq_error *error);
