/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Completions by status other than success. */
#include "watch/watch_private.h"

/* Takes the last reading into ledger and model. 0 or -ENOMEM. */
int stoq_statuses_take(struct stoq_watch *watch);

/*
 * Counts what is in none of the model's statuses: those that came when there were STOQ_MODEL_STATUSES_MAX already, or when the
 * kernel's table was full. Once the groups are summed up. Errors are read before statuses, so there are never too many.
 */
void stoq_statuses_count_others(struct stoq_watch *watch);
