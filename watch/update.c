// SPDX-License-Identifier: BSD-2-Clause
#include "watch/update.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/stream/stream_shared.h"
#include "watch/flows.h"
#include "watch/grouping.h"
#include "watch/interfaces.h"
#include "watch/statuses.h"
#include "watch/tables.h"
#include "watch/wanted.h"

/* Readings without a change after which the series of a closed connection is taken away. */
#define QUIET_READINGS 2

int stoq_update_init(struct stoq_watch *watch)
{
	uint32_t flows = stoq_watch_table_entries(watch, STOQ_WATCH_FLOWS) +
			 stoq_watch_table_entries(watch, STOQ_WATCH_UNPROVEN);
	uint32_t series = stoq_watch_table_entries(watch, STOQ_WATCH_SERIES);
	uint32_t statuses = stoq_watch_table_entries(watch, STOQ_WATCH_STATUSES);
	int result = stoq_watch_table_cpus(watch, &watch->cpu_count);

	if (result)
		return result;
	if (stoq_map_dump_init(
		    &watch->flows, sizeof(struct stoq_flow_key), sizeof(struct stoq_flow), flows) ||
		stoq_map_dump_init(&watch->series, sizeof(struct stoq_series_key),
			watch->model.staged ? sizeof(struct stoq_series_staged)
					    : sizeof(struct stoq_series),
			series) ||
		stoq_map_dump_init(&watch->statuses, sizeof(struct stoq_status_key),
			sizeof(uint64_t), statuses))
		return -ENOMEM;
	watch->cpus = calloc(watch->cpu_count, sizeof(*watch->cpus));
	return watch->cpus ? 0 : -ENOMEM;
}

void stoq_update_free(struct stoq_watch *watch)
{
	stoq_map_dump_free(&watch->flows);
	stoq_map_dump_free(&watch->series);
	stoq_map_dump_free(&watch->statuses);
	stoq_ledger_free(&watch->ledger);
	stoq_groups_free(&watch->groups);
	free(watch->cpus);
	free(watch->happened);
	free(watch->model.flows);
	free(watch->model.statuses);
}

static int read_maps(struct stoq_watch *watch)
{
	uint32_t zero = 0;
	int result;

	watch->last_uid = __atomic_load_n(&watch->kernel[STOQ_GLOBAL_LAST_UID], __ATOMIC_ACQUIRE);
	result = stoq_watch_table_lookup(watch, STOQ_WATCH_CPUS, &zero, watch->cpus);
	watch->series.count = watch->statuses.count = 0;
	/* Flows last: the flow of every series that was read exists then. */
	if (!result)
		result = stoq_watch_table_dump_add(watch, STOQ_WATCH_SERIES, &watch->series);
	if (!result)
		result = stoq_watch_table_dump_add(watch, STOQ_WATCH_STATUSES, &watch->statuses);
	if (!result)
		result = stoq_flows_read(watch);
	return result;
}

static struct stoq_digest_figures digests_of(
	const struct stoq_digest_counts *counts, enum stoq_digest which)
{
	return (struct stoq_digest_figures){.checked = counts->checked[which],
		.unchecked = counts->due[which] - counts->checked[which]};
}

/* In the kernel none are computed. */
static void take_digests(struct stoq_watch *watch)
{
	const struct stoq_digest_counts *counts =
		watch->decoder ? stoq_program_digests(watch->decoder) : NULL;
	struct stoq_model *model = &watch->model;

	model->digested = counts != NULL;
	if (!counts)
		return;
	model->header_digests = digests_of(counts, STOQ_DIGEST_HEADER);
	model->data_digests = digests_of(counts, STOQ_DIGEST_DATA);
}

static void sum_cpus(struct stoq_watch *watch)
{
	struct stoq_model *model = &watch->model;

	memset(model->counters, 0, sizeof(model->counters));
	memset(model->pdu_types, 0, sizeof(model->pdu_types));
	memset(model->violations, 0, sizeof(model->violations));
	for (size_t cpu = 0; cpu < watch->cpu_count; cpu++) {
		for (size_t i = 0; i < STOQ_COUNTERS; i++)
			model->counters[i] += watch->cpus[cpu].counters[i];
		for (size_t i = 0; i < NVME_TCP_PDU_TYPES; i++)
			model->pdu_types[i] += watch->cpus[cpu].pdu_types[i];
		for (size_t i = 0; i < STOQ_VIOLATIONS; i++)
			model->violations[i] += watch->cpus[cpu].violations[i];
	}
	for (size_t i = 0; i < STOQ_COUNTERS; i++)
		model->counters[i] -= watch->base_counters[i];
	for (size_t i = 0; i < NVME_TCP_PDU_TYPES; i++)
		model->pdu_types[i] -= watch->base_pdu_types[i];
	model->pdus = 0;
	for (size_t i = 0; i < NVME_TCP_PDU_TYPES; i++)
		model->pdus += model->pdu_types[i];
	model->unsynced_bytes = model->counters[STOQ_COUNT_UNSYNCED_BYTES];
	model->unmatched = model->counters[STOQ_COUNT_UNMATCHED];
	model->untracked = model->counters[STOQ_COUNT_UNTRACKED];
	model->unended = model->counters[STOQ_COUNT_UNENDED];
	model->early_bytes = (uint64_t)watch->kernel[STOQ_GLOBAL_CELLS_USED] << STOQ_CELL_SHIFT;
}

