/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What queues and connections counted that are over, by the name of the other end: so that a counter never falls. The first
 * names have totals of their own, all later ones share those of "others". Pure.
 */
#include <stdint.h>

#include "tunnel/mux.h"

#define STOQ_TUNNEL_PEERS_MAX 256
#define STOQ_TUNNEL_PEER_NAME 256 /* a longer name is cut, for counting only */

struct stoq_tunnel_totals {
	char peer[STOQ_TUNNEL_PEER_NAME];
	uint64_t queues_open, queues; /* those of now; all */
	uint64_t identity_refusals, policy_refusals;
	struct stoq_mux_figures figures;
	struct stoq_tunnel_totals *next;
};

/* The list's totals of this name, which stay where they are; with `max` others, those of "others". NULL: no memory. */
struct stoq_tunnel_totals *stoq_tunnel_totals_of(
	struct stoq_tunnel_totals **list, const char *peer, unsigned int max);
void stoq_tunnel_totals_free(struct stoq_tunnel_totals **list);

/* Adds what a queue counted, and one total to another; totals may be NULL. */
void stoq_tunnel_totals_add_queue(
	struct stoq_tunnel_totals *totals, const struct stoq_mux_figures *figures);
void stoq_tunnel_totals_add(
	struct stoq_tunnel_totals *totals, const struct stoq_tunnel_totals *other);
