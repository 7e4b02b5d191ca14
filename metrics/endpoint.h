/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Serves metrics by HTTP or HTTPS, whatever they are metrics of: /metrics and /metrics.json.
 * <stoq/metrics.h> has the functions for the port and the end.
 */
#include <stoq/metrics.h>

#include "base/error.h"
#include "metrics/place.h"

/* Where the text of each answer comes from. */
struct stoq_metrics_source {
	/* *text is malloc()ed. Called in the endpoint's own thread. 0 or a negative errno: the
	 * request's connection is closed. */
	int (*text)(void *context, enum stoq_metrics_format format, char **text, size_t *size);
	/* A line about the web configuration's files, which were read again; in that thread. May be
	 * NULL. */
	void (*note)(void *context, const char *line);
	void *context;
};

/*
 * Outside of loopback only by a web configuration with TLS and authentication: else -EPERM.
 * -EADDRINUSE, -EACCES, ...; what is wrong with the web configuration's files.
 */
int stoq_metrics_endpoint_serve(const struct stoq_metrics_source *source,
	const struct stoq_metrics_place *place, struct stoq_metrics_endpoint **endpoint,
	struct stoq_error *error);

/* As STOQ_METRICS_URL has room for, with the real port. Returns text. */
const char *stoq_metrics_endpoint_url(
	const struct stoq_metrics_endpoint *endpoint, char text[static STOQ_METRICS_URL]);
