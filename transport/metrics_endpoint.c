// SPDX-License-Identifier: BSD-2-Clause
/* The public function: a transport as the source of an endpoint's metrics. */
#include "metrics/endpoint.h"

static int transport_text(void *context, enum stoq_metrics_format format, char **text, size_t *size)
{
	return stoq_transport_metrics_text(context, format, text, size);
}

int stoq_metrics_endpoint_open(struct stoq_transport *transport, uint16_t port,
	struct stoq_metrics_endpoint **endpoint, struct stoq_error *error)
{
	const struct stoq_metrics_source source = {transport_text, transport};

	return stoq_metrics_endpoint_serve(&source, port, endpoint, error);
}
