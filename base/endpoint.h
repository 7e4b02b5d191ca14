/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * IP addresses in 16 bytes, IPv6's own or IPv4's mapped (RFC 4291, 2.5.5.2), as text; and any
 * address with its port as text.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STOQ_ENDPOINT_BYTES 16
#define STOQ_HOST_TEXT	    46 /* INET6_ADDRSTRLEN */
#define STOQ_ENDPOINT_TEXT  64
/* What stands before the four bytes of an IPv4 address. */
#define STOQ_MAPPED_BYTES   12
extern const uint8_t stoq_mapped_prefix[STOQ_MAPPED_BYTES];

bool stoq_host_is_mapped(const uint8_t address[static STOQ_ENDPOINT_BYTES]);
/* 127.0.0.0/8 or ::1. */
bool stoq_host_is_loopback(const uint8_t address[static STOQ_ENDPOINT_BYTES]);

/* "192.0.2.1", "2001:db8::1". Returns text. */
const char *stoq_host_text(
	char text[static STOQ_HOST_TEXT], const uint8_t address[static STOQ_ENDPOINT_BYTES]);
/* 0 or -EINVAL: no address. */
int stoq_host_parse(uint8_t address[static STOQ_ENDPOINT_BYTES], const char *text);

/* "192.0.2.1:4420", "[2001:db8::1]:4420"; port in host order. Returns text. */
const char *stoq_endpoint_text(char text[static STOQ_ENDPOINT_TEXT],
	const uint8_t address[static STOQ_ENDPOINT_BYTES], uint16_t port);
/* The same of an address that is text already. A text that is too short for it is cut off. */
void stoq_endpoint_join(char *text, size_t size, const char *host, uint16_t port);
