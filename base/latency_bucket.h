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

/*
 * Position of the highest bit of a number from 1 to 2^32 - 1, by halving: BPF has no instruction
 * for it. Without branches, for the CPU as for the verifier, which follows each of them.
 */
static inline __attribute__((always_inline)) __u32 stoq_latency_exponent(__u64 n)
{
	__u32 exponent = 0, step;

	step = ((0xffff - n) >> 63) << 4;
	n >>= step;
	exponent += step;
	step = ((0xff - n) >> 63) << 3;
	n >>= step;
	exponent += step;
	step = ((0xf - n) >> 63) << 2;
	n >>= step;
	exponent += step;
	step = ((3 - n) >> 63) << 1;
	n >>= step;
	exponent += step;
	return exponent + (n >> 1);
}

/* Bucket of a latency in ns. */
static inline __attribute__((always_inline)) __u32 stoq_latency_bucket(__u64 ns)
{
	__u32 exponent;

	if (!(ns >> STOQ_LATENCY_MIN_BITS))
		return ns >> (STOQ_LATENCY_MIN_BITS - STOQ_LATENCY_SUB_BITS);
	if (ns >> STOQ_LATENCY_MAX_BITS)
		return STOQ_LATENCY_OVERFLOW;
	exponent = stoq_latency_exponent(ns >> STOQ_LATENCY_MIN_BITS);
	return ((exponent + 1) << STOQ_LATENCY_SUB_BITS) +
	       ((ns >> (exponent + STOQ_LATENCY_MIN_BITS - STOQ_LATENCY_SUB_BITS)) &
		       (STOQ_LATENCY_SUB - 1));
}
