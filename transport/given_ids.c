// SPDX-License-Identifier: BSD-2-Clause
#include "transport/given_ids.h"

#define KEPT 64

void stoq_given_ids_init(struct stoq_given_ids *ids, bool first_given)
{
	*ids = (struct stoq_given_ids){.largest = first_given, .before = first_given};
}

static bool was_given(const struct stoq_given_ids *ids, uint64_t number)
{
	uint64_t distance = ids->largest - number;

	if (number > ids->largest)
		return false;
	return !distance || distance > KEPT || ids->before >> (distance - 1) & 1;
}

static void note(struct stoq_given_ids *ids, uint64_t number)
{
	uint64_t step = number - ids->largest;

	if (number <= ids->largest) {
		step = ids->largest - number;
		if (step && step <= KEPT)
			ids->before |= 1ull << (step - 1);
		return;
	}
	ids->before = step < KEPT ? ids->before << step : 0;
	if (step <= KEPT)
		ids->before |= 1ull << (step - 1);
	ids->largest = number;
}

bool stoq_given_ids_take(struct stoq_given_ids *ids, uint64_t number, uint64_t retire_prior_to)
{
	const bool again = number < ids->retire_prior_to && was_given(ids, number);

	note(ids, number);
	if (retire_prior_to > ids->retire_prior_to)
		ids->retire_prior_to = retire_prior_to;
	return !again;
}
