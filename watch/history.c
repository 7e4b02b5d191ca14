// SPDX-License-Identifier: BSD-2-Clause
#include "watch/history.h"

#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"
#include "flow/label.h"
#include "flow/text.h"

#define MARGIN	      2
#define INDENT	      6
#define COLUMN_EVENT  (MARGIN + 14)
#define EVENT_WIDTH   20
#define AFTER_END     (COLUMN_EVENT + EVENT_WIDTH + 8)
#define COLUMN_PLACE  (AFTER_END + 1)
#define REASON_LENGTH (STOQ_LABEL_SIZE + sizeof(((struct stoq_event_happening *)0)->reason) + 2)

void stoq_history_add(struct stoq_history *history, const struct stoq_event_happening *event,
	const struct stoq_identity *queue)
{
	struct stoq_history_event *kept = &history->events[history->count++ % STOQ_HISTORY_MAX];

	*kept = (struct stoq_history_event){*event, *queue};
	/* These are the caller's. */
	kept->event.violation = NULL;
	kept->event.overlap = NULL;
}

const struct stoq_history_event *stoq_history_at(const struct stoq_history *history, size_t back)
{
	if (back >= history->count || back >= STOQ_HISTORY_MAX)
		return NULL;
	return &history->events[(history->count - 1 - back) % STOQ_HISTORY_MAX];
}

static unsigned int color_of(enum stoq_happening what)
{
	switch (what) {
	case STOQ_HAPPENED_CONNECT:
		return STOQ_GOOD;
	case STOQ_HAPPENED_DISCONNECT:
		return STOQ_PLAIN;
	default:
		return STOQ_BAD;
	}
}

/* "Events  8 connect, 5 negotiation_failed", as many kinds as there is room for. */
static void draw_title(struct stoq_screen *screen, unsigned int row, const struct stoq_model *model)
{
	unsigned int column = stoq_screen_text(screen, row, MARGIN, STOQ_BOLD, "Events") + 2;
	char item[64], number[STOQ_TEXT_NUMBER];
	bool any = false;

	for (unsigned int i = 0; i < STOQ_HAPPENINGS; i++) {
		if (!model->happenings[i])
			continue;
		snprintf(item, sizeof(item), "%s%s %s", any ? ", " : "",
			stoq_text_count(number, model->happenings[i]),
			stoq_happening_name((enum stoq_happening)i));
		if (column + strlen(item) > screen->width)
			break;
		column = stoq_screen_text(
			screen, row, column, color_of((enum stoq_happening)i), item);
		any = true;
	}
}

/* "c1 q0 db7>store1: by the host"; "": nothing is known. */
static void describe(char reason[static REASON_LENGTH], const struct stoq_history_event *event)
{
	const struct stoq_identity *queue = &event->queue;
	char names[STOQ_LABEL_SIZE] = "";

	if (queue->host_nqn[0])
		stoq_group_label(names, queue, STOQ_BY_QUEUE, 0);
	snprintf(reason, REASON_LENGTH, "%s%s%s", names,
		names[0] && event->event.reason[0] ? ": " : "", event->event.reason);
}

/* Returns how many rows it took. */
static unsigned int draw_event(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_history *history, const struct stoq_history_event *event)
{
	char time[STOQ_TIMESTAMP], after[STOQ_TEXT_NUMBER] = "-", reason[REASON_LENGTH];
	unsigned int room = screen->width > COLUMN_PLACE ? screen->width - COLUMN_PLACE : 8, column;
	char place[STOQ_LABEL_SIZE];
	struct stoq_identity ends = event->queue;

	if (event->queue.host_nqn[0])
		ends.qid = -1; /* the queue's name has it */
	stoq_group_label(place, &ends, STOQ_BY_CONNECTION, room);
	stoq_timestamp_local(time, event->event.time_ns + history->unix_offset_ns, 3);
	if (event->event.duration_ns)
		stoq_text_time(after, event->event.duration_ns, "");
	stoq_screen_printf(screen, row, MARGIN, STOQ_PLAIN, "%.12s", time + strlen("2026-11-22T"));
	stoq_screen_text(screen, row, COLUMN_EVENT, color_of(event->event.what),
		stoq_happening_name(event->event.what));
	stoq_screen_text_right(screen, row, AFTER_END, STOQ_PLAIN, after);
	column = stoq_screen_text(screen, row, COLUMN_PLACE, STOQ_PLAIN, place) + 1;
	describe(reason, event);
	if (!reason[0])
		return 1;
	if (column + strlen(reason) <= screen->width)
		return stoq_screen_words(screen, row, 1, column, STOQ_DIM, reason);
	return 1 + stoq_screen_words(screen, row + 1, rows - 1, INDENT, STOQ_DIM, reason);
}

void stoq_draw_history(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_history *history, const struct stoq_model *model, size_t back)
{
	const struct stoq_history_event *event;
	unsigned int used = 2;

	if (rows < 3)
		return;
	draw_title(screen, row, model);
	if (!history->count) {
		stoq_screen_text(screen, row + 1, MARGIN, STOQ_DIM,
			"no connection has begun or ended so far");
		return;
	}
	stoq_screen_text(screen, row + 1, MARGIN, STOQ_BOLD, "TIME");
	stoq_screen_text(screen, row + 1, COLUMN_EVENT, STOQ_BOLD, "EVENT");
	stoq_screen_text_right(screen, row + 1, AFTER_END, STOQ_BOLD, "AFTER");
	stoq_screen_text(screen, row + 1, COLUMN_PLACE, STOQ_BOLD, "CONNECTION, QUEUE, REASON");
	while (used < rows && (event = stoq_history_at(history, back++)))
		used += draw_event(screen, row + used, rows - used, history, event);
}
