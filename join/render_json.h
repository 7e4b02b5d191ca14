/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A join as JSON. */
#include "join/join.h"

struct stoq_join_names;

/* One object as a line, for free(); doc/watch-json.md describes it. NULL: no memory. */
char *stoq_join_render_json(const struct stoq_join *join, const struct stoq_join_names *names);

/* When a live join was looked at. */
struct stoq_join_moment {
	const char *type; /* of the JSON object: join_interval, join_summary */
	uint64_t time_unix_ns, elapsed_ns, interval_ns;
	uint64_t waiting[STOQ_JOIN_SIDES];
};

char *stoq_join_render_live_json(const struct stoq_join *join, const struct stoq_join_names *names,
	const struct stoq_join_moment *moment);
