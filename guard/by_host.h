/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Commands that were denied or logged, by host and status. */
#include "guard/view.h"
#include "metrics/openmetrics.h"

/* Makes the entries of hosts for which there will be no room; they may be there. 0 or a negative errno. */
int stoq_guard_by_hosts_prepare(int map_fd);

/* The family stoq_guard_host_commands. Without samples where the guard's program is older than it. */
void stoq_guard_by_hosts_metrics(
	const struct stoq_openmetrics *text, const struct stoq_guard_view *view);
