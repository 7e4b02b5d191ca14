/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a network between host and target makes of addresses (NAT), as the user describes it. */
#include <stdbool.h>

#include "base/error.h"
#include "flow/end.h"

#define STOQ_JOIN_MAPS_MAX 64

struct stoq_join_map {
	struct stoq_flow_end from, to; /* of the host's record, of the target's; port 0: any */
	const char *text;	       /* as it was given; the caller's */
	bool fits;		       /* an end of a connection was mapped by it */
};

struct stoq_join_maps {
	struct stoq_join_map items[STOQ_JOIN_MAPS_MAX];
	size_t count;
};

/* Adds "10.0.0.1=192.0.2.7", "10.0.0.1:40000=192.0.2.7:51000". 0 or -EINVAL. */
int stoq_join_map_add(struct stoq_join_maps *maps, const char *text, struct stoq_error *error);

/* An end as the host's record has it becomes one as the target's has it. The first that fits counts. */
void stoq_join_map_apply(struct stoq_join_maps *maps, struct stoq_flow_end *end);
