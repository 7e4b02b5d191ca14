/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Target end: which target a queue is for, and its TCP connection. */
#include "tunnel/lane_header.h"

struct stoq_carrier;
struct stoq_tunnel_link;

/*
 * Makes the link of a queue whose lane 0 came, and begins to connect to its target. NULL: code says
 * what to reset the lane with; it has been logged.
 */
struct stoq_tunnel_link *stoq_targets_connect(struct stoq_carrier *carrier,
	const struct stoq_lane_header *header, enum stoq_lane_code *code);
