// SPDX-License-Identifier: BSD-2-Clause
#include "base/poll_window.h"

#define FIRST_NS 10000u
#define GROWTH	 2

static uint64_t at_most(uint64_t value_ns, uint64_t limit_ns)
{
	return value_ns < limit_ns ? value_ns : limit_ns;
}

void stoq_poll_window_note(struct stoq_poll_window *window, uint64_t waited_ns)
{
	if (waited_ns <= window->window_ns)
		return;
	/* Even the largest window would have been too short. */
	if (waited_ns > window->limit_ns)
		window->window_ns = 0;
	else if (!window->window_ns)
		window->window_ns = at_most(FIRST_NS, window->limit_ns);
	else
		window->window_ns = at_most(GROWTH * window->window_ns, window->limit_ns);
}
