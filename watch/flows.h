/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Connections: from the kernel's table of flows to the ledger and to the model's lines. */
#include "watch/watch_private.h"

/* Reads the tables of flows. 0 or a negative errno. */
int stoq_flows_read(struct stoq_watch *watch);

/* Takes the last reading into ledger and model. 0 or -ENOMEM. */
int stoq_flows_take(struct stoq_watch *watch);

/* Reads the flows' identities, for events of flows that began after the last reading. */
void stoq_flows_identify(struct stoq_watch *watch);

/* Finds the flow of a series whose flow was replaced in the table before it was ever read, by its Connect data. */
void stoq_flows_find_late(struct stoq_watch *watch, struct stoq_ledger_series *series);

/*
 * The names of a flow that had none at the last reading, from its Connect, which has passed since.
 * That a command of it ends shows that all of the Connect has.
 */
void stoq_flows_name(struct stoq_watch *watch, struct stoq_ledger_flow *flow);
