// SPDX-License-Identifier: BSD-2-Clause
/* The public functions: a transport as the source of an endpoint's metrics. */
#include "metrics/endpoint.h"

static int transport_text(void *context, enum stoq_metrics_format format, char **text, size_t *size)
{
	return stoq_transport_metrics_text(context, format, text, size);
}

int stoq_metrics_endpoint_open(struct stoq_transport *transport, uint16_t port,
	struct stoq_metrics_endpoint **endpoint, struct stoq_error *error)
{
	const struct stoq_metrics_source source = {transport_text, NULL, transport};
	const struct stoq_metrics_place place = stoq_metrics_place_default(port);

	return stoq_metrics_endpoint_serve(&source, &place, endpoint, error);
}

int stoq_metrics_endpoint_open_at(struct stoq_transport *transport, const char *address,
	const char *web_config, struct stoq_metrics_endpoint **endpoint, struct stoq_error *error)
{
	const struct stoq_metrics_source source = {transport_text, NULL, transport};
	struct stoq_metrics_place place = stoq_metrics_place_default(0);
	int ret = stoq_metrics_place_parse(&place, address, error);

	place.web_config = web_config;
	return ret ? ret : stoq_metrics_endpoint_serve(&source, &place, endpoint, error);
}
