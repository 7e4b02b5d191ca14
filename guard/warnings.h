/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a policy that can be put in force hardly means: rules without effect, hosts that cannot
 * connect. */
#include <stdio.h>

#include "guard/compile.h"

/* rule: the one that it is about; NULL: the policy as a whole. */
typedef void stoq_guard_warned(void *context, const struct stoq_guard_rule *rule, const char *text);

/* Calls told for each. */
void stoq_guard_warnings_find(const struct stoq_guard_policy *policy,
	const struct stoq_guard_compiled *compiled, stoq_guard_warned *told, void *context);

/* "FILE:LINE: warning: TEXT", one line each; returns how many. */
size_t stoq_guard_warnings_print(FILE *file, const char *path,
	const struct stoq_guard_policy *policy, const struct stoq_guard_compiled *compiled);
