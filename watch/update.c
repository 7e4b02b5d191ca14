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

int stoq_update_init(struct stoq_inspect *inspect)
{
	uint32_t flows = max_entries(inspect->tables.flows) + max_entries(inspect->tables.unproven);
	uint32_t series = max_entries(inspect->tables.series);
	uint32_t statuses = max_entries(inspect->tables.statuses);
	int result = stoq_percpu_count(
		inspect->tables.cpus, sizeof(*inspect->cpus), &inspect->cpu_count);

	if (result)
		return result;
	if (stoq_map_dump_init(&inspect->flows, sizeof(struct stoq_flow_key),
		    sizeof(struct stoq_flow), flows) ||
		stoq_map_dump_init(&inspect->series, sizeof(struct stoq_series_key),
			sizeof(struct stoq_series), series) ||
		stoq_map_dump_init(&inspect->statuses, sizeof(struct stoq_status_key),
			sizeof(uint64_t), statuses))
		return -ENOMEM;
	inspect->cpus = calloc(inspect->cpu_count, sizeof(*inspect->cpus));
	return inspect->cpus ? 0 : -ENOMEM;
}

void stoq_update_free(struct stoq_inspect *inspect)
{
	stoq_map_dump_free(&inspect->flows);
	stoq_map_dump_free(&inspect->series);
	stoq_map_dump_free(&inspect->statuses);
	stoq_ledger_free(&inspect->ledger);
	stoq_groups_free(&inspect->groups);
	free(inspect->cpus);
	free(inspect->model.flows);
	free(inspect->model.statuses);
}

/* Those that are proven last: none that becomes so meanwhile is missed. */
static int read_flows(struct stoq_inspect *inspect)
{
	int result = stoq_map_dump_read(&inspect->flows, inspect->tables.unproven);

	return result ? result : stoq_map_dump_add(&inspect->flows, inspect->tables.flows);
}

static int read_maps(struct stoq_inspect *inspect)
{
	const struct stoq_inspect_tables *tables = &inspect->tables;
	uint32_t zero = 0;
	int result;

	inspect->last_uid =
		__atomic_load_n(&inspect->kernel[STOQ_GLOBAL_LAST_UID], __ATOMIC_ACQUIRE);
	result = bpf_map_lookup_elem(tables->cpus, &zero, inspect->cpus);

	/* Flows last: the flow of every series that was read exists then. */
	if (!result)
		result = stoq_map_dump_read(&inspect->series, tables->series);
	if (!result)
		result = stoq_map_dump_read(&inspect->statuses, tables->statuses);
	if (!result)
		result = read_flows(inspect);
	return result;
}

static void sum_cpus(struct stoq_inspect *inspect)
{
	struct stoq_model *model = &inspect->model;

	memset(model->counters, 0, sizeof(model->counters));
	memset(model->pdu_types, 0, sizeof(model->pdu_types));
	for (size_t cpu = 0; cpu < inspect->cpu_count; cpu++) {
		for (size_t i = 0; i < STOQ_COUNTERS; i++)
			model->counters[i] += inspect->cpus[cpu].counters[i];
		for (size_t i = 0; i < NVME_TCP_PDU_TYPES; i++)
			model->pdu_types[i] += inspect->cpus[cpu].pdu_types[i];
	}
	for (size_t i = 0; i < STOQ_COUNTERS; i++)
		model->counters[i] -= inspect->base_counters[i];
	for (size_t i = 0; i < NVME_TCP_PDU_TYPES; i++)
		model->pdu_types[i] -= inspect->base_pdu_types[i];
	model->pdus = 0;
	for (size_t i = 0; i < NVME_TCP_PDU_TYPES; i++)
		model->pdus += model->pdu_types[i];
	model->unsynced_bytes = model->counters[STOQ_COUNT_UNSYNCED_BYTES];
	model->unmatched = model->counters[STOQ_COUNT_UNMATCHED];
	model->untracked = model->counters[STOQ_COUNT_UNTRACKED];
	model->unended = model->counters[STOQ_COUNT_UNENDED];
	model->early_bytes = (uint64_t)inspect->kernel[STOQ_GLOBAL_CELLS_USED] << STOQ_CELL_SHIFT;
}

