// SPDX-License-Identifier: BSD-2-Clause
#include "join/map.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

/* "192.0.2.1", "192.0.2.1:4420", "2001:db8::1", "[2001:db8::1]:4420". */
static int parse_end(struct stoq_flow_end *end, const char *text)
{
	char host[STOQ_ENDPOINT_TEXT];
	const char *port = strrchr(text, ':');
	uint64_t number;

	if (stoq_host_parse(end->address, text) == 0) {
		end->port = 0;
		return 0;
	}
	if (!port || (size_t)(port - text) >= sizeof(host))
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)(port - text), text);
	if (host[0] == '[' && port[-1] == ']') {
		memmove(host, host + 1, strlen(host));
		host[strlen(host) - 1] = '\0';
	}
	if (stoq_parse_number(port + 1, 1, UINT16_MAX, &number))
		return -EINVAL;
	end->port = (uint16_t)number;
	return stoq_host_parse(end->address, host);
}

int stoq_join_map_add(struct stoq_join_maps *maps, const char *text, struct stoq_error *error)
{
	struct stoq_join_map *map = &maps->items[maps->count];
	const char *equals = strchr(text, '=');
	char from[STOQ_ENDPOINT_TEXT];

	if (maps->count == STOQ_JOIN_MAPS_MAX)
		return stoq_error_set(
			error, -EINVAL, "--map: at most %d can be given", STOQ_JOIN_MAPS_MAX);
	if (equals && (size_t)(equals - text) < sizeof(from)) {
		snprintf(from, sizeof(from), "%.*s", (int)(equals - text), text);
		if (parse_end(&map->from, from) == 0 && parse_end(&map->to, equals + 1) == 0) {
			map->text = text;
			maps->count++;
			return 0;
		}
	}
	return stoq_error_set(error, -EINVAL,
		"--map: '%.100s' is not ADDRESS=ADDRESS, such as 10.0.0.1=192.0.2.7 or "
		"10.0.0.1:40000=192.0.2.7:51000",
		text);
}

void stoq_join_map_apply(struct stoq_join_maps *maps, struct stoq_flow_end *end)
{
	for (size_t i = 0; i < maps->count; i++) {
		struct stoq_join_map *map = &maps->items[i];

		if (!stoq_flow_end_same_address(&map->from, end) ||
			(map->from.port && map->from.port != end->port))
			continue;
		map->fits = true;
		memcpy(end->address, map->to.address, sizeof(end->address));
		if (map->to.port)
			end->port = map->to.port;
		return;
	}
}
