/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The differences between two policies, for people and as JSON. */
#include <stdio.h>

struct stoq_guard_diff;

void stoq_guard_diff_print(FILE *file, const struct stoq_guard_diff *diff);

/* One JSON object. 0 or -ENOMEM. */
int stoq_guard_diff_json(FILE *file, const struct stoq_guard_diff *diff);
