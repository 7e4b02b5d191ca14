/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdint.h>

#include "base/latency_bucket.h"

/* A latency distribution: counts per bucket of stoq_latency_bucket(), and the exact maximum. */
struct stoq_histogram {
	uint64_t count; /* sum of buckets */
	uint64_t sum_ns;
	uint64_t max_ns;
	uint64_t buckets[STOQ_LATENCY_BUCKETS];
};

/* Bounds of a bucket in ns: lower <= latency < upper. The last one's upper is UINT64_MAX. */
uint64_t stoq_histogram_lower_ns(unsigned int bucket);
uint64_t stoq_histogram_upper_ns(unsigned int bucket);

/*
 * The latency in ns that a fraction (0 < fraction <= 1) of what was counted did not exceed: the
 * middle of its bucket, at most max_ns. 0 if the histogram is empty.
 */
uint64_t stoq_histogram_percentile_ns(const struct stoq_histogram *histogram, double fraction);

/* Counts per bucket, each of which is 2^shift of those above. */
struct stoq_buckets {
	const uint64_t *counts;
	unsigned int shift;
	uint64_t count; /* sum of counts */
	uint64_t max_ns;
};

/* The same of these. */
uint64_t stoq_buckets_percentile_ns(const struct stoq_buckets *buckets, double fraction);

/* Mean in ns, 0 if empty. */
uint64_t stoq_histogram_mean_ns(const struct stoq_histogram *histogram);

/* Counts one latency. */
void stoq_histogram_record(struct stoq_histogram *histogram, uint64_t ns);

/* Adds what other holds. */
void stoq_histogram_add(struct stoq_histogram *histogram, const struct stoq_histogram *other);
