/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The maps of the filter that is on an interface. */
#include "xdp/maps.h"

/*
 * Those of the filter on an interface, at XDP or at tc ingress. -ENOENT: there is none of ours, and error says what is
 * there instead. Needs CAP_SYS_ADMIN, as the kernel demands it for looking up by number.
 */
int stoq_xdp_maps_find(struct stoq_xdp_maps *maps, const char *interface, struct stoq_error *error);

/* The same, but where there are two, by two transports that began at once, the one that stays: at XDP, or the first at tc. */
int stoq_xdp_maps_find_rival(
	struct stoq_xdp_maps *maps, const char *interface, struct stoq_error *error);
