/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Commands under way. */
#include "watch/watch_private.h"

/* Adds the commands under way to their groups and flows. 0 or -ENOMEM. */
int stoq_outstanding_count(struct stoq_watch *watch);