static bool is_gone(const struct stoq_ledger_series *series)
{
	return series->key.uid < STOQ_SERIES_OVERFLOW && !(series->flow && series->flow->open);
}

/* The table of a file that is read need not have room for more before it is nearly full. */
static bool is_to_make_room(const struct stoq_watch *watch)
{
	return !watch->shared &&
	       (!watch->decoder || watch->series.count >= watch->series.capacity / 2);
}

/*
 * For a scraper: what the series has counted since the last reading, under the name that its connection has now. Whether it
 * began before the start is as for all figures.
 */
static int count_totals(struct stoq_watch *watch, struct stoq_ledger_series *series)
{
	struct stoq_identity identity;
	struct stoq_total now;

	if (!watch->totals || !stoq_wanted_series(watch, series))
		return 0;
	if (!series->counted) {
		series->counted = malloc(sizeof(*series->counted));
		if (!series->counted)
			return -ENOMEM;
		stoq_total_of(series->counted, &series->base, NULL);
	}
	stoq_total_of(&now, &series->last, series->stages ? series->stages->last : NULL);
	stoq_ledger_identify(series, watch->model.sized, &identity);
	return stoq_totals_add(watch->totals, &identity, &now, series->counted);
}

static int take_series(struct stoq_watch *watch)
{
	bool make_room = is_to_make_room(watch);

	for (size_t i = 0; i < watch->series.count; i++) {
		const struct stoq_series_key *key = stoq_map_dump_key(&watch->series, i);
		struct stoq_ledger_series *series = stoq_ledger_series_get(&watch->ledger, key);

		if (!series)
			return -ENOMEM;
		stoq_flows_find_late(watch, series);
		if (stoq_ledger_series_take(
			    series, stoq_map_dump_value(&watch->series, i), watch->model.staged))
			return -ENOMEM;
		if (count_totals(watch, series))
			return -ENOMEM;
		if (is_gone(series) && series->before.commands == series->last.commands)
			series->quiet++;
		else
			series->quiet = 0;
		/* Somebody else's tables are left as they are. */
		if (make_room && series->quiet >= QUIET_READINGS &&
			stoq_ledger_retire(&watch->ledger, series,
				stoq_wanted_series(watch, series), watch->model.sized) == 0)
			stoq_watch_table_remove(watch, STOQ_WATCH_SERIES, key);
	}
	return 0;
}

int stoq_update_read(struct stoq_watch *watch, struct stoq_error *error)
{
	struct stoq_model *model = &watch->model;
	uint64_t now = stoq_watch_now(watch);
	int result = read_maps(watch);

	if (result)
		return stoq_error_set(
			error, result, "cannot read the program's maps: %s", strerror(-result));
	model->interval_ns = now - watch->last_ns;
	model->elapsed_ns = now - watch->start_ns;
	watch->last_ns = now;
	watch->overlaps_told = 0;
	stoq_interfaces_look(watch);
	sum_cpus(watch);
	take_digests(watch);
	if (watch->totals)
		stoq_totals_begin(watch->totals);
	result = stoq_flows_take(watch);
	if (!result)
		result = take_series(watch);
	if (!result)
		result = stoq_statuses_take(watch);
	if (!result)
		result = stoq_grouping_update(watch);
	if (result)
		return stoq_error_set(error, result, "no memory to build the model");
	stoq_statuses_count_others(watch);
	stoq_ledger_prune_flows(&watch->ledger);
	return 0;
}

int stoq_update_base(struct stoq_watch *watch, struct stoq_error *error)
{
	struct stoq_ledger_series *series, *next;
	int result = stoq_update_read(watch, error);

	if (result)
		return result;
	memcpy(watch->base_counters, watch->model.counters, sizeof(watch->base_counters));
	watch->base_counters[STOQ_COUNT_FLOWS_FULL] -= watch->flows_displaced;
	watch->base_open = watch->proven_open;
	watch->flows_missing = watch->flows_displaced = 0;
	memcpy(watch->base_pdu_types, watch->model.pdu_types, sizeof(watch->base_pdu_types));
	HASH_ITER(hh, watch->ledger.series, series, next)
	series->base = series->last;
	watch->model.status_count = 0;
	watch->model.other_statuses = 0;
	memset(watch->model.happenings, 0, sizeof(watch->model.happenings));
	return 0;
}
