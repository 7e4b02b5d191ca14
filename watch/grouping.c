// SPDX-License-Identifier: BSD-2-Clause
#include "watch/grouping.h"

#include <errno.h>
#include <string.h>

#include "flow/identity.h"
#include "watch/outstanding.h"
#include "watch/tcps.h"
#include "watch/wanted.h"

static int group_series(struct stoq_watch *watch, const struct stoq_ledger_series *series)
{
	struct stoq_group *group;
	struct stoq_identity identity;

	if (series->last.commands == series->base.commands)
		return 0; /* reserved, or begun and not counted yet */
	if (!stoq_wanted_series(watch, series))
		return 0;
	stoq_ledger_identify(series, watch->model.sized, &identity);
	group = stoq_groups_of(&watch->groups, &identity, watch->model.axis);
	if (!group)
		return -ENOMEM;
	stoq_ledger_add_interval(&group->interval, series);
	stoq_ledger_add_total(&group->total, series);
	return 0;
}

static int group_retired(struct stoq_watch *watch)
{
	for (size_t i = 0; i < watch->ledger.retired_count; i++) {
		const struct stoq_ledger_retired *retired = &watch->ledger.retired[i];
		struct stoq_group *group =
			stoq_groups_of(&watch->groups, &retired->identity, watch->model.axis);

		if (!group)
			return -ENOMEM;
		stoq_statistics_add(&group->total, &retired->total);
	}
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

int stoq_grouping_update(struct stoq_watch *watch)
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
	if (!result)
		result = stoq_tcps_take(watch);
	stoq_groups_sort(&watch->groups, model->order, model->whole);
	model->groups = watch->groups.items;
	model->group_count = watch->groups.count;
	sum_groups(model);
	model->other_count = stoq_groups_fold(
		&watch->groups, model->top ? model->top : SIZE_MAX, &model->others);
	model->group_count -= model->other_count;
	return result;
}
