/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A policy file: read, parsed and compiled once, and kept for all callers that need one of these. */
#include <stddef.h>

#include "bpf/guard/policy_shared.h"
#include "guard/policy.h"

#define STOQ_GUARD_FILE_PATH_BYTES 4096

struct stoq_guard_source {
	char path[STOQ_GUARD_FILE_PATH_BYTES]; /* absolute, if the path can be resolved */
	char *text;
	size_t size;
	struct stoq_guard_policy policy;
	struct stoq_guard_compiled *compiled;
};

/* Reads the file once: text, policy and compiled are of the same reading. Free it after a 0. */
int stoq_guard_source_read(
	struct stoq_guard_source *source, const char *path, struct stoq_error *error);
void stoq_guard_source_free(struct stoq_guard_source *source);
