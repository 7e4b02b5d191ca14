// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/strays.h"

#include "tunnel/link.h"

/* The oldest is the first: each begins behind those that are there. */
void stoq_stray_begin(struct stoq_carrier *carrier, struct stoq_lane *lane, uint64_t now_ns)
{
	stoq_stray_end(carrier, lane);
	lane->stray_since_ns = now_ns;
	lane->next_stray = NULL;
	lane->previous_stray = carrier->last_stray;
	if (lane->previous_stray)
		lane->previous_stray->next_stray = lane;
	else
		carrier->first_stray = lane;
	carrier->last_stray = lane;
}

void stoq_stray_end(struct stoq_carrier *carrier, struct stoq_lane *lane)
{
	if (!lane->stray_since_ns)
		return;
	lane->stray_since_ns = 0;
	if (lane->previous_stray)
		lane->previous_stray->next_stray = lane->next_stray;
	else
		carrier->first_stray = lane->next_stray;
	if (lane->next_stray)
		lane->next_stray->previous_stray = lane->previous_stray;
	else
		carrier->last_stray = lane->previous_stray;
}

const struct stoq_lane *stoq_stray_overdue(const struct stoq_carrier *carrier, uint64_t now_ns)
{
	const struct stoq_lane *oldest = carrier->first_stray;

	return oldest && now_ns - oldest->stray_since_ns >= STOQ_STRAY_WITHIN_NS ? oldest : NULL;
}
