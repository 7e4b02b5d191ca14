/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The maps of one filter of ours: those of a program this process has loaded, or those of
 * whatever runs on an interface, found by the kernel's numbers. Nothing is pinned: they live as
 * long as somebody holds them.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/xdp/xdp_shared.h"
#include "xdp/mode.h"

struct bpf_object;

enum stoq_xdp_map {
	STOQ_XDP_MAP_CONFIG = 0,
	STOQ_XDP_MAP_ALLOW,
	STOQ_XDP_MAP_DENY,
	STOQ_XDP_MAP_SOURCE,
	STOQ_XDP_MAP_BUCKET,
	STOQ_XDP_MAP_OPENS,
	STOQ_XDP_MAP_CONNS,
	STOQ_XDP_MAP_STATS,
	STOQ_XDP_MAP_XSKS,
	STOQ_XDP_MAPS,
};

struct stoq_xdp_maps {
	int fd[STOQ_XDP_MAPS];
	/* Both in one map, shared with the program. */
	struct stoq_xdp_config *config;
	__u64 *ports;	     /* a bit for each */
	uint32_t program_id; /* 0: not asked for; so is the next */
	enum stoq_xdp_mode mode;
};

/* Those of a loaded object. 0 or a negative errno. */
int stoq_xdp_maps_take(
	struct stoq_xdp_maps *maps, const struct bpf_object *object, struct stoq_error *error);

/* "stoq_xdp_config". */
const char *stoq_xdp_map_name(enum stoq_xdp_map map);

/* For find.c: no map yet; the settings' memory, once their map is there: 0 or a negative errno. */
void stoq_xdp_maps_clear(struct stoq_xdp_maps *maps);
int stoq_xdp_maps_open_settings(struct stoq_xdp_maps *maps, struct stoq_error *error);

void stoq_xdp_maps_close(struct stoq_xdp_maps *maps);
