// SPDX-License-Identifier: BSD-2-Clause
#include "tool/guard/verb_guard.h"

#include <stddef.h>

#include "tool/command.h"
#include "tool/guard/check.h"
#include "tool/guard/diff.h"
#include "tool/guard/events.h"
#include "tool/guard/explain.h"
#include "tool/guard/lifecycle.h"
#include "tool/guard/metrics.h"
#include "tool/guard/options.h"
#include "tool/guard/status.h"

int verb_guard(int argc, char **argv)
{
	static const struct tool_command commands[] = {{"check", guard_check},
		{"explain", guard_explain}, {"diff", guard_diff}, {"on", guard_on},
		{"reload", guard_reload}, {"status", guard_status}, {"events", guard_events},
		{"metrics", guard_metrics}, {"off", guard_off}, {NULL, NULL}};

	return tool_run_command(argc, argv, guard_help, commands,
		"check, explain, diff, on, reload, status, events, metrics or off");
}
