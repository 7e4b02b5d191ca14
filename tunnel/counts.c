// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/counts.h"
#include "tunnel/link.h"

#include <stdio.h>
#include <string.h>

#include "tunnel/nqn_text.h"
#include "tunnel/totals.h"

static const char *counted_peer(const struct stoq_carrier *carrier)
{
	const struct stoq_tunnel_config *config = &carrier->worker->tunnel->config;

	return config->end == STOQ_TUNNEL_HOST_END ? config->remote_name
						   : stoq_carrier_name(carrier);
}

struct stoq_tunnel_totals *stoq_carrier_totals(const struct stoq_carrier *carrier)
{
	return stoq_tunnel_totals_of(
		&carrier->worker->totals, counted_peer(carrier), STOQ_TUNNEL_PEERS_MAX);
}

/* ---- queues ---- */

void stoq_count_queue(struct stoq_tunnel_link *link)
{
	char host[NVME_NQN_LENGTH], subsystem[NVME_NQN_LENGTH], queue[8];
	const char *const labels[STOQ_ROW_LABELS] = {counted_peer(link->carrier),
		stoq_nqn_text(host, link->host_nqn), stoq_nqn_text(subsystem, link->subsystem_nqn),
		queue};

	snprintf(queue, sizeof(queue), "%u", link->mux.qid);
	link->row = stoq_row_of(&link->worker->queue_rows, labels);
}

void stoq_queue_values(const struct stoq_tunnel_link *link, uint64_t values[STOQ_ROW_VALUES])
{
	const struct stoq_mux_figures *figures = &link->mux.figures;
	bool here = link->mux.config.end == STOQ_TUNNEL_TARGET_END;

	values[STOQ_QUEUE_COMMANDS] = figures->commands;
	values[STOQ_QUEUE_COMPLETIONS] = figures->completions;
	values[STOQ_QUEUE_ERRORS] = figures->errors;
	values[STOQ_QUEUE_FROM_HOST_BYTES] = figures->from_host_bytes;
	values[STOQ_QUEUE_TO_HOST_BYTES] = figures->to_host_bytes;
	values[STOQ_QUEUE_LATENCY_NS] = figures->latency.sum_ns;
	values[STOQ_QUEUE_TARGET_COMMANDS] =
		here ? figures->latency.count : figures->at_target.commands;
	values[STOQ_QUEUE_TARGET_NS] =
		here ? figures->latency.sum_ns : figures->at_target.target_ns;
}

void stoq_count_ended(struct stoq_tunnel_link *link)
{
	uint64_t values[STOQ_ROW_VALUES];

	if (link->totals)
		stoq_tunnel_totals_add_queue(link->totals, &link->mux.figures);
	if (!link->row)
		return;
	stoq_queue_values(link, values);
	for (unsigned int i = 0; i < STOQ_ROW_VALUES; i++)
		link->row->values[i] += values[i];
}

/* ---- refusals ---- */

void stoq_count_identity_refusal(struct stoq_carrier *carrier)
{
	struct stoq_tunnel_totals *totals = stoq_carrier_totals(carrier);

	carrier->identity_refusals++;
	if (totals)
		totals->identity_refusals++;
}

/* A host that is refused a million times a second is looked up once. */
static struct stoq_row *row_of_refusal(
	struct stoq_tunnel_link *link, const struct stoq_policy_verdict *verdict)
{
	char host[NVME_NQN_LENGTH];
	const char *const labels[STOQ_ROW_LABELS] = {counted_peer(link->carrier),
		stoq_nqn_text(host, link->host_nqn), verdict->rule_number, verdict->rule_name};
	const struct stoq_row *last = link->refused;

	if (last && strcmp(last->labels[1], host) == 0 &&
		strcmp(last->labels[2], verdict->rule_number) == 0 &&
		strcmp(last->labels[3], verdict->rule_name) == 0)
		return link->refused;
	return stoq_row_of(&link->worker->refusal_rows, labels);
}

void stoq_count_policy_refusal(
	struct stoq_tunnel_link *link, const struct stoq_policy_verdict *verdict)
{
	struct stoq_tunnel_totals *totals = stoq_carrier_totals(link->carrier);

	link->carrier->policy_refusals++;
	if (totals)
		totals->policy_refusals++;
	link->refused = row_of_refusal(link, verdict);
	if (link->refused)
		link->refused->values[0]++;
}
