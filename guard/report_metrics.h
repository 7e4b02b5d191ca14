/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A guard's status for a scraper: OpenMetrics or Prometheus' older format. stoq-guard(8), METRICS, has the names. */
#include <stoq/metrics.h>

struct stoq_guard_status;

/* format: one of the two texts. *text is the caller's to free(). 0 or -ENOMEM. */
int stoq_guard_metrics_text(const struct stoq_guard_status *status, enum stoq_metrics_format format,
	char **text, size_t *size);
