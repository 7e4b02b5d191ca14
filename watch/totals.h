/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What a scraper is shown of commands: totals by host, subsystem, namespace and opcode (STOQ_BY_COMMAND), which only grow. What
 * a connection has counted since the last reading is added to the label set that the connection has then: so no counter
 * falls when a name becomes known, when a connection is gone, or when it comes back.
 *
 * The number of label sets is bounded. The first STOQ_TOTALS_MAX that are seen have totals of their own for good; commands of
 * all others are counted in one set whose labels are "others". A set takes about 2 KiB.
 */
#include <stddef.h>
#include <stdint.h>

#include "flow/model.h"
#include "metrics/latency.h"

struct stoq_place;
struct stoq_series;

#define STOQ_TOTALS_MAX 10000

/* All in all, or in what one connection has counted. */
struct stoq_total {
	uint64_t commands, errors, bytes, latency_sum_ns;
	struct stoq_latency_counts latency;
	uint64_t stage_ns[STOQ_STAGES];
};

/* stages: STOQ_STAGES of them; NULL: they are not counted. */
void stoq_total_of(struct stoq_total *total, const struct stoq_series *series,
	const struct stoq_stage_series *stages);

struct stoq_total_set {
	const char *labels; /* what stands between the braces */
	struct stoq_total total;
	uint64_t outstanding; /* at the last reading */
};

struct stoq_totals;

/* most: 0: STOQ_TOTALS_MAX. NULL: no memory. */
struct stoq_totals *stoq_totals_new(uint32_t most);
void stoq_totals_free(struct stoq_totals *totals); /* NULL is fine */

/* A new reading begins: no command is outstanding. */
void stoq_totals_begin(struct stoq_totals *totals);
/*
 * Adds what a connection has counted beyond *counted, which becomes *now. identity: the series', which is reduced. 0 or
 * -ENOMEM: nothing was added.
 */
int stoq_totals_add(struct stoq_totals *totals, const struct stoq_identity *identity,
	const struct stoq_total *now, struct stoq_total *counted);
/* A command of this identity is outstanding. 0 or -ENOMEM. */
int stoq_totals_begun(struct stoq_totals *totals, const struct stoq_identity *identity);

/* In the order in which they were seen, and behind them the others, if there are any. */
size_t stoq_totals_count(const struct stoq_totals *totals);
const struct stoq_total_set *stoq_totals_get(const struct stoq_totals *totals, size_t i);
/* Series of connections that were counted as others. */
uint64_t stoq_totals_folded(const struct stoq_totals *totals);
/* The namespaces of all sets. */
struct stoq_place *stoq_totals_places(const struct stoq_totals *totals);
