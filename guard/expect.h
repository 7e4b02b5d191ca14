/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What a policy is expected to decide: cases in a YAML file, for a policy's own tests.
 * stoq-guard-policy(5) is their language.
 */
#include <stdio.h>

#include "base/error.h"
#include "guard/explain.h"

#define STOQ_GUARD_CASES_MAX 10000

struct stoq_guard_case_text; /* the texts as they stand in the file */

struct stoq_guard_case {
	const struct stoq_guard_case_text *text;
	unsigned int line;
	struct stoq_guard_question question;
	enum stoq_guard_verdict verdict;
	bool has_status;
	uint16_t status;
};

struct stoq_guard_cases {
	struct stoq_guard_case *items;
	size_t count;
	char path[256];
	struct guard_cases_file *file; /* what has all texts */
};

/* Mistakes and errors as of stoq_guard_source_check(). Free the cases after a 0. */
int stoq_guard_cases_read(struct stoq_guard_cases *cases, const char *path,
	struct stoq_guard_mistakes *mistakes, struct stoq_error *error);
/* The same of a text, with the first mistake in error. */
int stoq_guard_cases_parse(struct stoq_guard_cases *cases, const char *file, const char *text,
	size_t size, struct stoq_error *error);
void stoq_guard_cases_free(struct stoq_guard_cases *cases);

/* Decides about each case; prints those that are decided otherwise, and how many. Their number. */
size_t stoq_guard_expect(
	FILE *file, const struct stoq_guard_explainer *explainer, struct stoq_guard_cases *cases);
