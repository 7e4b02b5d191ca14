// SPDX-License-Identifier: BSD-2-Clause
#include "base/histogram.h"

#define SUB_BUCKET_SHIFT (STOQ_LATENCY_MIN_BITS - STOQ_LATENCY_SUB_BITS)

uint64_t stoq_histogram_lower_ns(unsigned int bucket)
{
	unsigned int octave = bucket >> STOQ_LATENCY_SUB_BITS;
	uint64_t sub = bucket & (STOQ_LATENCY_SUB - 1);

	if (octave == 0)
		return sub << SUB_BUCKET_SHIFT;
	/* The highest bit is implied, as in a floating-point number. */
	return (STOQ_LATENCY_SUB + sub) << (octave - 1 + SUB_BUCKET_SHIFT);
}

uint64_t stoq_histogram_upper_ns(unsigned int bucket)
{
	if (bucket >= STOQ_LATENCY_OVERFLOW)
		return UINT64_MAX;
	return stoq_histogram_lower_ns(bucket + 1);
}

/* How many a fraction of count is, rounded up; 1 at least. */
static uint64_t rank_of(uint64_t count, double fraction)
{
	/* So that 0.07 * 100, which is 7.000000000000001, is 7. */
	double exact = fraction * (double)count * (1 - 1e-12);
	uint64_t rank = (uint64_t)exact;

	if ((double)rank < exact || rank == 0)
		rank++;
	return rank;
}

uint64_t stoq_buckets_percentile_ns(const struct stoq_buckets *buckets, double fraction)
{
	uint64_t rank = rank_of(buckets->count, fraction), seen = 0;

	if (!buckets->count)
		return 0;
	for (unsigned int i = 0; i << buckets->shift < STOQ_LATENCY_BUCKETS; i++) {
		uint64_t lower = stoq_histogram_lower_ns(i << buckets->shift), middle;

		seen += buckets->counts[i];
		if (seen < rank)
			continue;
		middle = lower +
			 (stoq_histogram_upper_ns(((i + 1) << buckets->shift) - 1) - lower) / 2;
		return middle < buckets->max_ns ? middle : buckets->max_ns;
	}
	return buckets->max_ns;
}

uint64_t stoq_histogram_percentile_ns(const struct stoq_histogram *histogram, double fraction)
{
	const struct stoq_buckets buckets = {.counts = histogram->buckets,
		.count = histogram->count,
		.max_ns = histogram->max_ns};

	return stoq_buckets_percentile_ns(&buckets, fraction);
}

uint64_t stoq_histogram_mean_ns(const struct stoq_histogram *histogram)
{
	return histogram->count ? histogram->sum_ns / histogram->count : 0;
}

void stoq_histogram_record(struct stoq_histogram *histogram, uint64_t ns)
{
	histogram->count++;
	histogram->sum_ns += ns;
	if (ns > histogram->max_ns)
		histogram->max_ns = ns;
	histogram->buckets[stoq_latency_bucket(ns)]++;
}

void stoq_histogram_add(struct stoq_histogram *histogram, const struct stoq_histogram *other)
{
	histogram->count += other->count;
	histogram->sum_ns += other->sum_ns;
	if (other->max_ns > histogram->max_ns)
		histogram->max_ns = other->max_ns;
	for (unsigned int i = 0; i < STOQ_LATENCY_BUCKETS; i++)
		histogram->buckets[i] += other->buckets[i];
}
