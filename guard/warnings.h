/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a policy that can be put in force hardly means: rules without effect, hosts that cannot
 * connect. */
#include <stdio.h>

#include "guard/compile.h"

/* Calls told for each. line: of the rule; 0: it is about the policy as a whole. */
void stoq_guard_warnings_find(const struct stoq_guard_policy *policy,
	const struct stoq_guard_compiled *compiled,
	void (*told)(void *context, unsigned int line, const char *text), void *context);

/* "FILE:LINE: warning: TEXT", one line each; returns how many. */
size_t stoq_guard_warnings_print(FILE *file, const char *path,
	const struct stoq_guard_policy *policy, const struct stoq_guard_compiled *compiled);
