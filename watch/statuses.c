// SPDX-License-Identifier: BSD-2-Clause
#include "watch/statuses.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "watch/tables.h"

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

int stoq_statuses_take(struct stoq_watch *watch)
{
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
