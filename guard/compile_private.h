/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What compiling (compile.c) and its parts for names (compile_names.c) and for names in lists (compile_listed.c) share. */
#include "guard/compile.h"

/* Which of a rule's two conditions on names: both are compiled in the same way. */
enum guard_side { GUARD_HOST, GUARD_SUBSYSTEM };

static inline const struct stoq_guard_condition *guard_condition_of(
	const struct stoq_guard_rule *rule, enum guard_side side)
{
	return side == GUARD_HOST ? &rule->host : &rule->subsystem;
}

void guard_set_add_rule(struct stoq_guard_set *set, size_t rule);
void guard_set_add(struct stoq_guard_set *set, const struct stoq_guard_set *other);
void guard_nqn_load(struct stoq_guard_nqn *nqn, const char *text, size_t length);

/* Whether a rule has the list on this side. */
bool guard_list_has_side(const struct stoq_guard_policy *policy, const struct stoq_guard_list *list,
	enum guard_side side);

/* The patterns of names on one side, and the rules that hold for each. 0, -EINVAL or -ENOMEM. */
int guard_compile_names(struct stoq_guard_names *names, const struct stoq_guard_policy *policy,
	enum guard_side side, struct stoq_error *error);

/* The whole names of lists; names has its patterns and their sets. 0, -EINVAL or -ENOMEM. */
int guard_compile_listed(struct stoq_guard_names *names, const struct stoq_guard_policy *policy,
	enum guard_side side, struct stoq_error *error);
