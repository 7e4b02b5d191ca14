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

/* Commands that are in both records, and count. */
uint64_t stoq_join_matched(const struct stoq_join *join);
