// SPDX-License-Identifier: BSD-2-Clause
#include "xdp/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/units.h"

#define MAPPED_BITS 96

/* most: the bits that the whole address has. */
static int parse_address(const char *text, uint8_t *address, uint32_t *most)
{
	int status = stoq_host_parse(address, text);

	*most = !status && !strchr(text, ':') ? 32 : 128;
	return status;
}

static bool has_bits_behind(const struct stoq_xdp_prefix *prefix)
{
	for (uint32_t bit = prefix->bits; bit < 128; bit++)
		if (prefix->address[bit / 8] >> (7 - bit % 8) & 1)
			return true;
	return false;
}

int stoq_xdp_prefix_parse(
	struct stoq_xdp_prefix *prefix, const char *text, struct stoq_error *error)
{
	char address[STOQ_XDP_PREFIX_TEXT];
	size_t length = strcspn(text, "/");
	uint64_t bits;
	uint32_t most;

	*prefix = (struct stoq_xdp_prefix){0};
	if (length < sizeof(address)) {
		memcpy(address, text, length);
		address[length] = '\0';
	}
	if (length >= sizeof(address) || parse_address(address, prefix->address, &most))
		return stoq_error_set(error, -EINVAL,
			"'%.60s' is no address and no prefix, such as 10.0.0.0/8 or 2001:db8::/32",
			text);
	bits = most;
	if (text[length] && stoq_parse_number(text + length + 1, 0, most, &bits))
		return stoq_error_set(error, -EINVAL,
			"'%.60s': the length of the prefix must be 0 to %u", text, most);
	prefix->bits = (uint32_t)bits + (128 - most);
	if (has_bits_behind(prefix))
		return stoq_error_set(error, -EINVAL,
			"'%.60s': the address has bits behind the prefix; if you mean this one "
			"address, leave out /%u",
			text, (unsigned int)bits);
	return 0;
}

void stoq_xdp_prefix_print(
	char text[static STOQ_XDP_PREFIX_TEXT], const struct stoq_xdp_prefix *prefix)
{
	bool ipv4 = prefix->bits >= MAPPED_BITS && stoq_host_is_mapped(prefix->address);
	char host[STOQ_HOST_TEXT] = "?";

	/* A prefix that is shorter than IPv4's is IPv6's, whatever its address has. */
	if (ipv4)
		stoq_host_text(host, prefix->address);
	else
		inet_ntop(AF_INET6, prefix->address, host, sizeof(host));
	if (prefix->bits >= 128)
		snprintf(text, STOQ_XDP_PREFIX_TEXT, "%s", host);
	else
		snprintf(text, STOQ_XDP_PREFIX_TEXT, "%s/%u", host,
			prefix->bits - (ipv4 ? MAPPED_BITS : 0));
}
