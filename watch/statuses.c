// SPDX-License-Identifier: BSD-2-Clause
#include "watch/statuses.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "watch/tables.h"
#include "watch/wanted.h"

/* NULL: no memory, or there are as many as there may be. */
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
	if (model->status_count == STOQ_MODEL_STATUSES_MAX)
		return NULL;
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

/* Adds to the line of this status, if it is wanted. 0 or -ENOMEM. */
static int count_status(struct stoq_watch *watch, const struct stoq_status_key *key,
	const struct stoq_ledger_flow *flow, uint64_t count)
{
	struct stoq_status_line *line;

	if (!stoq_wanted_flow(watch, flow) ||
		!stoq_filter_wants_opcode(watch->filter, key->opcode, key->kind))
		return 0;
	line = status_line(watch, key);
	if (!line)
		return watch->model.status_count == STOQ_MODEL_STATUSES_MAX ? 0 : -ENOMEM;
	line->interval += count;
	line->total += count;
	return 0;
}

int stoq_statuses_take(struct stoq_watch *watch)
{
	for (size_t i = 0; i < watch->model.status_count; i++)
		watch->model.statuses[i].interval = 0;
	for (size_t i = 0; i < watch->statuses.count; i++) {
		const struct stoq_status_key *key = stoq_map_dump_key(&watch->statuses, i);
		uint64_t now = *(const uint64_t *)stoq_map_dump_value(&watch->statuses, i);
		struct stoq_ledger_status *status = stoq_ledger_status_get(&watch->ledger, key);
		struct stoq_ledger_flow *flow = stoq_ledger_flow_find(&watch->ledger, key->uid);

		if (!status)
			return -ENOMEM;
		if (count_status(watch, key, flow, now - status->last))
			return -ENOMEM;
		if (!watch->shared && now == status->last && !(flow && flow->open)) {
			stoq_watch_table_remove(watch, STOQ_WATCH_STATUSES, key);
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

void stoq_statuses_count_others(struct stoq_watch *watch)
{
	struct stoq_model *model = &watch->model;
	uint64_t counted = 0;

	for (size_t i = 0; i < model->status_count; i++)
		counted += model->statuses[i].total;
	if (model->overall.total.errors > counted + model->other_statuses)
		model->other_statuses = model->overall.total.errors - counted;
}
