/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A join as text. */
#include <stdio.h>

#include "join/join.h"

/* What the records are called, and who made them; for the text. */
struct stoq_join_names {
	const char *files[STOQ_JOIN_SIDES];
	const char *nodes[STOQ_JOIN_SIDES];
	struct stoq_record_notes notes[STOQ_JOIN_SIDES];
};

/* A table of at most this width, and what could not be matched. */
void stoq_join_render(FILE *file, const struct stoq_join *join, const struct stoq_join_names *names,
	unsigned int width);

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

/* Commands that are in both records, and count. */
uint64_t stoq_join_matched(const struct stoq_join *join);
