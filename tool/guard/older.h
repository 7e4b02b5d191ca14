/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Before a guard is turned on or gets another policy: whom that would stop. */

struct guard_options;
struct stoq_error;
struct stoq_guard_older;
struct stoq_guard_source;
struct tool_identified;

/*
 * Finds the connections that would be stopped, and names their hosts. found: NULL for a reload,
 * which meets those that the guard follows. *older is to be freed after a 0. -ECANCELED: there are
 * some, and no option says to go on; what to do is said. Other errors are of finding them out.
 */
int guard_older_check(struct stoq_guard_older *older, const struct guard_options *options,
	const struct stoq_guard_source *source, const struct tool_identified *found,
	struct stoq_error *error);
