/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Lines of the log that peers can provoke: a bounded number a second goes out, the rest is counted
 * and reported with the next line that does. Not for several threads at once.
 */
#include <stdbool.h>
#include <stdint.h>

#define STOQ_LOG_LINES_A_SECOND 50

struct stoq_log_limit {
	uint64_t begin_ns; /* of the second that is counted */
	unsigned int lines;
	uint64_t left_out; /* since the last line that went out */
	uint64_t ever_left_out;
};

/*
 * May a line go out now? *left_out: lines to report before it. Zero is a limit that has seen
 * nothing.
 */
bool stoq_log_limit_pass(struct stoq_log_limit *limit, uint64_t now_ns, uint64_t *left_out);
