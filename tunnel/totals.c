// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/totals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stoq_tunnel_totals *stoq_tunnel_totals_of(
	struct stoq_tunnel_totals **list, const char *peer, unsigned int max)
{
	char name[STOQ_TUNNEL_PEER_NAME];
	struct stoq_tunnel_totals **place = list;
	unsigned int count = 0;

	snprintf(name, sizeof(name), "%s", peer);
	for (; *place; place = &(*place)->next, count++)
		if (strcmp((*place)->peer, name) == 0)
			return *place;
	if (count >= max && strcmp(name, "others") != 0)
		return stoq_tunnel_totals_of(list, "others", max);
	*place = calloc(1, sizeof(**place));
	if (*place)
		memcpy((*place)->peer, name, sizeof(name));
	return *place;
}

void stoq_tunnel_totals_free(struct stoq_tunnel_totals **list)
{
	while (*list) {
		struct stoq_tunnel_totals *totals = *list;

		*list = totals->next;
		free(totals);
	}
}

void stoq_tunnel_totals_add_queue(
	struct stoq_tunnel_totals *totals, const struct stoq_mux_figures *figures)
{
	struct stoq_mux_figures *sum = &totals->figures;

	totals->queues++;
	sum->commands += figures->commands;
	sum->completions += figures->completions;
	sum->errors += figures->errors;
	sum->refused += figures->refused;
	sum->from_host_bytes += figures->from_host_bytes;
	sum->to_host_bytes += figures->to_host_bytes;
	stoq_histogram_add(&sum->latency, &figures->latency);
}

void stoq_tunnel_totals_add(
	struct stoq_tunnel_totals *totals, const struct stoq_tunnel_totals *other)
{
	stoq_tunnel_totals_add_queue(totals, &other->figures);
	totals->queues += other->queues - 1;
	totals->queues_open += other->queues_open;
	totals->identity_refusals += other->identity_refusals;
	totals->policy_refusals += other->policy_refusals;
}
