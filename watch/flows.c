// SPDX-License-Identifier: BSD-2-Clause
#include "watch/flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/identity.h"
#include "watch/happenings.h"
#include "watch/tables.h"

/* Those that are proven last: none that becomes so meanwhile is missed. */
int stoq_flows_read(struct stoq_watch *watch)
{
	int result;

	watch->flows.count = 0;
	result = stoq_watch_table_dump_add(watch, STOQ_WATCH_UNPROVEN, &watch->flows);
	return result ? result : stoq_watch_table_dump_add(watch, STOQ_WATCH_FLOWS, &watch->flows);
}

static bool read_connect(struct stoq_watch *watch, uint32_t uid, struct nvme_connect_data *data)
{
	return stoq_watch_table_lookup(watch, STOQ_WATCH_CONNECTS, &uid, data) == 0;
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
		memcpy(entry->host_id, data.hostid, sizeof(entry->host_id));
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
	struct stoq_identity before;

	if (!entry)
		return NULL;
	before = entry->identity;
	entry->key = *(const struct stoq_flow_key *)stoq_map_dump_key(&watch->flows, i);
	entry->host_is_a = flow->host_is_a;
	identify_flow(watch, entry, &entry->key, flow);
	if (!stoq_identity_equal(&before, &entry->identity))
		entry->version++;
	entry->wanted = stoq_filter_wants_flow(watch->filter, &entry->key, &entry->identity);
	entry->present = true;
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

static void record_closed(struct stoq_watch *watch)
{
	const struct stoq_event_handlers *handlers = watch->handlers;
	struct stoq_ledger_flow *entry, *next;

	if (!watch->record || !handlers || !handlers->record_closed)
		return;
	HASH_ITER(hh, watch->ledger.flows, entry, next)
	{
		if (!entry->open && !entry->end_recorded && entry->wanted)
			handlers->record_closed(handlers->record_context, entry);
		entry->end_recorded = !entry->open;
	}
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

int stoq_flows_take(struct stoq_watch *watch)
{
	struct stoq_model *model = &watch->model;
	struct stoq_ledger_flow *entry, *next;
	uint64_t proven_open = 0;

	if (make_lines(watch))
		return -ENOMEM;
	HASH_ITER(hh, watch->ledger.flows, entry, next)
	entry->open = entry->present = false;
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
		stoq_happenings_of_flow(watch, entry, flow);
		if (!entry->open)
			continue;
		proven_open += flow->proven;
		if (!entry->wanted)
			continue;
		model->flow_states[state]++;
		describe_flow(&model->flows[model->flow_count++], entry, flow);
	}
	count_gone_flows(watch, proven_open);
	record_closed(watch);
	return stoq_happenings_of_silence(watch) || stoq_happenings_hand_on(watch) ? -ENOMEM : 0;
}

void stoq_flows_identify(struct stoq_watch *watch)
{
	if (stoq_flows_read(watch))
		return;
	for (size_t i = 0; i < watch->flows.count; i++) {
		const struct stoq_flow *flow = stoq_map_dump_value(&watch->flows, i);

		if (flow->uid && !take_flow(watch, i, stoq_flow_state_of(flow)))
			return;
	}
}

void stoq_flows_name(struct stoq_watch *watch, struct stoq_ledger_flow *flow)
{
	struct stoq_flow_known known = {.qid = STOQ_FLOW_QID_UNKNOWN};
	struct nvme_connect_data data;

	if (flow->names_known || flow->identity.host_nqn[0] ||
		!read_connect(watch, flow->uid, &data))
		return;
	memcpy(known.host_nqn, data.hostnqn, sizeof(known.host_nqn));
	memcpy(known.subsystem_nqn, data.subnqn, sizeof(known.subsystem_nqn));
	stoq_identity_add_known(&flow->identity, &known);
	flow->version++;
	flow->wanted = stoq_filter_wants_flow(watch->filter, &flow->key, &flow->identity);
}

void stoq_flows_find_late(struct stoq_watch *watch, struct stoq_ledger_series *series)
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
		flow->wanted = stoq_filter_wants_flow(watch->filter, NULL, &flow->identity);
	}
	if (flow) {
		series->flow = flow;
		flow->series++;
	}
}
