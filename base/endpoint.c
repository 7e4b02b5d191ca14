// SPDX-License-Identifier: BSD-2-Clause
#include "base/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

_Static_assert(STOQ_HOST_TEXT == INET6_ADDRSTRLEN, "the longest address fits");

const uint8_t stoq_mapped_prefix[STOQ_MAPPED_BYTES] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool stoq_host_is_mapped(const uint8_t address[static STOQ_ENDPOINT_BYTES])
{
	return memcmp(address, stoq_mapped_prefix, STOQ_MAPPED_BYTES) == 0;
}

bool stoq_host_is_loopback(const uint8_t address[static STOQ_ENDPOINT_BYTES])
{
	static const uint8_t v6[STOQ_ENDPOINT_BYTES] = {[STOQ_ENDPOINT_BYTES - 1] = 1};

	if (stoq_host_is_mapped(address))
		return address[STOQ_MAPPED_BYTES] == 127;
	return memcmp(address, v6, sizeof(v6)) == 0;
}

const char *stoq_host_text(
	char text[static STOQ_HOST_TEXT], const uint8_t address[static STOQ_ENDPOINT_BYTES])
{
	if (stoq_host_is_mapped(address))
		inet_ntop(AF_INET, address + STOQ_MAPPED_BYTES, text, STOQ_HOST_TEXT);
	else
		inet_ntop(AF_INET6, address, text, STOQ_HOST_TEXT);
	return text;
}

int stoq_host_parse(uint8_t address[static STOQ_ENDPOINT_BYTES], const char *text)
{
	struct in_addr ipv4;

	if (inet_pton(AF_INET, text, &ipv4) == 1) {
		memcpy(address, stoq_mapped_prefix, STOQ_MAPPED_BYTES);
		memcpy(address + STOQ_MAPPED_BYTES, &ipv4, sizeof(ipv4));
		return 0;
	}
	return inet_pton(AF_INET6, text, address) == 1 ? 0 : -EINVAL;
}

void stoq_endpoint_join(char *text, size_t size, const char *host, uint16_t port)
{
	/* Only IPv6 addresses have colons. */
	snprintf(text, size, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

const char *stoq_endpoint_text(char text[static STOQ_ENDPOINT_TEXT],
	const uint8_t address[static STOQ_ENDPOINT_BYTES], uint16_t port)
{
	char host[STOQ_HOST_TEXT];

	stoq_endpoint_join(text, STOQ_ENDPOINT_TEXT, stoq_host_text(host, address), port);
	return text;
}
