/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Options of `stoq watch` that say which connections and commands it is about. */
#include "tool/options.h"
#include "watch/filter.h"

/* Of the option's value in the table: the kind of filter on top of it. */
#define WATCH_OPTION_FILTER 1024

#define WATCH_FILTER_OPTIONS                                                                       \
	{"host", required_argument, NULL, WATCH_OPTION_FILTER + STOQ_FILTER_HOST},                 \
		{"subsystem", required_argument, NULL,                                             \
			WATCH_OPTION_FILTER + STOQ_FILTER_SUBSYSTEM},                              \
		{"namespace", required_argument, NULL,                                             \
			WATCH_OPTION_FILTER + STOQ_FILTER_NAMESPACE},                              \
		{"opcode", required_argument, NULL, WATCH_OPTION_FILTER + STOQ_FILTER_OPCODE},     \
		{"port", required_argument, NULL, WATCH_OPTION_FILTER + STOQ_FILTER_PORT},         \
	{                                                                                          \
		"address", required_argument, NULL, WATCH_OPTION_FILTER + STOQ_FILTER_ADDRESS      \
	}

static inline bool watch_filter_has_option(int option)
{
	return option >= WATCH_OPTION_FILTER && option < WATCH_OPTION_FILTER + STOQ_FILTER_KINDS;
}

static inline int watch_filter_take(
	struct stoq_filter *filter, int option, const char *text, struct stoq_error *error)
{
	return stoq_filter_add(
		filter, (enum stoq_filter_kind)(option - WATCH_OPTION_FILTER), text, error);
}
