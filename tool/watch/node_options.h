/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Options of `stoq watch` that are about other nodes: serving the record, and joining with that of one. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "join/connections.h"
#include "tool/options.h"

#define WATCH_NODE_PORT	   9293
#define WATCH_NODE_ALLOWED 64
#define WATCH_NODE_TEXT	   256

/* Where to listen, or to connect to. */
struct watch_node_address {
	char host[WATCH_NODE_TEXT];
	uint16_t port;
};

struct watch_node_options {
	bool serve, with;
	struct watch_node_address listen, node;
	const char *certificates; /* a folder */
	const char *name;	  /* that the node's certificate must have; NULL: the node's */
	const char *allowed[WATCH_NODE_ALLOWED];
	size_t allowed_count;
	struct stoq_join_maps maps;
	enum stoq_join_side side; /* what this machine is */
	bool side_given;
};

/* Of the options' values in the table. */
enum watch_node_option {
	WATCH_OPTION_NODE = 2048,
	WATCH_OPTION_WITH = WATCH_OPTION_NODE,
	WATCH_OPTION_SERVE,
	WATCH_OPTION_CERTIFICATES,
	WATCH_OPTION_NAME,
	WATCH_OPTION_ALLOW,
	WATCH_OPTION_MAP,
	WATCH_OPTION_SIDE,
	WATCH_OPTION_NODE_END,
};

#define WATCH_NODE_OPTIONS                                                                         \
	{"with", required_argument, NULL, WATCH_OPTION_WITH},                                      \
		{"serve-record", optional_argument, NULL, WATCH_OPTION_SERVE},                     \
		{"certificates", required_argument, NULL, WATCH_OPTION_CERTIFICATES},              \
		{"name", required_argument, NULL, WATCH_OPTION_NAME},                              \
		{"allow", required_argument, NULL, WATCH_OPTION_ALLOW},                            \
		{"map", required_argument, NULL, WATCH_OPTION_MAP},                                \
	{                                                                                          \
		"side", required_argument, NULL, WATCH_OPTION_SIDE                                 \
	}

static inline bool watch_node_has_option(int option)
{
	return option >= WATCH_OPTION_NODE && option < WATCH_OPTION_NODE_END;
}

int watch_node_take(
	struct watch_node_options *options, int option, const char *text, struct stoq_error *error);

/* What does not go together, as a sentence; NULL: nothing. */
const char *watch_node_flaw(const struct watch_node_options *options);
