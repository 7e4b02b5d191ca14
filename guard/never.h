/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Rules, or commands in a rule, that no command of a host ever matches. */
#include "guard/policy.h"

/* Calls told for each, in order; text stands behind the rule's label in a sentence. */
void stoq_guard_policy_find_never(const struct stoq_guard_policy *policy,
	void (*told)(void *context, size_t rule, const char *text), void *context);
