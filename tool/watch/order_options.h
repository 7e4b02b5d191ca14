/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* --sort and --top of `stoq watch`. */
#include "tool/options.h"
#include "watch/watch.h"

#define WATCH_OPTION_SORT 1100
#define WATCH_OPTION_TOP  1101

#define WATCH_ORDER_OPTIONS                                                                        \
	{"sort", required_argument, NULL, WATCH_OPTION_SORT},                                      \
	{                                                                                          \
		"top", required_argument, NULL, WATCH_OPTION_TOP                                   \
	}

static inline bool watch_order_has_option(int option)
{
	return option == WATCH_OPTION_SORT || option == WATCH_OPTION_TOP;
}

int watch_order_take(
	struct stoq_watch_config *config, int option, const char *text, struct stoq_error *error);

/* Retransmissions are of connections. 0 or -EINVAL. */
int watch_order_check(const struct stoq_watch_config *config, struct stoq_error *error);
