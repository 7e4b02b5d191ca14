/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Interfaces that take packets out of other packets: VXLAN, GRE, WireGuard and the like. A guard on the interface below sees the
 * outer packets only.
 */
#include <net/if.h>
#include <stddef.h>

#define STOQ_GUARD_OVERLAY_KIND 16

struct stoq_guard_overlay {
	char name[IF_NAMESIZE];
	char kind[STOQ_GUARD_OVERLAY_KIND]; /* the kernel's word, as `ip -d link` has it */
};

/*
 * The overlays of this network namespace that are up and not among `interfaces`. Writes the first `max` of them to `found`. How many
 * there are, or a negative errno.
 */
int stoq_guard_overlays(const char *const *interfaces, size_t interface_count,
	struct stoq_guard_overlay *found, size_t max);
