// SPDX-License-Identifier: BSD-2-Clause
#include "watch/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/identity.h"

/* Retired identities are kept apart up to this many; then they are told apart by opcode only. */
#define RETIRED_MAX 2048

/*
 * The kernel's maximum is of all time; for less, the highest bucket bounds it. 0: there is none.
 * buckets: how many, of 2^shift each.
 */
static uint64_t highest_ns(const uint64_t *now, const uint64_t *before, unsigned int buckets,
	unsigned int shift, uint64_t max_ns)
{
	uint64_t upper;

	while (buckets && now[buckets - 1] == before[buckets - 1])
		buckets--;
	if (!buckets)
		return 0;
	upper = stoq_histogram_upper_ns((buckets << shift) - 1) - 1;
	return upper < max_ns ? upper : max_ns;
}

/* Adds now - before. */
static void add_series(struct stoq_statistics *statistics, const struct stoq_series *now,
	const struct stoq_series *before)
{
	struct stoq_histogram *latency = &statistics->latency;
	uint64_t high;

	statistics->commands += now->commands - before->commands;
	statistics->errors += now->errors - before->errors;
	statistics->bytes += now->bytes - before->bytes;
	latency->sum_ns += now->latency_sum_ns - before->latency_sum_ns;
	/* No branch: there may be thousands of series. */
	for (size_t i = 0; i < STOQ_LATENCY_BUCKETS; i++) {
		uint64_t delta = now->buckets[i] - before->buckets[i];

		latency->buckets[i] += delta;
		latency->count += delta;
	}
	high = highest_ns((const uint64_t *)now->buckets, (const uint64_t *)before->buckets,
		STOQ_LATENCY_BUCKETS, 0, now->latency_max_ns);
	if (high > latency->max_ns)
		latency->max_ns = high;
}

/* Adds now - before. */
static void add_stage(struct stoq_stage_series *sum, const struct stoq_stage_series *now,
	const struct stoq_stage_series *before)
{
	uint64_t high;

	if (now->commands == before->commands)
		return;
	sum->commands += now->commands - before->commands;
	sum->sum_ns += now->sum_ns - before->sum_ns;
	for (size_t i = 0; i < STOQ_STAGE_BUCKETS; i++)
		sum->buckets[i] += now->buckets[i] - before->buckets[i];
	high = highest_ns((const uint64_t *)now->buckets, (const uint64_t *)before->buckets,
		STOQ_STAGE_BUCKETS, STOQ_STAGE_BUCKET_SHIFT, now->max_ns);
	if (high > sum->max_ns)
		sum->max_ns = high;
}

void stoq_ledger_add_total(
	struct stoq_statistics *statistics, const struct stoq_ledger_series *series)
{
	static const struct stoq_stage_series zero;

	add_series(statistics, &series->last, &series->base);
	for (size_t i = 0; series->stages && i < STOQ_STAGES; i++)
		add_stage(&statistics->stages[i], &series->stages->last[i], &zero);
}

void stoq_ledger_add_interval(
	struct stoq_statistics *statistics, const struct stoq_ledger_series *series)
{
	add_series(statistics, &series->last, &series->before);
	for (size_t i = 0; series->stages && i < STOQ_STAGES; i++)
		add_stage(&statistics->stages[i], &series->stages->last[i],
			&series->stages->before[i]);
}

int stoq_ledger_series_take(
	struct stoq_ledger_series *series, const struct stoq_series *reading, bool staged)
{
	struct stoq_ledger_stages *stages;

	series->before = series->last;
	series->last = *reading;
	if (!staged)
		return 0;
	if (!series->stages)
		series->stages = calloc(1, sizeof(*series->stages));
	stages = series->stages;
	if (!stages)
		return -ENOMEM;
	memcpy(stages->before, stages->last, sizeof(stages->before));
	memcpy(stages->last, ((const struct stoq_series_staged *)(const void *)reading)->stages,
		sizeof(stages->last));
	return 0;
}

static void free_series(struct stoq_ledger_series *series)
{
	free(series->stages);
	free(series->counted);
	free(series);
}

/* clang's analyzer does not see that HASH_DEL takes an entry out of uthash's list. */
// NOLINTBEGIN(clang-analyzer-unix.Malloc)
void stoq_ledger_free(struct stoq_ledger *ledger)
{
	struct stoq_ledger_flow *flow, *next_flow;
	struct stoq_ledger_series *series, *next_series;
	struct stoq_ledger_status *status, *next_status;
	struct stoq_ledger_host *host, *next_host;

	HASH_ITER(hh, ledger->series, series, next_series)
	{
		HASH_DEL(ledger->series, series);
		free_series(series);
	}
	HASH_ITER(hh, ledger->flows, flow, next_flow)
	{
		HASH_DEL(ledger->flows, flow);
		free(flow);
	}
	HASH_ITER(hh, ledger->statuses, status, next_status)
	{
		HASH_DEL(ledger->statuses, status);
		free(status);
	}
	HASH_ITER(hh, ledger->hosts, host, next_host)
	{
		HASH_DEL(ledger->hosts, host);
		free(host);
	}
	free(ledger->retired);
	*ledger = (struct stoq_ledger){0};
}
// NOLINTEND(clang-analyzer-unix.Malloc)

