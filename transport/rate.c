// SPDX-License-Identifier: BSD-2-Clause
#include "transport/rate.h"

#define SECOND_NS 1000000000ull

bool stoq_rate_take(struct stoq_rate *rate, uint32_t per_second, uint64_t now_ns)
{
	uint64_t passed_ns = now_ns - rate->updated_ns, earned;

	if (passed_ns > SECOND_NS)
		passed_ns = SECOND_NS;
	earned = passed_ns * per_second / SECOND_NS;
	if (earned) {
		rate->updated_ns = now_ns;
		rate->tokens =
			rate->tokens + earned > per_second ? per_second : rate->tokens + earned;
	}
	if (!rate->tokens)
		return false;
	rate->tokens--;
	return true;
}
