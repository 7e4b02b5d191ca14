/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The other nodes of a watch: those that read its record, and the one whose record it is joined with. */
#include "tool/watch/link.h"

struct watch_joined;
struct watch_options;
struct watch_recorder;
struct watch_report;

#define WATCH_NODES_FLUSH_NS 100000000ull /* how often watch_nodes_flush() is to be called */

struct watch_nodes {
	struct watch_link served, fetched;
	struct stoq_record_writer *writer; /* the recorder's */
	struct watch_joined *joined;
};

/* Starts what the options ask for, and has the recorder hand it what it needs. */
int watch_nodes_open(struct watch_nodes *nodes, const struct watch_options *options,
	struct watch_recorder *recorder, struct stoq_error *error);

static inline bool watch_nodes_are_there(const struct watch_nodes *nodes)
{
	return nodes->served.pid || nodes->fetched.pid;
}

/* Hands on what waits. *over: nothing more comes from the other node. 0 or a negative errno. */
int watch_nodes_flush(struct watch_nodes *nodes, struct watch_recorder *recorder, bool *over,
	struct stoq_error *error);

/* Shows the join as a whole: report, or NULL; ends the children. After the recorder was closed. */
int watch_nodes_close(
	struct watch_nodes *nodes, struct watch_report *report, struct stoq_error *error);
