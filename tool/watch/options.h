/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The command line of `stoq watch`: stoq-watch.8.scd says what each option means. */
#include "tool/identify.h"
#include "tool/metrics_options.h"
#include "tool/watch/node_options.h"
#include "watch/threshold.h"
#include "watch/watch.h"

enum { WATCH_INTERFACES_MAX = 256 };

struct watch_options {
	struct stoq_watch_config config;
	struct stoq_filter filter;		      /* config points here if there is one */
	const char *interfaces[WATCH_INTERFACES_MAX]; /* config points here */
	const char *sockets[TOOL_SPDK_SOCKETS_MAX];   /* of SPDK */
	size_t socket_count;
	uint64_t interval_ns;
	uint64_t duration_ns; /* 0: until told to end */
	bool json;
	bool histogram;
	bool events; /* --events */
	bool heatmap;
	bool by_given; /* --by */
	bool interval_given;
	const char *record; /* a file to write; NULL: none */
	uint64_t record_bytes;
	struct watch_node_options node; /* --with, --serve-record */
	const char *read; /* a file to read; "-": standard input; NULL: interfaces are watched */
	struct tool_metrics metrics;
	struct stoq_thresholds *thresholds; /* NULL: none */
	const char *labels;		    /* the label file; NULL: none */
};

/* help: the text of --help. 0: go on. Else the verb ends, with *status. */
int watch_options_parse(
	struct watch_options *options, const char *help, int argc, char **argv, int *status);

/* True when single commands or PDUs are wanted: a line each, on a terminal, too. */
bool watch_options_want_lines(const struct watch_options *options);

/* The same, or what happens to connections. */
bool watch_options_want_events(const struct watch_options *options);
