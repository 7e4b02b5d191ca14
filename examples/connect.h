/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the examples share: to begin a connection to an address and a port given as text. */
#include <netdb.h>
#include <stdio.h>
#include <time.h>

#include <stoq/transport.h>

/* name: what the peer's certificate must have. 0, or an error after saying what it is. */
static inline int example_connect(
	struct stoq_transport *transport, const char *address, const char *port, const char *name)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST}, *info;
	struct stoq_connect_config config = {.name = name};
	struct stoq_connection *connection;
	struct stoq_error error;
	struct timespec now;
	int ret = getaddrinfo(address, port, &hints, &info);

	if (ret) {
		fprintf(stderr, "%s port %s: %s\n", address, port, gai_strerror(ret));
		return -1;
	}
	config.remote = info->ai_addr;
	config.remote_length = info->ai_addrlen;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ret = stoq_transport_connect(transport, 0, &config,
		(uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec, &connection, &error);
	freeaddrinfo(info);
	if (ret)
		fprintf(stderr, "%s\n", error.text);
	return ret;
}
