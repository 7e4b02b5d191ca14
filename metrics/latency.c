// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/latency.h"

static uint64_t bound_ns(unsigned int bound)
{
	static const unsigned char bits[STOQ_LATENCY_BOUNDS] = {
		14, 16, 17, 18, 19, 20, 21, 22, 23, 25, 27, 30, 33};

	return 1ull << bits[bound];
}

void stoq_latency_fold(struct stoq_latency_counts *counts, const uint64_t *buckets)
{
	unsigned int bucket = 0;

	*counts = (struct stoq_latency_counts){0};
	for (unsigned int i = 0; i < STOQ_LATENCY_BOUNDS; i++)
		for (; stoq_histogram_upper_ns(bucket) <= bound_ns(i); bucket++)
			counts->of[i] += buckets[bucket];
	for (; bucket < STOQ_LATENCY_BUCKETS; bucket++)
		counts->of[STOQ_LATENCY_BOUNDS] += buckets[bucket];
}

/* ",le=\"...\"" of each bound. */
static const char *bound_label(unsigned int bound)
{
	static _Thread_local char labels[STOQ_LATENCY_BOUNDS][STOQ_OPENMETRICS_NUMBER + 8];
	char number[STOQ_OPENMETRICS_NUMBER];

	if (bound == STOQ_LATENCY_BOUNDS)
		return ",le=\"+Inf\"";
	if (!labels[bound][0])
		snprintf(labels[bound], sizeof(labels[bound]), ",le=\"%s\"",
			stoq_openmetrics_number(number, (double)bound_ns(bound) / 1e9));
	return labels[bound];
}

void stoq_openmetrics_put_latency(const struct stoq_openmetrics *text, const char *name,
	const char *labels, const struct stoq_latency_counts *counts, uint64_t sum_ns)
{
	char sample[96];
	uint64_t count = 0;

	snprintf(sample, sizeof(sample), "%s_bucket", name);
	for (unsigned int i = 0; i <= STOQ_LATENCY_BOUNDS; i++) {
		count += counts->of[i];
		stoq_openmetrics_put_sample_of(text, sample, labels, bound_label(i), count);
	}
	snprintf(sample, sizeof(sample), "%s_sum", name);
	stoq_openmetrics_put_seconds(text, sample, labels, "", sum_ns);
	snprintf(sample, sizeof(sample), "%s_count", name);
	stoq_openmetrics_put_sample(text, sample, labels, count);
}
