/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The model as metrics, for a scraper: commands by host, subsystem, namespace and opcode
 * (STOQ_BY_COMMAND), connections, and what was missed. Pure.
 *
 * The number of label sets is bounded. The first STOQ_WATCH_LABELS_MAX that are seen have samples
 * of their own for good; commands of all others are counted in one set whose labels are "others".
 * So no counter falls, whichever hosts come and go.
 */
#include <stdint.h>

#include <stoq/metrics.h>

#include "flow/model.h"
#include "watch/volumes.h"

#define STOQ_WATCH_LABELS_MAX 10000

struct stoq_watch_metrics;

/* labels_max: 0: STOQ_WATCH_LABELS_MAX. NULL: no memory. */
struct stoq_watch_metrics *stoq_watch_metrics_new(uint32_t labels_max);
void stoq_watch_metrics_free(struct stoq_watch_metrics *metrics); /* NULL is fine */

/* Names of namespaces from here on, which the caller keeps; NULL: none. */
void stoq_watch_metrics_use_volumes(
	struct stoq_watch_metrics *metrics, const struct stoq_volumes *volumes);

/* Looks at the groups of a model, so that each keeps its samples from here on. 0 or -ENOMEM. */
int stoq_watch_metrics_note(struct stoq_watch_metrics *metrics, const struct stoq_model *model);

/* format: not STOQ_METRICS_JSON. *text is malloc()ed. 0 or -ENOMEM. */
int stoq_watch_metrics_text(const struct stoq_watch_metrics *metrics,
	const struct stoq_model *model, enum stoq_metrics_format format, char **text, size_t *size);
