/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Rules that never decide, since earlier ones match all that they match. */
#include "guard/policy.h"

/*
 * Calls told for each, in order. by: the earlier rule that matches all of it, or rule itself if
 * only several together do.
 */
void stoq_guard_policy_find_unreachable(const struct stoq_guard_policy *policy,
	void (*told)(void *context, size_t rule, size_t by), void *context);
