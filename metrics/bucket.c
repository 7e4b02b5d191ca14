// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/bucket.h"

bool stoq_bucket_take(
	struct stoq_bucket *bucket, const struct stoq_bucket_rate *rate, uint64_t now_ns)
{
	uint64_t full_ns = bucket->full_ns > now_ns ? bucket->full_ns : now_ns;

	if (full_ns - now_ns > (rate->burst - 1) * rate->interval_ns)
		return false;
	bucket->full_ns = full_ns + rate->interval_ns;
	return true;
}
