/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * The buckets of latency histograms, for C and BPF alike: log-linear, a bucket's width is at
 * most 1/16 of its value.
 */
#include <linux/types.h>

#define STOQ_LATENCY_SUB_BITS 4
#define STOQ_LATENCY_SUB      (1 << STOQ_LATENCY_SUB_BITS)
#define STOQ_LATENCY_MIN_BITS 10 /* below 2^10 ns: 16 linear buckets of 64 ns */
#define STOQ_LATENCY_MAX_BITS 37 /* 2^37 ns (137 s) and more: the last bucket */
#define STOQ_LATENCY_OVERFLOW                                                                      \
	((STOQ_LATENCY_MAX_BITS - STOQ_LATENCY_MIN_BITS + 1) * STOQ_LATENCY_SUB)
#define STOQ_LATENCY_BUCKETS (STOQ_LATENCY_OVERFLOW + 1)

/* Bucket of a latency in ns. */
static inline __u32 stoq_latency_bucket(__u64 ns)
{
	__u32 exponent = 0;
	__u64 rest = ns >> STOQ_LATENCY_MIN_BITS;

	if (!rest)
		return ns >> (STOQ_LATENCY_MIN_BITS - STOQ_LATENCY_SUB_BITS);
	if (ns >> STOQ_LATENCY_MAX_BITS)
		return STOQ_LATENCY_OVERFLOW;
	/* The position of the highest bit, by halving: BPF has no instruction for it. */
	if (rest >> 16) {
		rest >>= 16;
		exponent += 16;
	}
	if (rest >> 8) {
		rest >>= 8;
		exponent += 8;
	}
	if (rest >> 4) {
		rest >>= 4;
		exponent += 4;
	}
	if (rest >> 2) {
		rest >>= 2;
		exponent += 2;
	}
	exponent += rest >> 1;
	return ((exponent + 1) << STOQ_LATENCY_SUB_BITS) +
	       ((ns >> (exponent + STOQ_LATENCY_MIN_BITS - STOQ_LATENCY_SUB_BITS)) &
		       (STOQ_LATENCY_SUB - 1));
}
