/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A guard's limits in its status, for people, programs and scrapers. Nothing where no limits are in force. */
#include <json-c/json.h>
#include <stdio.h>

#include "guard/view.h"
#include "metrics/openmetrics.h"

void stoq_guard_limits_status_print(FILE *file, const struct stoq_guard_view *view);
/* NULL: there are none. */
struct json_object *stoq_guard_limits_status_json(const struct stoq_guard_view *view);
void stoq_guard_limits_metrics(
	const struct stoq_openmetrics *text, const struct stoq_guard_view *view);

/* All that was put in force is there: attached, and with fq where packets leave. */
bool stoq_guard_limits_are_whole(const struct stoq_guard_view *view);
