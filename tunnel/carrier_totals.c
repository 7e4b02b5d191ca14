// SPDX-License-Identifier: BSD-2-Clause
/* What a connection is counted under. */
#include "tunnel/link.h"

struct stoq_tunnel_totals *stoq_carrier_totals(const struct stoq_carrier *carrier)
{
	const struct stoq_tunnel_config *config = &carrier->worker->tunnel->config;
	bool host_end = config->end == STOQ_TUNNEL_HOST_END;

	return stoq_tunnel_totals_of(&carrier->worker->totals,
		host_end ? config->remote_name : stoq_carrier_name(carrier));
}

void stoq_carrier_count_refusal(struct stoq_carrier *carrier, bool by_policy)
{
	struct stoq_tunnel_totals *totals = stoq_carrier_totals(carrier);

	if (by_policy)
		carrier->policy_refusals++;
	else
		carrier->identity_refusals++;
	if (totals && by_policy)
		totals->policy_refusals++;
	else if (totals)
		totals->identity_refusals++;
}
