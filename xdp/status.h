/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a running XDP filter has counted, and what it is set to. */
#include <stdint.h>

#include "xdp/maps.h"

struct stoq_xdp_status {
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	struct stoq_xdp_config config;
	struct stoq_xdp_stats sum;
	struct stoq_xdp_stats *cpus; /* of each possible CPU */
	unsigned int cpu_count;
	uint64_t connections[STOQ_XDP_STATES]; /* without those that are too old to count */
	uint64_t opening;		       /* 4-tuples that count as handshaking */
};

/* Reads it all; batches where the kernel has them. 0 or a negative errno. */
int stoq_xdp_status_read(
	struct stoq_xdp_status *status, const struct stoq_xdp_maps *maps, struct stoq_error *error);
void stoq_xdp_status_free(struct stoq_xdp_status *status);

/* The counters alone: what a metrics reader wants often. 0 or a negative errno. */
int stoq_xdp_stats_sum(const struct stoq_xdp_maps *maps, struct stoq_xdp_stats *sum);
