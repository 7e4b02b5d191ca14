// SPDX-License-Identifier: BSD-2-Clause
#include "watch/view.h"

#include "flow/identity.h"

size_t stoq_view_selected(const struct stoq_view *view, const struct stoq_model *model)
{
	for (size_t i = 0; view->has_selection && i < model->group_count; i++)
		if (stoq_identity_equal(&view->selection, &model->groups[i].identity))
			return i;
	return STOQ_NO_GROUP;
}

const struct stoq_statistics *stoq_view_statistics(
	const struct stoq_view *view, const struct stoq_group *group)
{
	return view->totals ? &group->total : &group->interval;
}

uint64_t stoq_view_length_ns(const struct stoq_view *view, const struct stoq_model *model)
{
	return view->totals ? model->elapsed_ns : model->interval_ns;
}

void stoq_view_move(struct stoq_view *view, const struct stoq_model *model, int steps)
{
	size_t selected = stoq_view_selected(view, model);
	long long at = selected == STOQ_NO_GROUP ? -1 : (long long)selected;

	at += steps;
	if (at >= (long long)model->group_count)
		at = (long long)model->group_count - 1;
	view->has_selection = at >= 0;
	if (at >= 0)
		view->selection = model->groups[at].identity;
}
