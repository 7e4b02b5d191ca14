/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the examples share: to begin a connection to a host and a port given as text. */
#include <stdio.h>
#include <stdlib.h>

#include <stoq/transport.h>

/* name: what the peer's certificate must have. 0, or an error after saying what it is. */
static inline int example_connect(
	struct stoq_transport *transport, const char *host, const char *port, const char *name)
{
	struct sockaddr_storage address;
	struct stoq_connect_config config = {
		.remote = (const struct sockaddr *)&address,
		.remote_length = sizeof(address),
		.name = name,
	};
	struct stoq_connection *connection;
	struct stoq_error error;
	int ret = stoq_resolve(host, (uint16_t)strtoul(port, NULL, 10), &address, 1, &error);

	if (ret > 0)
		ret = stoq_transport_connect(
			transport, 0, &config, stoq_now_ns(), &connection, &error);
	if (ret)
		fprintf(stderr, "%s\n", error.text);
	return ret;
}
