// SPDX-License-Identifier: BSD-2-Clause
#include "flow/end.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

void stoq_flow_end_set(struct stoq_flow_end *end, int family, const void *bytes)
{
	if (family == AF_INET6) {
		memcpy(end->address, bytes, 16);
		return;
	}
	memcpy(end->address, mapped_prefix, sizeof(mapped_prefix));
	memcpy(end->address + sizeof(mapped_prefix), bytes, 4);
}

static bool is_mapped(const struct stoq_flow_end *end)
{
	return memcmp(end->address, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

const char *stoq_flow_end_text(
	const struct stoq_flow_end *end, char text[static STOQ_FLOW_END_TEXT])
{
	bool four = is_mapped(end);
	char address[INET6_ADDRSTRLEN];

	inet_ntop(four ? AF_INET : AF_INET6, end->address + (four ? 12 : 0), address,
		sizeof(address));
	snprintf(text, STOQ_FLOW_END_TEXT, four ? "%s:%u" : "[%s]:%u", address, end->port);
	return text;
}

int stoq_flow_end_parse(struct stoq_flow_end *end, const char *address, const char *port)
{
	uint8_t bytes[16];
	uint64_t number;

	if (stoq_parse_number(port, 0, UINT16_MAX, &number))
		return -EINVAL;
	if (inet_pton(AF_INET, address, bytes) == 1)
		stoq_flow_end_set(end, AF_INET, bytes);
	else if (inet_pton(AF_INET6, address, bytes) == 1)
		stoq_flow_end_set(end, AF_INET6, bytes);
	else
		return -EINVAL;
	end->port = (uint16_t)number;
	return 0;
}

int stoq_flow_end_of_address(struct stoq_flow_end *end, const struct sockaddr *address)
{
	const struct sockaddr_in6 *six = (const void *)address;
	const struct sockaddr_in *four = (const void *)address;

	*end = (struct stoq_flow_end){0};
	if (address && address->sa_family == AF_INET6)
		stoq_flow_end_set(end, AF_INET6, &six->sin6_addr);
	else if (address && address->sa_family == AF_INET)
		stoq_flow_end_set(end, AF_INET, &four->sin_addr);
	else
		return -EINVAL;
	return 0;
}

bool stoq_flow_end_same_address(const struct stoq_flow_end *one, const struct stoq_flow_end *other)
{
	return memcmp(one->address, other->address, sizeof(one->address)) == 0;
}
