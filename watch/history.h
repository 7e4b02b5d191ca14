/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What happened to connections last, for the view. */
#include "watch/screen.h"
#include "watch/watch.h"

#define STOQ_HISTORY_MAX 1024 /* events; older ones are counted only */

struct stoq_history_event {
	struct stoq_event_happening event;
	struct stoq_identity queue;
};

/* All zero, but for the offset: nothing has happened. */
struct stoq_history {
	uint64_t unix_offset_ns; /* as in watch/render_event.h */
	uint64_t count;		 /* of all, since the start */
	struct stoq_history_event events[STOQ_HISTORY_MAX];
};

void stoq_history_add(struct stoq_history *history, const struct stoq_event_happening *event,
	const struct stoq_identity *queue);

/* Counted from the latest one, which is 0; NULL: it is not kept. */
const struct stoq_history_event *stoq_history_at(const struct stoq_history *history, size_t back);

/*
 * A title with their numbers, the columns' names, and the events from `back` on, the latest first, with their
 * reasons in lines below where there is no room beside them. As many as there are rows for.
 */
void stoq_draw_history(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_history *history, const struct stoq_model *model, size_t back);
