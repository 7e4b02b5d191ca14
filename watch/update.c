// SPDX-License-Identifier: BSD-2-Clause

/* From the kernel's maps to the model: one reading, one interval. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "ebpf/percpu.h"
#include "flow/identity.h"
#include "watch/watch_private.h"

/* Readings without a change after which the series of a closed connection is taken away. */
#define QUIET_READINGS 2

static uint32_t max_entries(int fd)
{
	struct bpf_map_info info = {0};
	uint32_t length = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &length) ? 0 : info.max_entries;
}

int stoq_update_init(struct stoq_watch *watch)
{
	uint32_t flows = max_entries(watch->tables.flows) + max_entries(watch->tables.unproven);
	uint32_t series = max_entries(watch->tables.series);
	uint32_t statuses = max_entries(watch->tables.statuses);
	int result = stoq_percpu_count(watch->tables.cpus, sizeof(*watch->cpus), &watch->cpu_count);

	if (result)
		return result;
	if (stoq_map_dump_init(
		    &watch->flows, sizeof(struct stoq_flow_key), sizeof(struct stoq_flow), flows) ||
		stoq_map_dump_init(&watch->series, sizeof(struct stoq_series_key),
			sizeof(struct stoq_series), series) ||
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
	free(watch->model.flows);
	free(watch->model.statuses);
}

/* Those that are proven last: none that becomes so meanwhile is missed. */
static int read_flows(struct stoq_watch *watch)
{
	int result = stoq_map_dump_read(&watch->flows, watch->tables.unproven);

	return result ? result : stoq_map_dump_add(&watch->flows, watch->tables.flows);
}

static int read_maps(struct stoq_watch *watch)
{
	const struct stoq_tables *tables = &watch->tables;
	uint32_t zero = 0;
	int result;

	watch->last_uid = __atomic_load_n(&watch->kernel[STOQ_GLOBAL_LAST_UID], __ATOMIC_ACQUIRE);
	result = bpf_map_lookup_elem(tables->cpus, &zero, watch->cpus);

	/* Flows last: the flow of every series that was read exists then. */
	if (!result)
		result = stoq_map_dump_read(&watch->series, tables->series);
	if (!result)
		result = stoq_map_dump_read(&watch->statuses, tables->statuses);
	if (!result)
		result = read_flows(watch);
	return result;
}

static void sum_cpus(struct stoq_watch *watch)
{
	struct stoq_model *model = &watch->model;

	memset(model->counters, 0, sizeof(model->counters));
	memset(model->pdu_types, 0, sizeof(model->pdu_types));
	for (size_t cpu = 0; cpu < watch->cpu_count; cpu++) {
		for (size_t i = 0; i < STOQ_COUNTERS; i++)
			model->counters[i] += watch->cpus[cpu].counters[i];
		for (size_t i = 0; i < NVME_TCP_PDU_TYPES; i++)
			model->pdu_types[i] += watch->cpus[cpu].pdu_types[i];
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

/* ---- flows ---- */

static bool read_connect(struct stoq_watch *watch, uint32_t uid, struct nvme_connect_data *data)
{
	return bpf_map_lookup_elem(watch->tables.connects, &uid, data) == 0;
}

static void identify_flow(struct stoq_watch *watch, struct stoq_ledger_flow *entry,
	const struct stoq_flow_key *key, const struct stoq_flow *flow)
{
	const struct stoq_flow_known *known;
	struct nvme_connect_data data;
	bool arrived = flow->connected && !flow->side[NVME_TCP_FROM_HOST].collect_left;

	if (entry->names_known && (entry->identity.cntlid >= 0 || !flow->connect_accepted))
		return;
	if (arrived && read_connect(watch, entry->uid, &data)) {
		stoq_identity_from_flow(&entry->identity, key, flow, &data);
		entry->names_known = true;
		return;
	}
	stoq_identity_from_flow(&entry->identity, key, flow, NULL);
	/* The same ends may be those of a later connection, whose Connect is still to come. */
	if (flow->connected || flow->from_start)
		return;
	known = stoq_flow_identities_find_key(&watch->known, key);
	if (known)
		stoq_identity_add_known(&entry->identity, known);
}

static void describe_flow(struct stoq_flow_line *line, const struct stoq_ledger_flow *entry,
	const struct stoq_flow *flow)
{
	*line = (struct stoq_flow_line){
		.uid = flow->uid,
		.state = stoq_flow_state_of(flow),
		.identity = entry->identity,
		.from_start = flow->from_start,
		.header_digest = flow->header_digest,
		.data_digest = flow->data_digest,
	};
	for (int i = 0; i < NVME_TCP_SIDES; i++) {
		const struct stoq_flow_side *side = &flow->side[i];

		line->pdus += side->pdus;
		line->resyncs += side->resyncs;
		line->gaps += side->gaps - side->holes_closed;
		line->bad_headers += side->bad_headers;
		line->unmatched += side->unmatched;
	}
}

/* Entry i of the last dump of flows, in the ledger. NULL: no memory. */
static struct stoq_ledger_flow *take_flow(
	struct stoq_watch *watch, size_t i, enum stoq_flow_state state)
{
	const struct stoq_flow *flow = stoq_map_dump_value(&watch->flows, i);
	struct stoq_ledger_flow *entry = stoq_ledger_flow_get(&watch->ledger, flow->uid);

	if (!entry)
		return NULL;
	identify_flow(watch, entry, stoq_map_dump_key(&watch->flows, i), flow);
	entry->open = state != STOQ_FLOW_CLOSED;
	entry->doubt_ns = flow->doubt_ns;
	return entry;
}

/*
 * Which flows were pushed out of the table by others while they were open: those that both sides
 * had sent data of, and that have neither ended nor are there. The counters are read before the
 * flows, so that none is taken for missing that only came meanwhile; one that ended meanwhile is,
 * until the next reading.
 */
static void count_gone_flows(struct stoq_watch *watch, uint64_t proven_open)
{
	struct stoq_model *model = &watch->model;
	uint64_t proven = model->counters[STOQ_COUNT_FLOWS_PROVEN] + watch->base_open;
	uint64_t closed = model->counters[STOQ_COUNT_FLOWS_CLOSED];
	uint64_t accounted = closed + proven_open;
	uint64_t missing = proven > accounted ? proven - accounted : 0;

	if (missing < watch->flows_missing)
		watch->flows_missing = missing;
	if (watch->flows_missing > watch->flows_displaced)
		watch->flows_displaced = watch->flows_missing;
	watch->flows_missing = missing;
	watch->proven_open = proven_open;
	model->counters[STOQ_COUNT_FLOWS_FULL] += watch->flows_displaced;
	model->flow_states[STOQ_FLOW_CLOSED] = closed + model->counters[STOQ_COUNT_FLOWS_TRIED];
}

/* As many lines as there may be flows. */
static int make_lines(struct stoq_watch *watch)
{
	struct stoq_flow_line *lines = watch->model.flows;

	if (watch->flows.count <= watch->line_capacity)
		return 0;
	lines = reallocarray(lines, watch->flows.capacity, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	watch->model.flows = lines;
	watch->line_capacity = watch->flows.capacity;
	return 0;
}

static int take_flows(struct stoq_watch *watch)
{
	struct stoq_model *model = &watch->model;
	struct stoq_ledger_flow *entry, *next;
	uint64_t proven_open = 0;

	if (make_lines(watch))
		return -ENOMEM;
	HASH_ITER(hh, watch->ledger.flows, entry, next)
	entry->open = false;
	model->flow_count = 0;
	memset(model->flow_states, 0, sizeof(model->flow_states));
	for (size_t i = 0; i < watch->flows.count; i++) {
		const struct stoq_flow *flow = stoq_map_dump_value(&watch->flows, i);
		enum stoq_flow_state state = stoq_flow_state_of(flow);

		if (!flow->uid)
			continue;
		entry = take_flow(watch, i, state);
		if (!entry)
			return -ENOMEM;
		if (!entry->open)
			continue;
		proven_open += flow->proven;
		model->flow_states[state]++;
		describe_flow(&model->flows[model->flow_count++], entry, flow);
	}
	count_gone_flows(watch, proven_open);
	return 0;
}

void stoq_update_identities(struct stoq_watch *watch)
{
	if (read_flows(watch))
		return;
	for (size_t i = 0; i < watch->flows.count; i++) {
		const struct stoq_flow *flow = stoq_map_dump_value(&watch->flows, i);

		if (flow->uid && !take_flow(watch, i, stoq_flow_state_of(flow)))
			return;
	}
}

/* A flow that was replaced in the table before it was ever read still has its Connect data. */
static void find_flow_late(struct stoq_watch *watch, struct stoq_ledger_series *series)
{
	struct stoq_ledger_flow *flow;
	struct nvme_connect_data data;

	if (series->flow || series->key.uid >= STOQ_SERIES_OVERFLOW)
		return;
	flow = stoq_ledger_flow_find(&watch->ledger, series->key.uid);
	if (!flow && read_connect(watch, series->key.uid, &data)) {
		static const struct stoq_flow_key no_key;
		struct stoq_flow gone = {
			.connected = 1, .cntlid = 0xffff, .kind = series->key.kind};

		flow = stoq_ledger_flow_get(&watch->ledger, series->key.uid);
		if (!flow)
			return;
		stoq_identity_from_flow(&flow->identity, &no_key, &gone, &data);
		flow->identity.qid = -1;
		flow->identity.host_address[0] = flow->identity.controller_address[0] = '\0';
		flow->names_known = true;
	}
	if (flow) {
		series->flow = flow;
		flow->series++;
	}
}

/* ---- groups ---- */

struct stoq_group *stoq_update_group(struct stoq_watch *watch, const struct stoq_identity *identity)
{
	struct stoq_identity reduced = *identity;

	stoq_identity_reduce(&reduced, watch->model.axis);
	return stoq_groups_get(&watch->groups, &reduced);
}

static bool is_gone(const struct stoq_ledger_series *series)
{
	return series->key.uid < STOQ_SERIES_OVERFLOW && !(series->flow && series->flow->open);
}

static int take_series(struct stoq_watch *watch)
{
	int fd = watch->tables.series;

	for (size_t i = 0; i < watch->series.count; i++) {
		const struct stoq_series_key *key = stoq_map_dump_key(&watch->series, i);
		struct stoq_ledger_series *series = stoq_ledger_series_get(&watch->ledger, key);

		if (!series)
			return -ENOMEM;
		find_flow_late(watch, series);
		series->before = series->last;
		series->last = *(const struct stoq_series *)stoq_map_dump_value(&watch->series, i);
		if (is_gone(series) && series->before.commands == series->last.commands)
			series->quiet++;
		else
			series->quiet = 0;
		/* Somebody else's tables are left as they are. */
		if (!watch->shared && series->quiet >= QUIET_READINGS &&
			stoq_ledger_retire(&watch->ledger, series) == 0)
			bpf_map_delete_elem(fd, key);
	}
	return 0;
}

static int group_series(struct stoq_watch *watch, const struct stoq_ledger_series *series)
{
	struct stoq_group *group;
	struct stoq_identity identity;

	if (series->last.commands == series->base.commands)
		return 0; /* reserved, or begun and not counted yet */
	stoq_ledger_identify(series, &identity);
	group = stoq_update_group(watch, &identity);
	if (!group)
		return -ENOMEM;
	stoq_statistics_add_series(&group->interval, &series->last, &series->before);
	stoq_statistics_add_series(&group->total, &series->last, &series->base);
	return 0;
}

static int group_retired(struct stoq_watch *watch)
{
	for (size_t i = 0; i < watch->ledger.retired_count; i++) {
		const struct stoq_ledger_retired *retired = &watch->ledger.retired[i];
		struct stoq_group *group = stoq_update_group(watch, &retired->identity);

		if (!group)
			return -ENOMEM;
		stoq_statistics_add(&group->total, &retired->total);
	}
	return 0;
}

/* ---- statuses ---- */

static struct stoq_status_line *status_line(
	struct stoq_watch *watch, const struct stoq_status_key *key)
{
	struct stoq_model *model = &watch->model;
	struct stoq_status_line *line;

	for (size_t i = 0; i < model->status_count; i++) {
		line = &model->statuses[i];
		if (line->status == key->status && line->opcode == key->opcode &&
			line->kind == key->kind)
			return line;
	}
	line = stoq_array_room(
		model->statuses, model->status_count, &watch->status_capacity, sizeof(*line));
	if (!line)
		return NULL;
	model->statuses = line;
	line = &model->statuses[model->status_count++];
	*line = (struct stoq_status_line){
		.status = key->status, .opcode = key->opcode, .kind = key->kind};
	return line;
}

static int compare_statuses(const void *one, const void *other)
{
	const struct stoq_status_line *a = one, *b = other;

	return (a->total < b->total) - (a->total > b->total);
}

static int take_statuses(struct stoq_watch *watch)
{
	int fd = watch->tables.statuses;

	for (size_t i = 0; i < watch->model.status_count; i++)
		watch->model.statuses[i].interval = 0;
	for (size_t i = 0; i < watch->statuses.count; i++) {
		const struct stoq_status_key *key = stoq_map_dump_key(&watch->statuses, i);
		uint64_t now = *(const uint64_t *)stoq_map_dump_value(&watch->statuses, i);
		struct stoq_ledger_status *status = stoq_ledger_status_get(&watch->ledger, key);
		struct stoq_status_line *line = status_line(watch, key);
		struct stoq_ledger_flow *flow = stoq_ledger_flow_find(&watch->ledger, key->uid);

		if (!status || !line)
			return -ENOMEM;
		line->interval += now - status->last;
		line->total += now - status->last;
		if (!watch->shared && now == status->last && !(flow && flow->open)) {
			bpf_map_delete_elem(fd, key);
			stoq_ledger_status_forget(&watch->ledger, status);
			continue;
		}
		status->last = now;
	}
	if (watch->model.status_count)
		qsort(watch->model.statuses, watch->model.status_count,
			sizeof(*watch->model.statuses), compare_statuses);
	return 0;
}

/* Every command is of one group. */
static void sum_groups(struct stoq_model *model)
{
	struct stoq_group *overall = &model->overall;

	for (size_t i = 0; i < model->group_count; i++) {
		stoq_statistics_add(&overall->interval, &model->groups[i].interval);
		stoq_statistics_add(&overall->total, &model->groups[i].total);
		overall->outstanding += model->groups[i].outstanding;
	}
}

int stoq_update_groups(struct stoq_watch *watch)
{
	struct stoq_model *model = &watch->model;
	struct stoq_ledger_series *series, *next;
	int result;

	memset(&model->overall, 0, sizeof(model->overall));
	stoq_identity_clear(&model->overall.identity);
	for (size_t i = 0; i < model->flow_count; i++)
		model->flows[i].outstanding = 0;
	stoq_groups_clear(&watch->groups);
	result = group_retired(watch);
	HASH_ITER(hh, watch->ledger.series, series, next)
	{
		if (!result)
			result = group_series(watch, series);
	}
	if (!result)
		result = stoq_outstanding_count(watch);
	stoq_groups_sort(&watch->groups);
	model->groups = watch->groups.items;
	model->group_count = watch->groups.count;
	sum_groups(model);
	return result;
}

int stoq_watch_update(
	struct stoq_watch *watch, const struct stoq_model **model_out, struct stoq_error *error)
{
	struct stoq_model *model = &watch->model;
	uint64_t now = stoq_clock_now_ns();
	int result = read_maps(watch);

	if (result)
		return stoq_error_set(
			error, result, "cannot read the program's maps: %s", strerror(-result));
	model->interval_ns = now - watch->last_ns;
	model->elapsed_ns = now - watch->start_ns;
	watch->last_ns = now;
	stoq_interfaces_look(watch);
	sum_cpus(watch);
	result = take_flows(watch);
	if (!result)
		result = take_series(watch);
	if (!result)
		result = take_statuses(watch);
	if (!result)
		result = stoq_update_groups(watch);
	if (result)
		return stoq_error_set(error, result, "no memory to build the model");
	stoq_ledger_prune_flows(&watch->ledger);
	*model_out = model;
	return 0;
}

int stoq_update_base(struct stoq_watch *watch, struct stoq_error *error)
{
	struct stoq_ledger_series *series, *next;
	const struct stoq_model *unused;
	int result = stoq_watch_update(watch, &unused, error);

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
	return 0;
}
