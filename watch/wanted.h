/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The filter, asked about what the ledger has. */
#include "watch/watch_private.h"

/* flow: NULL: it is not known. */
bool stoq_wanted_flow(const struct stoq_watch *watch, const struct stoq_ledger_flow *flow);
bool stoq_wanted_series(const struct stoq_watch *watch, const struct stoq_ledger_series *series);
bool stoq_wanted_event(const struct stoq_watch *watch, const struct stoq_event_command *event,
	const struct stoq_ledger_flow *flow);
