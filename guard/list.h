/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Lists of hosts: those that have a name, and those that rules have in them. */
#include "guard/policy.h"

struct guard_list_text {
	char *name;
	char **hosts;
	unsigned int host_count;
};

/* An NQN, or what it begins with and a *: what is wrong with it, to stand behind it; NULL: nothing. */
const char *guard_condition_parse(struct stoq_guard_condition *condition, const char *text);

/* An empty list with room for count items, of the policy. NULL: no memory. */
struct stoq_guard_list *guard_list_add(
	struct stoq_guard_policy *policy, const char *name, size_t count);
/* The list of this name, or NULL. */
const struct stoq_guard_list *guard_list_find(
	const struct stoq_guard_policy *policy, const char *name);

struct guard_policy_file;

/* Takes an item of a file's host-lists; what is wrong with it is a mistake of the file's. */
void guard_list_take(struct stoq_guard_policy *policy, struct guard_policy_file *file, size_t item);
void guard_lists_free(struct stoq_guard_policy *policy);
