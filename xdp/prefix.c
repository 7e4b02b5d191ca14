// SPDX-License-Identifier: BSD-2-Clause
#include "xdp/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

#define MAPPED_BITS 96

static const uint8_t mapped[MAPPED_BITS / 8] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_mapped(const uint8_t *address)
{
	return memcmp(address, mapped, sizeof(mapped)) == 0;
}

/* 0: the whole address, which then takes all bits. */
static int parse_address(const char *text, uint8_t *address, uint32_t *bits)
{
	if (inet_pton(AF_INET, text, address + sizeof(mapped)) == 1) {
		memcpy(address, mapped, sizeof(mapped));
		*bits = 32;
		return 0;
	}
	*bits = 128;
	return inet_pton(AF_INET6, text, address) == 1 ? 0 : -EINVAL;
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
	bool ipv4 = prefix->bits >= MAPPED_BITS && is_mapped(prefix->address);
	char address[INET6_ADDRSTRLEN] = "?";

	inet_ntop(ipv4 ? AF_INET : AF_INET6, prefix->address + (ipv4 ? sizeof(mapped) : 0), address,
		sizeof(address));
	if (prefix->bits >= 128)
		snprintf(text, STOQ_XDP_PREFIX_TEXT, "%s", address);
	else
		snprintf(text, STOQ_XDP_PREFIX_TEXT, "%s/%u", address,
			prefix->bits - (ipv4 ? MAPPED_BITS : 0));
}

void stoq_xdp_endpoint_print(
	char text[static STOQ_XDP_ENDPOINT_TEXT], const __u8 address[static 16], __be16 port)
{
	struct stoq_xdp_prefix prefix = {.bits = 128};
	char host[STOQ_XDP_PREFIX_TEXT];

	memcpy(prefix.address, address, sizeof(prefix.address));
	stoq_xdp_prefix_print(host, &prefix);
	snprintf(text, STOQ_XDP_ENDPOINT_TEXT, is_mapped(address) ? "%.48s:%u" : "[%.48s]:%u", host,
		ntohs(port));
}
