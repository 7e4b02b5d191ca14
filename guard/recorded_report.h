/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a policy would have refused of a record, for people and as JSON. */
#include <stdio.h>

struct stoq_guard_explainer;
struct stoq_guard_recorded;

void stoq_guard_recorded_print(FILE *file, const struct stoq_guard_explainer *explainer,
	const struct stoq_guard_recorded *recorded);

/* One JSON object; doc/guard.md describes it. 0 or -ENOMEM. */
int stoq_guard_recorded_json(FILE *file, const struct stoq_guard_explainer *explainer,
	const struct stoq_guard_recorded *recorded);
