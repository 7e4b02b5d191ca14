// SPDX-License-Identifier: BSD-2-Clause
/* Host end: which of our doors leads to an address of the discovery log. */
#include "tunnel/link_discovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/addresses.h"
#include "tunnel/discovery.h"
#include "tunnel/doors.h"
#include "tunnel/link.h"

void stoq_link_note_targets(struct stoq_tunnel_link *link, const char *text, size_t size)
{
	free(link->targets);
	link->targets = strndup(text, size);
}

/* The next line "NAME=ADDRESS:PORT" of the text. False: there are no more. */
static bool next_target(const char **text, struct stoq_tunnel_target *target)
{
	char line[STOQ_LANE_TARGET_MAX + STOQ_ADDRESS_TEXT + 2];
	size_t length = strcspn(*text, "\n");
	char *equals;

	if (!length)
		return false;
	snprintf(line, sizeof(line), "%.*s",
		(int)(length < sizeof(line) ? length : sizeof(line) - 1), *text);
	*text += length + ((*text)[length] == '\n');
	target->name[0] = '\0';
	target->address.length = 0;
	equals = strchr(line, '=');
	if (!equals || equals - line > STOQ_LANE_TARGET_MAX)
		return true;
	memcpy(target->name, line, (size_t)(equals - line));
	target->name[equals - line] = '\0';
	if (stoq_address_parse(&target->address, equals + 1, 0, NULL))
		target->address.length = 0;
	return true;
}

/*
 * The target that has this address; else the first that has this port, because a target may be
 * reached at another of its machine's addresses than the log names. The first target of all is also
 * called "".
 */
static bool find_target(
	const char *text, const struct stoq_address *address, char *name, bool *first)
{
	struct stoq_tunnel_target target;
	bool found = false, is_first = true;

	for (; next_target(&text, &target); is_first = false) {
		bool equal = stoq_address_equal(&target.address, address);
		bool same_port = target.address.length &&
				 stoq_address_port(&target.address) == stoq_address_port(address);

		if (!equal && (found || !same_port))
			continue;
		found = true;
		*first = is_first;
		memcpy(name, target.name, sizeof(target.name));
		if (equal)
			break;
	}
	return found;
}

/* A wildcard is no address to connect to: the one that this host used is. */
static void door_address(
	const struct stoq_tunnel_link *link, unsigned int door, struct stoq_address *address)
{
	struct sockaddr_storage storage;
	socklen_t length = sizeof(storage);
	uint16_t port;

	stoq_tunnel_door_address(link->worker->tunnel, door, address);
	if (!stoq_address_is_wildcard(address) ||
		getsockname(link->watch.fd, (struct sockaddr *)&storage, &length))
		return;
	port = stoq_address_port(address);
	stoq_address_from(address, (struct sockaddr *)&storage, length);
	stoq_address_unmap(address);
	stoq_address_set_port(address, port);
}

static bool find_door(const struct stoq_tunnel_link *link, const char *name, bool first,
	struct stoq_address *address)
{
	const struct stoq_tunnel_config *config = &link->worker->tunnel->config;

	for (unsigned int i = 0; i < config->door_count; i++) {
		const char *target = config->doors[i].target;

		if (strcmp(target, name) != 0 && !(first && !target[0]))
			continue;
		door_address(link, i, address);
		return true;
	}
	return false;
}

static bool map(
	void *context, const char *traddr, const char *trsvcid, struct stoq_discovery_address *out)
{
	const struct stoq_tunnel_link *link = context;
	char text[NVME_DISCOVERY_TRADDR + NVME_DISCOVERY_TRSVCID + 4], host[STOQ_ADDRESS_TEXT];
	char name[STOQ_LANE_TARGET_MAX + 1];
	struct stoq_address address;
	bool first = false;

	snprintf(text, sizeof(text), strchr(traddr, ':') ? "[%s]:%s" : "%s:%s", traddr, trsvcid);
	if (stoq_address_parse(&address, text, 0, NULL) ||
		!find_target(link->targets, &address, name, &first) ||
		!find_door(link, name, first, &address))
		return false;
	memset(out, 0, sizeof(*out));
	snprintf(out->traddr, sizeof(out->traddr), "%s", stoq_address_host(host, &address));
	snprintf(out->trsvcid, sizeof(out->trsvcid), "%u", stoq_address_port(&address));
	out->ipv6 = address.sa.sa_family == AF_INET6;
	return true;
}

void stoq_link_rewrite(struct stoq_tunnel_link *link, uint64_t at, uint8_t *data, size_t size)
{
	if (link->targets)
		stoq_discovery_rewrite(at, data, size, map, link);
}
