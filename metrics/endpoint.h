/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Serves metrics by HTTP on 127.0.0.1, whatever they are metrics of: /metrics and /metrics.json.
 * <stoq/metrics.h> has the functions for the port and the end.
 */
#include <stoq/metrics.h>

#include "base/error.h"

/* Where the text of each answer comes from. */
struct stoq_metrics_source {
	/* *text is malloc()ed. Called in the endpoint's own thread. 0 or a negative errno: the
	 * request's connection is closed. */
	int (*text)(void *context, enum stoq_metrics_format format, char **text, size_t *size);
	void *context;
};

/* port 0: the kernel chooses. -EADDRINUSE, -EACCES, ... */
int stoq_metrics_endpoint_serve(const struct stoq_metrics_source *source, uint16_t port,
	struct stoq_metrics_endpoint **endpoint, struct stoq_error *error);
