/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Completions by status other than success. */
#include "watch/watch_private.h"

/* Takes the last reading into ledger and model. 0 or -ENOMEM. */
int stoq_statuses_take(struct stoq_watch *watch);
