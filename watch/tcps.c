// SPDX-License-Identifier: BSD-2-Clause
#include "watch/tcps.h"

#include <errno.h>

/* A window that is closed now has been closed up to now. */
static void close_time(struct stoq_tcp_side *side, uint64_t now_ns)
{
	if (side->zero_since_ns && now_ns > side->zero_since_ns)
		side->zero_window_ns += now_ns - side->zero_since_ns;
}

static int take(struct stoq_watch *watch, const struct stoq_ledger_flow *flow, uint64_t now_ns)
{
	const struct stoq_tcp *tcp = &watch->tcps[flow->uid & (STOQ_TCPS - 1)];
	struct stoq_group *group;

	if (tcp->uid != flow->uid || !flow->wanted || !(flow->open || flow->series))
		return 0;
	group = stoq_groups_of(&watch->groups, &flow->identity, STOQ_BY_CONNECTION);
	if (!group)
		return -ENOMEM;
	/* The same ends may be those of an earlier connection. */
	if (group->tcp.uid > tcp->uid)
		return 0;
	group->tcp = *tcp;
	for (int i = 0; i < NVME_TCP_SIDES; i++)
		close_time(&group->tcp.side[i], now_ns);
	return 0;
}

int stoq_tcps_take(struct stoq_watch *watch)
{
	uint64_t now_ns = stoq_watch_now(watch);
	struct stoq_ledger_flow *flow, *next;
	int result = 0;

	if (!watch->tcps || !watch->model.staged || watch->model.axis != STOQ_BY_CONNECTION)
		return 0;
	HASH_ITER(hh, watch->ledger.flows, flow, next)
	{
		if (!result)
			result = take(watch, flow, now_ns);
	}
	return result;
}
