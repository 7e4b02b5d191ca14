// SPDX-License-Identifier: BSD-2-Clause
#include "watch/wanted.h"

bool stoq_wanted_flow(const struct stoq_watch *watch, const struct stoq_ledger_flow *flow)
{
	return flow ? flow->wanted : !stoq_filter_has_flows(watch->filter);
}

bool stoq_wanted_series(const struct stoq_watch *watch, const struct stoq_ledger_series *series)
{
	const struct stoq_series_key *key = &series->key;

	/* What had no room for its namespace may be of any. */
	if (key->uid >= STOQ_SERIES_OVERFLOW && watch->filter->commands.nsids_given)
		return false;
	return stoq_wanted_flow(watch, series->flow) &&
	       stoq_filter_wants_command(
		       watch->filter, key->nsid, key->opcode, key->kind, key->fctype);
}

bool stoq_wanted_event(const struct stoq_watch *watch, const struct stoq_event_command *event,
	const struct stoq_ledger_flow *flow)
{
	return stoq_wanted_flow(watch, flow) &&
	       stoq_filter_wants_command(
		       watch->filter, event->nsid, event->opcode, event->kind, event->fctype);
}
