// SPDX-License-Identifier: BSD-2-Clause
#include "datapath/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/units.h"

/* Where the port begins in text, behind its colon; NULL: there is none. */
static const char *find_port(const char *text)
{
	const char *bracket = strrchr(text, ']');
	const char *colon = strchr(bracket ? bracket : text, ':');

	/* More than one colon and no bracket: an IPv6 address. */
	if (!colon || (!bracket && strchr(colon + 1, ':')))
		return NULL;
	return colon + 1;
}

static int parse_ipv6(struct stoq_address *address, char *host)
{
	char *zone = strchr(host, '%');

	if (zone) {
		*zone++ = '\0';
		address->in6.sin6_scope_id = if_nametoindex(zone);
		if (!address->in6.sin6_scope_id)
			return -ENODEV;
	}
	if (inet_pton(AF_INET6, host, &address->in6.sin6_addr) != 1)
		return -EINVAL;
	address->in6.sin6_family = AF_INET6;
	address->length = sizeof(address->in6);
	return 0;
}

static int parse_host(struct stoq_address *address, char *host)
{
	size_t length = strlen(host);

	if (inet_pton(AF_INET, host, &address->in.sin_addr) == 1) {
		address->in.sin_family = AF_INET;
		address->length = sizeof(address->in);
		return 0;
	}
	if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		host++;
	}
	return parse_ipv6(address, host);
}

/* The example has the port that is meant; none where addresses are written without. */
static int bad_address(struct stoq_error *error, const char *text, uint16_t default_port)
{
	char port[8] = "";

	if (default_port)
		snprintf(port, sizeof(port), ":%u", default_port);
	return stoq_error_set(error, -EINVAL,
		"'%.80s' is no address: write 192.0.2.1%s, or [2001:db8::1]%s; names are not "
		"looked up",
		text, port, port);
}

int stoq_address_parse(struct stoq_address *address, const char *text, uint16_t default_port,
	struct stoq_error *error)
{
	struct stoq_address parsed = {.length = 0};
	const char *port_text = find_port(text);
	uint64_t port = default_port;
	char host[STOQ_ADDRESS_TEXT];
	size_t length = port_text ? (size_t)(port_text - text) - 1 : strlen(text);
	int ret;

	if (length >= sizeof(host) || (port_text && stoq_parse_number(port_text, 0, 65535, &port)))
		return bad_address(error, text, default_port);
	memcpy(host, text, length);
	host[length] = '\0';
	ret = parse_host(&parsed, host);
	if (ret == -ENODEV)
		return stoq_error_set(error, -EINVAL,
			"'%.80s': there is no such interface; `ip link` lists them", text);
	if (ret)
		return bad_address(error, text, default_port);
	stoq_address_set_port(&parsed, (uint16_t)port);
	*address = parsed;
	return 0;
}

const char *stoq_address_host(
	char out[static STOQ_ADDRESS_TEXT], const struct stoq_address *address)
{
	char host[INET6_ADDRSTRLEN] = "", zone[IF_NAMESIZE] = "";

	if (!address->length) {
		snprintf(out, STOQ_ADDRESS_TEXT, "unknown");
		return out;
	}
	if (address->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->in.sin_addr, out, STOQ_ADDRESS_TEXT);
		return out;
	}
	inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof(host));
	if (address->in6.sin6_scope_id)
		if_indextoname(address->in6.sin6_scope_id, zone);
	snprintf(out, STOQ_ADDRESS_TEXT, "%s%s%s", host, zone[0] ? "%" : "", zone);
	return out;
}

const char *stoq_address_text(
	char out[static STOQ_ADDRESS_TEXT], const struct stoq_address *address)
{
	char host[STOQ_ADDRESS_TEXT];

	stoq_address_host(host, address);
	if (address->length)
		stoq_endpoint_join(out, STOQ_ADDRESS_TEXT, host, stoq_address_port(address));
	else
		snprintf(out, STOQ_ADDRESS_TEXT, "%s", host);
	return out;
}

uint16_t stoq_address_port(const struct stoq_address *address)
{
	/* At the same place in both. */
	return ntohs(address->in.sin_port);
}

void stoq_address_set_port(struct stoq_address *address, uint16_t port)
{
	address->in.sin_port = htons(port);
}

bool stoq_address_same_host(const struct stoq_address *a, const struct stoq_address *b)
{
	if (!a->length || !b->length || a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0 &&
	       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
}

bool stoq_address_equal(const struct stoq_address *a, const struct stoq_address *b)
{
	return stoq_address_same_host(a, b) && a->in.sin_port == b->in.sin_port;
}

bool stoq_address_is_wildcard(const struct stoq_address *address)
{
	if (address->sa.sa_family == AF_INET)
		return address->in.sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(&address->in6.sin6_addr);
}

bool stoq_address_is_multicast(const struct stoq_address *address)
{
	struct stoq_address plain = *address;

	stoq_address_unmap(&plain);
	if (plain.sa.sa_family == AF_INET)
		return IN_MULTICAST(ntohl(plain.in.sin_addr.s_addr)) ||
		       plain.in.sin_addr.s_addr == htonl(INADDR_BROADCAST);
	return IN6_IS_ADDR_MULTICAST(&plain.in6.sin6_addr);
}

bool stoq_address_lacks_interface(const struct stoq_address *address)
{
	return address->sa.sa_family == AF_INET6 && !address->in6.sin6_scope_id &&
	       IN6_IS_ADDR_LINKLOCAL(&address->in6.sin6_addr);
}

bool stoq_address_from(struct stoq_address *address, const struct sockaddr *from, socklen_t length)
{
	struct stoq_address copy = {0};

	if (length < sizeof(copy.in))
		return false;
	/* It may be the size of what holds any address. */
	memcpy(&copy.sa, from, length < sizeof(copy.in6) ? length : sizeof(copy.in6));
	copy.length = copy.sa.sa_family == AF_INET ? sizeof(copy.in) : sizeof(copy.in6);
	if ((copy.sa.sa_family != AF_INET && copy.sa.sa_family != AF_INET6) || copy.length > length)
		return false;
	*address = copy;
	return true;
}

void stoq_address_unmap(struct stoq_address *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET};

	if (address->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr))
		return;
	in.sin_port = address->in6.sin6_port;
	memcpy(&in.sin_addr, &address->in6.sin6_addr.s6_addr[12], sizeof(in.sin_addr));
	memset(&address->in6, 0, sizeof(address->in6));
	address->in = in;
	address->length = sizeof(in);
}

void stoq_address_map(struct stoq_address *address)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (address->sa.sa_family != AF_INET)
		return;
	in6.sin6_port = address->in.sin_port;
	in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&in6.sin6_addr.s6_addr[12], &address->in.sin_addr, sizeof(address->in.sin_addr));
	address->in6 = in6;
	address->length = sizeof(in6);
}
