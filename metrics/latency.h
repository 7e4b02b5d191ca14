/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Latency as a histogram of a handful of buckets, the same for all that serve one. Upper bounds are powers of two in ns, from
 * 16 us to 8.6 s: bounds of base/histogram.h's own buckets, so that nothing is estimated.
 */
#include "base/histogram.h"
#include "metrics/openmetrics.h"

#define STOQ_LATENCY_BOUNDS 13

/* Commands above the bound before, and at most at this one; the last count has no bound. */
struct stoq_latency_counts {
	uint64_t of[STOQ_LATENCY_BOUNDS + 1];
};

/* buckets: STOQ_LATENCY_BUCKETS of them. */
void stoq_latency_fold(struct stoq_latency_counts *counts, const uint64_t *buckets);

/* One label set's samples, below the family's head. labels: what stands between the braces. */
void stoq_openmetrics_put_latency(const struct stoq_openmetrics *text, const char *name,
	const char *labels, const struct stoq_latency_counts *counts, uint64_t sum_ns);
