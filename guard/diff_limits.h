/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Which limits two policies have differently: by name, whatever their order. */
#include <json-c/json.h>
#include <stdio.h>

#include "guard/policy.h"

/* before, after: "1000 IOPS, burst 100 ms"; NULL: it is not there. The texts are valid during the call. */
typedef void (*stoq_guard_diff_limit_fn)(
	void *context, const char *name, const char *before, const char *after);

/* Calls told (may be NULL) for each limit that differs. How many there are. */
size_t stoq_guard_diff_limits(const struct stoq_guard_policy *before,
	const struct stoq_guard_policy *after, stoq_guard_diff_limit_fn told, void *context);

void stoq_guard_diff_limits_print(
	FILE *file, const struct stoq_guard_policy *before, const struct stoq_guard_policy *after);
struct json_object *stoq_guard_diff_limits_json(
	const struct stoq_guard_policy *before, const struct stoq_guard_policy *after);
