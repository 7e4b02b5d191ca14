/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What queues and refusals are counted under: by the other end's name (totals.h), and by host, subsystem, queue and rule (rows.h). */
#include "tunnel/rows.h"

struct stoq_carrier;
struct stoq_policy_verdict;
struct stoq_tunnel_link;
struct stoq_tunnel_totals;

/* What its queues are counted under. NULL: no memory. */
struct stoq_tunnel_totals *stoq_carrier_totals(const struct stoq_carrier *carrier);

/* A queue whose Connect has succeeded has a row of its own. */
void stoq_count_queue(struct stoq_tunnel_link *link);
/* The labels of such rows, and their values. */
enum stoq_queue_value {
	STOQ_QUEUE_COMMANDS,
	STOQ_QUEUE_COMPLETIONS,
	STOQ_QUEUE_ERRORS,
	STOQ_QUEUE_FROM_HOST_BYTES,
	STOQ_QUEUE_TO_HOST_BYTES,
	STOQ_QUEUE_LATENCY_NS,
	STOQ_QUEUE_TARGET_COMMANDS,
	STOQ_QUEUE_TARGET_NS,
};
void stoq_queue_values(const struct stoq_tunnel_link *link, uint64_t values[STOQ_ROW_VALUES]);
/* It is over: what it counted stays. */
void stoq_count_ended(struct stoq_tunnel_link *link);

/* A Connect, and a command, that was refused. */
void stoq_count_identity_refusal(struct stoq_carrier *carrier);
void stoq_count_policy_refusal(
	struct stoq_tunnel_link *link, const struct stoq_policy_verdict *verdict);
