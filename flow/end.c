// SPDX-License-Identifier: BSD-2-Clause
#include "flow/end.h"

#include <errno.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/units.h"

void stoq_flow_end_set(struct stoq_flow_end *end, int family, const void *bytes)
{
	if (family == AF_INET6) {
		memcpy(end->address, bytes, 16);
		return;
	}
	memcpy(end->address, stoq_mapped_prefix, STOQ_MAPPED_BYTES);
	memcpy(end->address + STOQ_MAPPED_BYTES, bytes, 4);
}

const char *stoq_flow_end_text(
	const struct stoq_flow_end *end, char text[static STOQ_FLOW_END_TEXT])
{
	return stoq_endpoint_text(text, end->address, end->port);
}

int stoq_flow_end_parse(struct stoq_flow_end *end, const char *address, const char *port)
{
	uint64_t number;

	if (stoq_parse_number(port, 0, UINT16_MAX, &number) ||
		stoq_host_parse(end->address, address))
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
