/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* IPv4 and IPv6 addresses with a port. */
#include "base/error.h"
#include "datapath/datapath.h"

#define STOQ_ADDRESS_TEXT 80 /* "[fe80::1%interface-name]:65535" */

/*
 * "192.0.2.1:4420", "[2001:db8::1]:4420", "[fe80::1%eth0]:4420"; without a port default_port is
 * taken, and an IPv6 address needs no brackets then. Numbers only, no names. -EINVAL otherwise.
 */
int stoq_address_parse(struct stoq_address *address, const char *text, uint16_t default_port,
	struct stoq_error *error);

/* What stoq_address_parse() reads; "unknown" if length is 0. Returns out. */
const char *stoq_address_text(
	char out[static STOQ_ADDRESS_TEXT], const struct stoq_address *address);

/* The same without the port and without brackets: "fe80::1%eth0". */
const char *stoq_address_host(
	char out[static STOQ_ADDRESS_TEXT], const struct stoq_address *address);

uint16_t stoq_address_port(const struct stoq_address *address);
void stoq_address_set_port(struct stoq_address *address, uint16_t port);

bool stoq_address_equal(const struct stoq_address *a, const struct stoq_address *b);
/* The same but for the port. */
bool stoq_address_same_host(const struct stoq_address *a, const struct stoq_address *b);
bool stoq_address_is_wildcard(const struct stoq_address *address);
bool stoq_address_is_multicast(const struct stoq_address *address); /* IPv4's broadcast, too */

/* A link-local address of IPv6 that several hosts, on several links, can have. */
bool stoq_address_lacks_interface(const struct stoq_address *address);

/* From what socket calls have; false: it is neither IPv4's nor IPv6's, or too short. */
bool stoq_address_from(struct stoq_address *address, const struct sockaddr *from, socklen_t length);

/* ::ffff:192.0.2.1 becomes 192.0.2.1; the rest stays as it is. */
void stoq_address_unmap(struct stoq_address *address);
/* 192.0.2.1 becomes ::ffff:192.0.2.1. */
void stoq_address_map(struct stoq_address *address);
