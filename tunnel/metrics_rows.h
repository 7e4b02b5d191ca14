/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Text of metrics by queue and by rule: counts.h. */
#include "metrics/openmetrics.h"
#include "tunnel/rows.h"

void stoq_tunnel_put_queue_rows(
	const struct stoq_openmetrics *text, const struct stoq_rows *queues);
void stoq_tunnel_put_refusal_rows(
	const struct stoq_openmetrics *text, const struct stoq_rows *refusals);
