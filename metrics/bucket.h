/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Token buckets in one number each (the generic cell rate algorithm, ITU-T I.371): one event in
 * every interval, and `burst` at once after a pause. Pure.
 */
#include <stdbool.h>
#include <stdint.h>

struct stoq_bucket {
	uint64_t full_ns; /* when all tokens are there again */
};

struct stoq_bucket_rate {
	uint64_t interval_ns, burst;
};

/* Takes a token; false: there is none. */
bool stoq_bucket_take(
	struct stoq_bucket *bucket, const struct stoq_bucket_rate *rate, uint64_t now_ns);
