/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What `stoq guard check` found, for a program. stoq-guard(8), JSON of check, describes it. */
#include <stdio.h>

#include "guard/source.h"

/* source: NULL if it is not valid; then error is the reason if there are no mistakes. 0 or -ENOMEM. */
int stoq_guard_check_json(FILE *file, const char *path, const struct stoq_guard_source *source,
	const struct stoq_guard_mistakes *mistakes, const struct stoq_error *error);
