// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/keys.h"

#include <errno.h>
#include <string.h>

#include "watch/history.h"

static int change_axis(struct watch_report *report, struct stoq_watch *watch,
	const struct stoq_model *model, int step, struct stoq_error *error)
{
	int axis = (int)stoq_axis_first(model->axis), result;

	do
		axis = (axis + step + STOQ_AXES) % STOQ_AXES;
	while (axis == STOQ_BY_SIZE && !model->sized);
	result = stoq_watch_set_axis(watch, (enum stoq_axis)axis);

	report->view.has_selection = false;
	if (result)
		return stoq_error_set(
			error, result, "cannot group by another axis: %s", strerror(-result));
	return 0;
}

/* To older events, or to later ones. */
static void scroll(struct stoq_view *view, bool older)
{
	if (!older && view->history_back)
		view->history_back--;
	else if (older && stoq_history_at(view->history, view->history_back + 1))
		view->history_back++;
}

int watch_keys_take(struct watch_report *report, struct stoq_watch *watch,
	const struct stoq_model *model, enum watch_key key, bool *over, struct stoq_error *error)
{
	struct stoq_view *view = &report->view;

	switch (key) {
	case WATCH_KEY_QUIT:
		*over = true;
		return 0;
	case WATCH_KEY_NEXT_AXIS:
		return change_axis(report, watch, model, 1, error);
	case WATCH_KEY_PREVIOUS_AXIS:
		return change_axis(report, watch, model, -1, error);
	case WATCH_KEY_UP:
	case WATCH_KEY_DOWN:
		if (view->show_history)
			scroll(view, key == WATCH_KEY_DOWN);
		else
			stoq_view_move(view, model, key == WATCH_KEY_UP ? -1 : 1);
		return 0;
	case WATCH_KEY_EVENTS:
		view->show_history = !view->show_history;
		view->history_back = 0;
		return 0;
	case WATCH_KEY_TOTALS:
		view->totals = !view->totals;
		return stoq_watch_set_whole(watch, view->totals)
			       ? stoq_error_set(error, -ENOMEM, "no memory")
			       : 0;
	case WATCH_KEY_HEAT:
		view->show_heat = !view->show_heat;
		return 0;
	case WATCH_KEY_PAUSE:
		view->paused = !view->paused;
		return 0;
	case WATCH_KEY_HELP:
		view->help = !view->help;
		return 0;
	default:
		return 0;
	}
}
