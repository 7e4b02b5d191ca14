/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a policy decides about one command, and why. The engine decides; this finds reasons. */
#include <stdio.h>

#include "guard/compile.h"
#include "guard/question.h"

/* A policy that is ready to be asked. */
struct stoq_guard_explainer {
	const char *path;
	const struct stoq_guard_policy *policy;
	const struct stoq_guard_compiled *compiled;
};

/* Decides; fills the classes of question->request, and the range that the decision is about. */
void stoq_guard_ask(const struct stoq_guard_explainer *explainer,
	struct stoq_guard_question *question, struct stoq_guard_decision *decision);

/* The field of the rule that does not match the question, or NULL: it matches. */
const char *stoq_guard_why_not(const struct stoq_guard_policy *policy, size_t rule,
	const struct stoq_guard_question *question);

void stoq_guard_explain(FILE *file, const struct stoq_guard_explainer *explainer,
	const struct stoq_guard_question *question, const struct stoq_guard_decision *decision);

/* One JSON object; doc/guard.md describes it. 0 or -ENOMEM. */
int stoq_guard_explain_json(FILE *file, const struct stoq_guard_explainer *explainer,
	const struct stoq_guard_question *question, const struct stoq_guard_decision *decision);