struct stoq_ledger_flow *stoq_ledger_flow_find(struct stoq_ledger *ledger, uint32_t uid)
{
	struct stoq_ledger_flow *flow;

	HASH_FIND(hh, ledger->flows, &uid, sizeof(uid), flow);
	return flow;
}

struct stoq_ledger_flow *stoq_ledger_flow_get(struct stoq_ledger *ledger, uint32_t uid)
{
	struct stoq_ledger_flow *flow = stoq_ledger_flow_find(ledger, uid);

	if (flow)
		return flow;
	flow = calloc(1, sizeof(*flow));
	if (!flow)
		return NULL;
	flow->uid = uid;
	stoq_identity_clear(&flow->identity);
	HASH_ADD(hh, ledger->flows, uid, sizeof(flow->uid), flow);
	return flow;
}

struct stoq_ledger_series *stoq_ledger_series_get(
	struct stoq_ledger *ledger, const struct stoq_series_key *key)
{
	struct stoq_ledger_series *series;

	HASH_FIND(hh, ledger->series, key, sizeof(*key), series);
	if (series)
		return series;
	series = calloc(1, sizeof(*series));
	if (!series)
		return NULL;
	series->key = *key;
	/* Looked up without making one: a series may outlive its flow, not the other way round. */
	if (key->uid < STOQ_SERIES_OVERFLOW)
		series->flow = stoq_ledger_flow_find(ledger, key->uid);
	if (series->flow)
		series->flow->series++;
	HASH_ADD(hh, ledger->series, key, sizeof(series->key), series);
	return series;
}

struct stoq_ledger_status *stoq_ledger_status_get(
	struct stoq_ledger *ledger, const struct stoq_status_key *key)
{
	struct stoq_ledger_status *status;

	HASH_FIND(hh, ledger->statuses, key, sizeof(*key), status);
	if (status)
		return status;
	status = calloc(1, sizeof(*status));
	if (!status)
		return NULL;
	status->key = *key;
	HASH_ADD(hh, ledger->statuses, key, sizeof(status->key), status);
	return status;
}

void stoq_ledger_identify(
	const struct stoq_ledger_series *series, bool sized, struct stoq_identity *identity)
{
	if (series->flow)
		*identity = series->flow->identity;
	else
		stoq_identity_clear(identity);
	stoq_identity_add_command(identity, series->key.nsid, series->key.kind, series->key.opcode,
		series->key.fctype);
	if (sized && series->key.opcode != NVME_OPCODE_FABRICS)
		identity->size = series->key.fctype;
}

static struct stoq_ledger_retired *retired_get(
	struct stoq_ledger *ledger, struct stoq_identity *identity)
{
	struct stoq_ledger_retired *grown;

	if (ledger->retired_count >= RETIRED_MAX)
		stoq_identity_reduce(identity, STOQ_BY_OPCODE);
	for (size_t i = 0; i < ledger->retired_count; i++)
		if (stoq_identity_equal(&ledger->retired[i].identity, identity))
			return &ledger->retired[i];
	grown = realloc(ledger->retired, (ledger->retired_count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	ledger->retired = grown;
	grown = &ledger->retired[ledger->retired_count++];
	memset(grown, 0, sizeof(*grown));
	grown->identity = *identity;
	return grown;
}

/* Which port a connection came from does not matter after it is gone. */
static void forget_connection(struct stoq_identity *identity)
{
	identity->cntlid = -1;
	stoq_identity_strip_port(identity->host_address, sizeof(identity->host_address));
}

static int keep_total(
	struct stoq_ledger *ledger, const struct stoq_ledger_series *series, bool sized)
{
	struct stoq_ledger_retired *retired;
	struct stoq_identity identity;

	stoq_ledger_identify(series, sized, &identity);
	forget_connection(&identity);
	retired = retired_get(ledger, &identity);
	if (!retired)
		return -ENOMEM;
	stoq_ledger_add_total(&retired->total, series);
	return 0;
}

int stoq_ledger_retire(
	struct stoq_ledger *ledger, struct stoq_ledger_series *series, bool wanted, bool sized)
{
	if (wanted && keep_total(ledger, series, sized))
		return -ENOMEM;
	if (series->flow)
		series->flow->series--;
	HASH_DEL(ledger->series, series);
	free_series(series);
	return 0;
}

void stoq_ledger_status_forget(struct stoq_ledger *ledger, struct stoq_ledger_status *status)
{
	HASH_DEL(ledger->statuses, status);
	free(status);
}

// NOLINTBEGIN(clang-analyzer-unix.Malloc)
void stoq_ledger_prune_flows(struct stoq_ledger *ledger)
{
	struct stoq_ledger_flow *flow, *next;

	HASH_ITER(hh, ledger->flows, flow, next)
	{
		if (flow->present || flow->open || flow->series)
			continue;
		HASH_DEL(ledger->flows, flow);
		free(flow);
	}
}
// NOLINTEND(clang-analyzer-unix.Malloc)
