/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* From the texts of a rule to its values: the part of policy.c that knows a rule's fields. */
#include "guard/policy.h"

struct guard_policy_file;

#define GUARD_STATUS_EXPECTED                                                                      \
	"a status as the NVMe specification names it, such as `Namespace is Write Protected`, "    \
	"`Access Denied` or `Operation Denied`"

/* 0 or -EINVAL. */
int guard_rule_parse_verdict(const char *text, enum stoq_guard_verdict *verdict);
int guard_rule_parse_status(const char *text, uint16_t *status);

/* Fills policy->rules[index] with an item of the file's rules; those before it, and the lists, are there already. */
void guard_rule_take(struct stoq_guard_policy *policy, size_t index, struct guard_policy_file *file,
	size_t item);
/* The same with the conditions of an item of the file's limits: its name, hosts, subsystems and namespaces. */
void guard_rule_take_limited(struct stoq_guard_policy *policy, size_t index,
	struct guard_policy_file *file, size_t item);
void guard_rule_free(struct stoq_guard_rule *rule);

/* Counts over all rules: namespaces. file: the policy's own; list: whose they are, as a key. */
void guard_rules_check_limits(
	const struct stoq_guard_policy *policy, struct guard_policy_file *file, const char *list);
