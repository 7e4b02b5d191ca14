// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/log_limit.h"

#define SECOND_NS 1000000000ull

bool stoq_log_limit_pass(struct stoq_log_limit *limit, uint64_t now_ns, uint64_t *left_out)
{
	if (!limit->begin_ns || now_ns - limit->begin_ns >= SECOND_NS) {
		limit->begin_ns = now_ns;
		limit->lines = 0;
	}
	if (limit->lines >= STOQ_LOG_LINES_A_SECOND) {
		limit->left_out++;
		limit->ever_left_out++;
		return false;
	}
	limit->lines++;
	*left_out = limit->left_out;
	limit->left_out = 0;
	return true;
}
