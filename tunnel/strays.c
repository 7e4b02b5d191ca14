// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/strays.h"

#include "tunnel/link.h"

/* The oldest is the first: each begins behind those that are there. */
void stoq_stray_begin(struct stoq_carrier *carrier, struct stoq_lane *lane, uint64_t now_ns)
{
	stoq_stray_end(lane);
	lane->stray_since_ns = now_ns;
	stoq_list_append(&carrier->strays, &lane->stray);
}

void stoq_stray_end(struct stoq_lane *lane)
{
	if (!lane->stray_since_ns)
		return;
	lane->stray_since_ns = 0;
	stoq_list_remove(&lane->stray);
}

const struct stoq_lane *stoq_stray_overdue(const struct stoq_carrier *carrier, uint64_t now_ns)
{
	const struct stoq_lane *oldest;

	if (stoq_list_empty(&carrier->strays))
		return NULL;
	oldest = STOQ_LIST_ENTRY(carrier->strays.next, struct stoq_lane, stray);
	return now_ns - oldest->stray_since_ns >= STOQ_STRAY_WITHIN_NS ? oldest : NULL;
}
