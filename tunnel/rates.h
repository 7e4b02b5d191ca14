/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The limits of a policy (stoq-guard-policy(5), LIMITS) in the tunnel: when may a command go to the target? One account for each
 * limit and host NQN, for all queues, connections and workers of the tunnel. Target end. The arithmetic is that of the
 * kernel's program of limits (bpf/limit/account.h). Reads no clock. Without eBPF in this build there are no policies, and so
 * no limits: policy_none.c.
 */
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/limit/limit_shared.h"
#include "metrics/openmetrics.h"
#include "tunnel/policy.h"

struct stoq_rates;
struct stoq_rates_account;

/* No command waits longer for limits, from when it came. */
#define STOQ_RATES_WAIT_MAX_NS STOQ_LIMIT_DELAY_MAX_NS

/* The accounts of a queue; zero it, and stoq_rates_leave() at its end. In one thread. */
struct stoq_rates_queue {
	uint64_t serial; /* of the policy whose limits these are; 0: not looked up */
	uint64_t limits; /* bit N: limit N holds for the queue, by its names */
	struct stoq_rates_account *accounts[STOQ_LIMITS_MAX]; /* NULL: not needed yet */
};

/* accounts_max: hosts beyond it share an account of each limit. NULL: no memory. */
struct stoq_rates *stoq_rates_new(size_t accounts_max);
/* No queue has accounts any more. NULL is fine. */
void stoq_rates_free(struct stoq_rates *rates);

/* Whether the policy has limits. */
bool stoq_rates_wanted(const struct stoq_tunnel_policy *policy);

/*
 * Charges a command of an I/O queue to the limits that hold for it, once. When it may go to the target, of CLOCK_MONOTONIC;
 * 0: now. arrived_ns: since when it is here. In any thread.
 */
uint64_t stoq_rates_charge(struct stoq_rates *rates, const struct stoq_tunnel_policy *policy,
	struct stoq_rates_queue *queue, const struct stoq_policy_subject *subject,
	const struct nvme_sqe *sqe, uint64_t arrived_ns, uint64_t now_ns);

/* The queue is over, or its names have changed. */
void stoq_rates_leave(struct stoq_rates *rates, struct stoq_rates_queue *queue);

/* Accounts of limits that the policy has not, and that no queue has, make room. policy NULL: of all limits. */
void stoq_rates_forget(struct stoq_rates *rates, const struct stoq_tunnel_policy *policy);

/* An array of the policy's limits and their accounts, as `stoq guard status --json` has it; empty without limits. */
struct json_object *stoq_rates_json(
	struct stoq_rates *rates, const struct stoq_tunnel_policy *policy);
/* Families stoq_tunnel_limit_...; nothing without limits. */
void stoq_rates_metrics(struct stoq_rates *rates, const struct stoq_tunnel_policy *policy,
	const struct stoq_openmetrics *text);
