/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Which interfaces the connections of this machine pass. */
#include <ifaddrs.h>
#include <net/if.h>

#include "flow/sockets.h"
#include "flow/vlans.h"

struct stoq_guard_places {
	struct ifaddrs *addresses;
	struct stoq_flow_vlans vlans;
};

/* 0 or a negative errno. */
int stoq_guard_places_list(struct stoq_guard_places *places, struct stoq_error *error);
void stoq_guard_places_free(struct stoq_guard_places *places);

/* An address of this machine. */
bool stoq_guard_places_has(const struct stoq_guard_places *places, const struct stoq_flow_end *end);

/*
 * Whether a connection passes an interface that wanted() accepts. With both ends here it passes lo;
 * else it leaves by the interface that has its address, and by those below that, tagged.
 */
bool stoq_guard_places_passes(const struct stoq_guard_places *places,
	const struct stoq_flow_socket *socket,
	bool (*wanted)(const void *context, const char *interface), const void *context);