/* ---- flows ---- */

static bool read_connect(struct stoq_inspect *inspect, uint32_t uid, struct nvme_connect_data *data)
{
	return bpf_map_lookup_elem(inspect->tables.connects, &uid, data) == 0;
}

static void identify_flow(struct stoq_inspect *inspect, struct stoq_ledger_flow *entry,
	const struct stoq_flow_key *key, const struct stoq_flow *flow)
{
	const struct stoq_flow_known *known;
	struct nvme_connect_data data;
	bool arrived = flow->connected && !flow->side[NVME_TCP_FROM_HOST].collect_left;

	if (entry->names_known && (entry->identity.cntlid >= 0 || !flow->connect_accepted))
		return;
	if (arrived && read_connect(inspect, entry->uid, &data)) {
		stoq_identity_from_flow(&entry->identity, key, flow, &data);
		entry->names_known = true;
		return;
	}
	stoq_identity_from_flow(&entry->identity, key, flow, NULL);
	/* The same ends may be those of a later connection, whose Connect is still to come. */
	if (flow->connected || flow->from_start)
		return;
	known = stoq_flow_identities_find_key(&inspect->known, key);
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
	struct stoq_inspect *inspect, size_t i, enum stoq_flow_state state)
{
	const struct stoq_flow *flow = stoq_map_dump_value(&inspect->flows, i);
	struct stoq_ledger_flow *entry = stoq_ledger_flow_get(&inspect->ledger, flow->uid);

