/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What was measured, as text or as JSON. */
#include "tool/bench/client.h"

/* Prints the results to stdout. */
int bench_print(const struct bench_options *options, const struct bench_results *results,
	struct stoq_error *error);
