/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The model's groups, by its axis. */
#include "watch/watch_private.h"

/* Groups the figures of the last reading. 0 or -ENOMEM. */
int stoq_grouping_update(struct stoq_watch *watch);
