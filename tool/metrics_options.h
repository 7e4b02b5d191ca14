/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The options of every verb that serves metrics: where, and by which web configuration. */
#include "metrics/place.h"

struct tool_metrics {
	bool on;
	struct stoq_metrics_place place;
};

/* The option's value, "9420" or "192.0.2.1:9420"; NULL: the default. */
int tool_metrics_take(struct tool_metrics *metrics, const char *option, const char *text,
	uint16_t default_port, struct stoq_error *error);

/* Once all options are taken: whether they go together. */
int tool_metrics_check(
	const struct tool_metrics *metrics, const char *option, struct stoq_error *error);
