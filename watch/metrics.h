/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A watch as metrics, for a scraper: commands by host, subsystem, namespace and opcode, connections, and what was missed.
 * Pure.
 */
#include <stdint.h>

#include <stoq/metrics.h>

#include "flow/model.h"
#include "watch/totals.h"
#include "watch/volumes.h"

struct stoq_watch_metrics {
	const struct stoq_totals *totals;
	const struct stoq_model *model;
	struct stoq_volumes *volumes; /* names of namespaces; NULL: none */
};

/* format: not STOQ_METRICS_JSON. *text is malloc()ed. 0 or -ENOMEM. */
int stoq_watch_metrics_text(const struct stoq_watch_metrics *metrics,
	enum stoq_metrics_format format, char **text, size_t *size);
