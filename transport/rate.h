/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* How often something may happen. */
#include <stdbool.h>
#include <stdint.h>

/* Allows so many a second on average, and as many at once. */
struct stoq_rate {
	uint64_t updated_ns;
	uint32_t tokens;
};

/* Takes one of those that the rate allows; false: there is none left. */
bool stoq_rate_take(struct stoq_rate *rate, uint32_t per_second, uint64_t now_ns);
