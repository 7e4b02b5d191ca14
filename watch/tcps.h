/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What TCP adds to connections: from the kernel's table to the groups of the model. */
#include "watch/watch_private.h"

/*
 * Gives each group that is a connection what TCP added to it; connections without commands become
 * groups. Does nothing by another axis, or where that is not counted. 0 or -ENOMEM.
 */
int stoq_tcps_take(struct stoq_watch *watch);