	if (!entry)
		return NULL;
	identify_flow(inspect, entry, stoq_map_dump_key(&inspect->flows, i), flow);
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
static void count_gone_flows(struct stoq_inspect *inspect, uint64_t proven_open)
{
	struct stoq_model *model = &inspect->model;
	uint64_t proven = model->counters[STOQ_COUNT_FLOWS_PROVEN] + inspect->base_open;
	uint64_t closed = model->counters[STOQ_COUNT_FLOWS_CLOSED];
	uint64_t accounted = closed + proven_open;
	uint64_t missing = proven > accounted ? proven - accounted : 0;

	if (missing < inspect->flows_missing)
		inspect->flows_missing = missing;
	if (inspect->flows_missing > inspect->flows_displaced)
		inspect->flows_displaced = inspect->flows_missing;
	inspect->flows_missing = missing;
	inspect->proven_open = proven_open;
	model->counters[STOQ_COUNT_FLOWS_FULL] += inspect->flows_displaced;
	model->flow_states[STOQ_FLOW_CLOSED] = closed + model->counters[STOQ_COUNT_FLOWS_TRIED];
}

/* As many lines as there may be flows. */
static int make_lines(struct stoq_inspect *inspect)
{
	struct stoq_flow_line *lines = inspect->model.flows;

	if (inspect->flows.count <= inspect->line_capacity)
		return 0;
	lines = reallocarray(lines, inspect->flows.capacity, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	inspect->model.flows = lines;
	inspect->line_capacity = inspect->flows.capacity;
	return 0;
}

static int take_flows(struct stoq_inspect *inspect)
{
	struct stoq_model *model = &inspect->model;
	struct stoq_ledger_flow *entry, *next;
	uint64_t proven_open = 0;

	if (make_lines(inspect))
		return -ENOMEM;
	HASH_ITER(hh, inspect->ledger.flows, entry, next)
	entry->open = false;
	model->flow_count = 0;
	memset(model->flow_states, 0, sizeof(model->flow_states));
	for (size_t i = 0; i < inspect->flows.count; i++) {
		const struct stoq_flow *flow = stoq_map_dump_value(&inspect->flows, i);
		enum stoq_flow_state state = stoq_flow_state_of(flow);

		if (!flow->uid)
			continue;
		entry = take_flow(inspect, i, state);
		if (!entry)
			return -ENOMEM;
		if (!entry->open)
			continue;
		proven_open += flow->proven;
		model->flow_states[state]++;
		describe_flow(&model->flows[model->flow_count++], entry, flow);
	}
	count_gone_flows(inspect, proven_open);
	return 0;
}

void stoq_update_identities(struct stoq_inspect *inspect)
{
	if (read_flows(inspect))
		return;
	for (size_t i = 0; i < inspect->flows.count; i++) {
		const struct stoq_flow *flow = stoq_map_dump_value(&inspect->flows, i);

		if (flow->uid && !take_flow(inspect, i, stoq_flow_state_of(flow)))
			return;
	}
}

/* A flow that was replaced in the table before it was ever read still has its Connect data. */
static void find_flow_late(struct stoq_inspect *inspect, struct stoq_ledger_series *series)
{
	struct stoq_ledger_flow *flow;
	struct nvme_connect_data data;

	if (series->flow || series->key.uid >= STOQ_SERIES_OVERFLOW)
		return;
	flow = stoq_ledger_flow_find(&inspect->ledger, series->key.uid);
	if (!flow && read_connect(inspect, series->key.uid, &data)) {
		static const struct stoq_flow_key no_key;
		struct stoq_flow gone = {
			.connected = 1, .cntlid = 0xffff, .kind = series->key.kind};

		flow = stoq_ledger_flow_get(&inspect->ledger, series->key.uid);
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

struct stoq_group *stoq_update_group(
	struct stoq_inspect *inspect, const struct stoq_identity *identity)
{
	struct stoq_identity reduced = *identity;

	stoq_identity_reduce(&reduced, inspect->model.axis);
	return stoq_groups_get(&inspect->groups, &reduced);
}

static bool is_gone(const struct stoq_ledger_series *series)
{
	return series->key.uid < STOQ_SERIES_OVERFLOW && !(series->flow && series->flow->open);
}

static int take_series(struct stoq_inspect *inspect)
{
	int fd = inspect->tables.series;

	for (size_t i = 0; i < inspect->series.count; i++) {
		const struct stoq_series_key *key = stoq_map_dump_key(&inspect->series, i);
		struct stoq_ledger_series *series = stoq_ledger_series_get(&inspect->ledger, key);

		if (!series)
			return -ENOMEM;
		find_flow_late(inspect, series);
		series->before = series->last;
		series->last =
			*(const struct stoq_series *)stoq_map_dump_value(&inspect->series, i);
		if (is_gone(series) && series->before.commands == series->last.commands)
			series->quiet++;
		else
			series->quiet = 0;
		/* Somebody else's tables are left as they are. */
		if (!inspect->beside && series->quiet >= QUIET_READINGS &&
			stoq_ledger_retire(&inspect->ledger, series) == 0)
			bpf_map_delete_elem(fd, key);
	}
	return 0;
}

static int group_series(struct stoq_inspect *inspect, const struct stoq_ledger_series *series)
{
	struct stoq_group *group;
	struct stoq_identity identity;

	if (series->last.commands == series->base.commands)
		return 0; /* reserved, or begun and not counted yet */
	stoq_ledger_identify(series, &identity);
	group = stoq_update_group(inspect, &identity);
	if (!group)
		return -ENOMEM;
	stoq_statistics_add_series(&group->interval, &series->last, &series->before);
	stoq_statistics_add_series(&group->total, &series->last, &series->base);
	return 0;
}

static int group_retired(struct stoq_inspect *inspect)
{
	for (size_t i = 0; i < inspect->ledger.retired_count; i++) {
		const struct stoq_ledger_retired *retired = &inspect->ledger.retired[i];
		struct stoq_group *group = stoq_update_group(inspect, &retired->identity);

		if (!group)
			return -ENOMEM;
		stoq_statistics_add(&group->total, &retired->total);
	}
	return 0;
}

/* ---- statuses ---- */

static struct stoq_status_line *status_line(
	struct stoq_inspect *inspect, const struct stoq_status_key *key)
{
	struct stoq_model *model = &inspect->model;
	struct stoq_status_line *line;

	for (size_t i = 0; i < model->status_count; i++) {
		line = &model->statuses[i];
		if (line->status == key->status && line->opcode == key->opcode &&
			line->kind == key->kind)
			return line;
	}
	line = stoq_array_room(
		model->statuses, model->status_count, &inspect->status_capacity, sizeof(*line));
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

static int take_statuses(struct stoq_inspect *inspect)
{
	int fd = inspect->tables.statuses;

	for (size_t i = 0; i < inspect->model.status_count; i++)
		inspect->model.statuses[i].interval = 0;
	for (size_t i = 0; i < inspect->statuses.count; i++) {
		const struct stoq_status_key *key = stoq_map_dump_key(&inspect->statuses, i);
		uint64_t now = *(const uint64_t *)stoq_map_dump_value(&inspect->statuses, i);
		struct stoq_ledger_status *status = stoq_ledger_status_get(&inspect->ledger, key);
		struct stoq_status_line *line = status_line(inspect, key);
		struct stoq_ledger_flow *flow = stoq_ledger_flow_find(&inspect->ledger, key->uid);

		if (!status || !line)
			return -ENOMEM;
		line->interval += now - status->last;
		line->total += now - status->last;
		if (!inspect->beside && now == status->last && !(flow && flow->open)) {
			bpf_map_delete_elem(fd, key);
			stoq_ledger_status_forget(&inspect->ledger, status);
			continue;
		}
		status->last = now;
	}
	if (inspect->model.status_count)
		qsort(inspect->model.statuses, inspect->model.status_count,
			sizeof(*inspect->model.statuses), compare_statuses);
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

int stoq_update_groups(struct stoq_inspect *inspect)
{
	struct stoq_model *model = &inspect->model;
	struct stoq_ledger_series *series, *next;
	int result;

	memset(&model->overall, 0, sizeof(model->overall));
	stoq_identity_clear(&model->overall.identity);
	for (size_t i = 0; i < model->flow_count; i++)
		model->flows[i].outstanding = 0;
	stoq_groups_clear(&inspect->groups);
	result = group_retired(inspect);
	HASH_ITER(hh, inspect->ledger.series, series, next)
	{
		if (!result)
			result = group_series(inspect, series);
	}
	if (!result)
		result = stoq_outstanding_count(inspect);
	stoq_groups_sort(&inspect->groups);
	model->groups = inspect->groups.items;
	model->group_count = inspect->groups.count;
	sum_groups(model);
	return result;
}

int stoq_inspect_update(
	struct stoq_inspect *inspect, const struct stoq_model **model_out, struct stoq_error *error)
{
	struct stoq_model *model = &inspect->model;
	uint64_t now = stoq_clock_now_ns();
	int result = read_maps(inspect);

	if (result)
		return stoq_error_set(
			error, result, "cannot read the program's maps: %s", strerror(-result));
	model->interval_ns = now - inspect->last_ns;
	model->elapsed_ns = now - inspect->start_ns;
	inspect->last_ns = now;
	stoq_interfaces_look(inspect);
	sum_cpus(inspect);
	result = take_flows(inspect);
	if (!result)
		result = take_series(inspect);
	if (!result)
		result = take_statuses(inspect);
	if (!result)
		result = stoq_update_groups(inspect);
	if (result)
		return stoq_error_set(error, result, "no memory to build the model");
	stoq_ledger_prune_flows(&inspect->ledger);
	*model_out = model;
	return 0;
}

int stoq_update_base(struct stoq_inspect *inspect, struct stoq_error *error)
{
	struct stoq_ledger_series *series, *next;
	const struct stoq_model *unused;
	int result = stoq_inspect_update(inspect, &unused, error);

	if (result)
		return result;
	memcpy(inspect->base_counters, inspect->model.counters, sizeof(inspect->base_counters));
	inspect->base_counters[STOQ_COUNT_FLOWS_FULL] -= inspect->flows_displaced;
	inspect->base_open = inspect->proven_open;
	inspect->flows_missing = inspect->flows_displaced = 0;
	memcpy(inspect->base_pdu_types, inspect->model.pdu_types, sizeof(inspect->base_pdu_types));
	HASH_ITER(hh, inspect->ledger.series, series, next)
	series->base = series->last;
	inspect->model.status_count = 0;
	return 0;
}
