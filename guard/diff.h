/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Which commands two policies decide about differently: by verdict, or by the status of a refusal.
 *
 * Exact: every command of every host is like one that is compared. Hosts and subsystems differ
 * by the longest pattern of either policy that matches them, namespaces by whether a rule names them,
 * commands by the rules that have them, blocks by the ends of the rules' ranges.
 */
#include <stdio.h>

#include "base/error.h"
#include "guard/source.h"

struct stoq_guard_diff;

#define STOQ_GUARD_DIFF_MAX 50000000 /* commands that are compared at most: some seconds */

/*
 * most: commands to compare at most. 0, -ENOMEM, or -E2BIG: that is not enough, since many rules can only
 * be compared one with each.
 */
int stoq_guard_diff_find(struct stoq_guard_diff **result, const struct stoq_guard_source *before,
	const struct stoq_guard_source *after, uint64_t most, struct stoq_error *error);
void stoq_guard_diff_free(struct stoq_guard_diff *diff);

/*
 * How many kinds of changes there are: pairs of what decided before and what decides after, and limits that
 * differ.
 */
size_t stoq_guard_diff_count(const struct stoq_guard_diff *diff);
