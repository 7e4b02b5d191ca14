/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A policy: its files read, parsed and compiled once, and kept for all callers that need one of these. */
#include <stddef.h>

#include "bpf/guard/state_shared.h"
#include "bpf/limit/limit_shared.h"
#include "guard/policy.h"

struct stoq_guard_source {
	char path
		[STOQ_GUARD_FILE_PATH_BYTES]; /* absolute, links not resolved; or pipe: and a path */
	struct stoq_guard_texts texts;
	struct stoq_guard_policy policy;
	struct stoq_guard_installed
		*installed; /* 3 MiB, as the kernel gets it; has compiled in it */
	struct stoq_guard_compiled *compiled;
	struct stoq_limit_installed *limits; /* NULL: the policy has none */
};

/*
 * Reads each file once: texts, policy and compiled are of the same reading. On mistakes -EINVAL, and error has the first one.
 * Free it after a 0.
 */
int stoq_guard_source_read(
	struct stoq_guard_source *source, const char *path, struct stoq_error *error);

/* The same; all mistakes, sorted, are in mistakes, which the caller frees in any case. None: error has what failed. */
int stoq_guard_source_check(struct stoq_guard_source *source, const char *path,
	struct stoq_guard_mistakes *mistakes, struct stoq_error *error);
void stoq_guard_source_free(struct stoq_guard_source *source);
