/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * `stoq watch --metrics`: serves the model by HTTP or HTTPS. Answers are made in the
 * endpoint's thread, from the model of the last update; so that the model stands still meanwhile,
 * an update takes place between watch_metrics_lock() and watch_metrics_unlock().
 */
#include <stdint.h>

#include "base/error.h"
#include "flow/model.h"
#include "metrics/place.h"

#define WATCH_METRICS_PORT 9420

struct stoq_watch;
struct watch_metrics;
struct watch_options;

/*
 * Starts to serve, and has the watch count for it: before its first update. unix_offset_ns: CLOCK_REALTIME less CLOCK_MONOTONIC. Call it after capabilities
 * were dropped: the thread has those of its maker. Errors of stoq_metrics_endpoint_serve(),
 * -ENOMEM.
 */
int watch_metrics_open(struct watch_metrics **metrics, struct stoq_watch *watch,
	const struct watch_options *options, uint64_t unix_offset_ns, struct stoq_error *error);
void watch_metrics_close(struct watch_metrics *metrics); /* NULL is fine, here and below */

const char *watch_metrics_url(
	const struct watch_metrics *metrics, char text[static STOQ_METRICS_URL]);

void watch_metrics_lock(struct watch_metrics *metrics);
/* model: of the update; NULL: it failed, and there is none to serve. */
void watch_metrics_unlock(struct watch_metrics *metrics, const struct stoq_model *model);
