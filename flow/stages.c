// SPDX-License-Identifier: BSD-2-Clause
#include "flow/stages.h"

#include "base/histogram.h"

static const char *const names[STOQ_STAGES] = {
	[STOQ_STAGE_ANSWER] = "answer",
	[STOQ_STAGE_HOST] = "host",
	[STOQ_STAGE_DATA] = "data",
	[STOQ_STAGE_END] = "end",
};

const char *stoq_stage_name(enum stoq_stage stage)
{
	return names[stage];
}

void stoq_stage_add(struct stoq_stage_series *sum, const struct stoq_stage_series *other)
{
	if (!other->commands)
		return;
	sum->commands += other->commands;
	sum->sum_ns += other->sum_ns;
	if (other->max_ns > sum->max_ns)
		sum->max_ns = other->max_ns;
	for (unsigned int i = 0; i < STOQ_STAGE_BUCKETS; i++)
		sum->buckets[i] += other->buckets[i];
}

uint64_t stoq_stage_percentile_ns(const struct stoq_stage_series *stage, double fraction)
{
	const struct stoq_buckets buckets = {.counts = (const uint64_t *)stage->buckets,
		.shift = STOQ_STAGE_BUCKET_SHIFT,
		.count = stage->commands,
		.max_ns = stage->max_ns};

	return stoq_buckets_percentile_ns(&buckets, fraction);
}

uint64_t stoq_stage_lower_ns(unsigned int bucket)
{
	return stoq_histogram_lower_ns(bucket << STOQ_STAGE_BUCKET_SHIFT);
}

uint64_t stoq_stage_upper_ns(unsigned int bucket)
{
	return stoq_histogram_upper_ns(((bucket + 1) << STOQ_STAGE_BUCKET_SHIFT) - 1);
}
