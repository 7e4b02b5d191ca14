/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The options of `stoq guard on`, `reload`, `status`, `events` and `off`. */
#include "guard/lifecycle.h"
#include "tool/identify.h"
#include "tool/metrics_options.h"

#define GUARD_METRICS_PORT 9421
#define GUARD_DEFAULT_NAME "guard"

struct guard_options {
	const char *name; /* NULL: not given */
	const char *path; /* the policy file */
	const char *interfaces[STOQ_GUARD_INTERFACES_MAX];
	size_t interface_count;
	const char *sockets[TOOL_SPDK_SOCKETS_MAX]; /* of SPDK */
	size_t socket_count;
	struct stoq_guard_program_config program;
	size_t port_count;
	uint64_t max_connections; /* 0: not given */
	struct tool_metrics serve;
	bool audit, replace, reconnect, stop_older, force_clsact, json, journal;
	uint64_t duration_ns; /* 0: no end */
	uint64_t last;	      /* how many past events to show first */
};

enum guard_command {
	GUARD_ON,
	GUARD_RELOAD,
	GUARD_METRICS,
	GUARD_STATUS,
	GUARD_EVENTS,
	GUARD_OFF,
};

/* 0: go on. Else the verb ends, with *status. */
int guard_options_parse(struct guard_options *options, enum guard_command command, int argc,
	char **argv, int *status);

/* The argument that names the policy's file, and nothing behind it. As above. */
int guard_take_policy(const char **path, int argc, char **argv, int *status);

extern const char guard_help[]; /* the text of --help */
