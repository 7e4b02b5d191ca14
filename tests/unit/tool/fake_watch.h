/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * watch/watch.h without a kernel: each update completes fake_watch.step commands more.
 * Linked in place of watch/watch.c.
 */
#include "watch/watch.h"

struct fake_watch {
	int open_error; /* what open() returns */
	int update_error;
	uint64_t step;
	int events; /* commands that dispatch() delivers, once */

	/* What happened. */
	struct stoq_watch_config config;
	char first_interface[64];
	int opened, closed, dropped, updates;
};

extern struct fake_watch fake_watch;
