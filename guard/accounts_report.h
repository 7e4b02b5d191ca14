/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What limits have counted, for programs and scrapers: that of a guard in the kernel, and that of a tunnel. */
#include <json-c/json.h>

#include "guard/accounts.h"
#include "guard/policy.h"
#include "metrics/openmetrics.h"

/* An array with an object for each limit of the policy, in its order, with its accounts. policy NULL: empty. */
struct json_object *stoq_guard_accounts_json(
	const struct stoq_guard_policy *policy, const struct stoq_guard_accounts *accounts);

/* Families stoq_PART_limit_..., with the labels limit and host, and guard unless it is NULL. */
void stoq_guard_accounts_metrics(const struct stoq_openmetrics *text, const char *part,
	const char *guard, const struct stoq_guard_policy *policy,
	const struct stoq_guard_accounts *accounts);
