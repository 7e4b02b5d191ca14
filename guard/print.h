/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A policy as it was understood, for a person. */
#include <stdio.h>

#include "bpf/guard/policy_shared.h"
#include "guard/policy.h"

#define STOQ_GUARD_RULE_LABEL 96

/* "3 (no format)", or "3" for a rule without a name; rules count from 1. */
void stoq_guard_label_rule(const struct stoq_guard_policy *policy, size_t rule,
	char label[static STOQ_GUARD_RULE_LABEL]);

/* The rule in one line: "1 (primary GPT), line 6: deny writes, namespace 1, LBA 0 to 33". */
#define STOQ_GUARD_RULE_LINE 1024
void stoq_guard_rule_line(const struct stoq_guard_policy *policy, size_t index,
	char text[static STOQ_GUARD_RULE_LINE]);

/* The file that has the rule: an included one, or the policy's own, which is path. */
const char *stoq_guard_rule_file(const struct stoq_guard_rule *rule, const char *path);

/* "line 6", or "FILE line 6" of an included file. */
#define STOQ_GUARD_RULE_PLACE 256
void stoq_guard_rule_place(
	const struct stoq_guard_rule *rule, char place[static STOQ_GUARD_RULE_PLACE]);

const char *stoq_guard_verdict_name(enum stoq_guard_verdict verdict);

/* The whole policy, one line a rule, and its hash. */
void stoq_guard_print(FILE *file, const char *path, const struct stoq_guard_policy *policy,
	const struct stoq_guard_compiled *compiled);
