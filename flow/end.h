/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* One end of a TCP connection. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/endpoint.h"

struct stoq_flow_end {
	uint8_t address[16]; /* IPv6, or IPv4 mapped */
	uint16_t port;	     /* host order */
};

/* The address from its bytes, as many as AF_INET or AF_INET6 has. */
void stoq_flow_end_set(struct stoq_flow_end *end, int family, const void *bytes);

/* "192.0.2.1:4420", "[2001:db8::1]:4420". */
#define STOQ_FLOW_END_TEXT STOQ_ENDPOINT_TEXT
const char *stoq_flow_end_text(
	const struct stoq_flow_end *end, char text[static STOQ_FLOW_END_TEXT]);

/* From an address as text and a port. 0 or -EINVAL. */
int stoq_flow_end_parse(struct stoq_flow_end *end, const char *address, const char *port);

/* From an address of an interface. 0 or -EINVAL: it is neither IPv4 nor IPv6. */
int stoq_flow_end_of_address(struct stoq_flow_end *end, const struct sockaddr *address);

/* The same address, whatever the port. */
bool stoq_flow_end_same_address(const struct stoq_flow_end *one, const struct stoq_flow_end *other);
