// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

struct stoq_metrics_place stoq_metrics_place_default(uint16_t port)
{
	struct stoq_metrics_place place = {.port = port};

	(void)stoq_host_parse(place.address, "127.0.0.1");
	return place;
}

/* host: with brackets where it has colons. */
static int parse_host(uint8_t address[static STOQ_ENDPOINT_BYTES], const char *host, size_t length)
{
	char text[STOQ_HOST_TEXT];
	bool brackets = length > 2 && host[0] == '[' && host[length - 1] == ']';

	if (brackets) {
		host++;
		length -= 2;
	}
	if (length >= sizeof(text))
		return -EINVAL;
	snprintf(text, sizeof(text), "%.*s", (int)length, host);
	if (!strchr(text, ':') != !brackets)
		return -EINVAL;
	return stoq_host_parse(address, strcmp(text, "localhost") == 0 ? "127.0.0.1" : text);
}

int stoq_metrics_place_parse(
	struct stoq_metrics_place *place, const char *text, struct stoq_error *error)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;

	if (stoq_parse_number(colon ? colon + 1 : text, 0, UINT16_MAX, &port))
		return stoq_error_set(
			error, -EINVAL, "'%.80s' is not a port", colon ? colon + 1 : text);
	if (colon && parse_host(place->address, text, (size_t)(colon - text)))
		return stoq_error_set(error, -EINVAL,
			"'%.80s' is not ADDRESS:PORT: write it like 192.0.2.1:9420, [2001:db8::1]:9420, "
			"or [::]:9420 for all addresses",
			text);
	place->port = (uint16_t)port;
	return 0;
}

int stoq_metrics_place_check(const struct stoq_metrics_place *place, struct stoq_error *error)
{
	char text[STOQ_ENDPOINT_TEXT];

	if (place->web_config || stoq_host_is_loopback(place->address))
		return 0;
	return stoq_error_set(error, -EPERM,
		"%s is reached from other machines, and metrics without TLS and authentication are "
		"served only on this machine: give --web-config FILE, or leave the address out",
		stoq_endpoint_text(text, place->address, place->port));
}

socklen_t stoq_metrics_place_address(
	const struct stoq_metrics_place *place, struct sockaddr_storage *address)
{
	*address = (struct sockaddr_storage){0};
	if (stoq_host_is_mapped(place->address)) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)address;

		v4->sin_family = AF_INET;
		v4->sin_port = htons(place->port);
		memcpy(&v4->sin_addr, place->address + STOQ_MAPPED_BYTES, sizeof(v4->sin_addr));
		return sizeof(*v4);
	} else {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;

		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(place->port);
		memcpy(&v6->sin6_addr, place->address, sizeof(v6->sin6_addr));
		return sizeof(*v6);
	}
}

const char *stoq_metrics_place_url(
	char text[static STOQ_METRICS_URL], const struct stoq_metrics_place *place, bool tls)
{
	char endpoint[STOQ_ENDPOINT_TEXT];

	snprintf(text, STOQ_METRICS_URL, "http%s://%.63s/metrics", tls ? "s" : "",
		stoq_endpoint_text(endpoint, place->address, place->port));
	return text;
}
