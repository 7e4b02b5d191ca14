// SPDX-License-Identifier: BSD-2-Clause
#include "watch/render_terminal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/label.h"
#include "flow/text.h"
#include "watch/filter.h"
#include "watch/heat.h"
#include "watch/history.h"
#include "watch/render_histogram.h"
#include "watch/render_missed.h"
#include "watch/render_table.h"
#include "watch/threshold.h"

#define HEADER_ROWS	    3
#define TINY_ROWS	    7 /* no blank lines up to this height */
#define MISSED_ROWS	    3
#define PICTURE_ROWS	    14 /* bars; more would not say more */
#define PICTURE_USEFUL_ROWS 6

/* When there is no screen to fit into. */
#define TEXT_MISSED_ROWS  12 /* and the filter and the note on stages */
#define TEXT_PICTURE_ROWS 8

#define STOQ_HEAT_ROWS_ALL (STOQ_HEAT_ROWS + STOQ_HEAT_HEAD + 1)

/* "lo, eth0 (gone), eth1", as many as there is room for. */
static void list_interfaces(char *out, size_t size, const struct stoq_model *model, size_t room)
{
	static const char gone[] = " (gone)";
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < model->interface_count; i++) {
		char name[4 * IF_NAMESIZE + sizeof(gone)];

		stoq_text_clean(
			name, sizeof(name), model->interfaces[i], IF_NAMESIZE, STOQ_TEXT_ASCII);
		if (model->gone && model->gone[i])
			strcat(name, gone);
		if (used + strlen(name) + 10 > room && i + 1 < model->interface_count) {
			snprintf(out + used, size - used, " +%zu", model->interface_count - i);
			return;
		}
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", name);
		if (used >= size)
			return;
	}
}

static void draw_title(
	struct stoq_screen *screen, const struct stoq_model *model, const struct stoq_view *view)
{
	char interfaces[512], right[96], length[STOQ_TEXT_NUMBER];
	unsigned long long seconds = model->elapsed_ns / 1000000000;
	unsigned int column;
	size_t room;

	snprintf(right, sizeof(right), "%s%s%02llu:%02llu:%02llu", view->paused ? "PAUSED  " : "",
		view->totals ? "since the start  " : "", seconds / 3600, seconds / 60 % 60,
		seconds % 60);
	if (!view->totals)
		snprintf(right + strlen(right), sizeof(right) - strlen(right), "  last %s",
			stoq_text_time(length, model->interval_ns, " "));
	room = screen->width > strlen(right) + 32 ? screen->width - strlen(right) - 32 : 8;
	list_interfaces(interfaces, sizeof(interfaces), model, room);
	column = stoq_screen_text(screen, 0, 0, STOQ_BOLD, "stoq watch");
	column = stoq_screen_printf(screen, 0, column + 2, STOQ_PLAIN, "%s", interfaces);
	if (column + strlen(right) + 20 < screen->width)
		stoq_screen_printf(screen, 0, column + 1, STOQ_DIM, "(%s)",
			model->attachment ? model->attachment : "not attached");
	if (column + strlen(right) < screen->width)
		stoq_screen_text_right(
			screen, 0, screen->width, view->paused ? STOQ_WARN : STOQ_PLAIN, right);
}

/* Whole words or none: half a number would be another number. Where the next item begins. */
__attribute__((format(printf, 5, 6))) static unsigned int draw_item(struct stoq_screen *screen,
	unsigned int row, unsigned int column, unsigned int attributes, const char *format, ...)
{
	va_list arguments;
	char text[96];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (column && column + strlen(text) > screen->width)
		return column;
	return stoq_screen_text(screen, row, column, attributes, text) + 3;
}

static void draw_overall(
	struct stoq_screen *screen, const struct stoq_model *model, const struct stoq_view *view)
{
	const struct stoq_statistics *all = stoq_view_statistics(view, &model->overall);
	uint64_t length_ns = stoq_view_length_ns(view, model);
	char number[STOQ_TEXT_NUMBER];
	unsigned int column;

	column = draw_item(screen, 1, 0, STOQ_BOLD, "%s IOPS",
		stoq_text_count(
			number, (uint64_t)(stoq_text_rate(all->commands, length_ns) + 0.5)));
	column = draw_item(screen, 1, column, STOQ_BOLD, "%s",
		stoq_text_bytes(number, stoq_text_rate(all->bytes, length_ns), "/s"));
	column = draw_item(screen, 1, column, STOQ_PLAIN, "%s outstanding",
		stoq_text_count(number, model->overall.outstanding));
	column = draw_item(screen, 1, column, all->errors ? STOQ_BAD | STOQ_BOLD : STOQ_PLAIN,
		"%s error%s", stoq_text_count(number, all->errors), all->errors == 1 ? "" : "s");
	if (view->totals)
		draw_item(screen, 1, column, STOQ_PLAIN, "%llu commands",
			(unsigned long long)all->commands);
}

#define FLOWS_WIDTH 80 /* where there is less, states that no flow is in stay out */

static void draw_flows(struct stoq_screen *screen, const struct stoq_model *model)
{
	static const unsigned int attributes[STOQ_FLOW_STATES] = {
		[STOQ_FLOW_LEARNING] = STOQ_WARN,
		[STOQ_FLOW_SYNCED] = STOQ_GOOD,
		[STOQ_FLOW_ENCRYPTED] = STOQ_WARN,
		[STOQ_FLOW_LOST] = STOQ_BAD,
		[STOQ_FLOW_CLOSED] = STOQ_DIM,
		[STOQ_FLOW_MULTIPATH] = STOQ_WARN,
	};
	static const enum stoq_flow_state order[] = {STOQ_FLOW_SYNCED, STOQ_FLOW_LEARNING,
		STOQ_FLOW_ENCRYPTED, STOQ_FLOW_MULTIPATH, STOQ_FLOW_LOST, STOQ_FLOW_CLOSED};
	unsigned int column = stoq_screen_text(screen, 2, 0, STOQ_PLAIN, "Flows: ");

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		uint64_t count = model->flow_states[order[i]];
		char number[STOQ_TEXT_NUMBER];

		if (!count && i && (screen->width < FLOWS_WIDTH || order[i] == STOQ_FLOW_MULTIPATH))
			continue; /* this one is rare */
		if (i)
			column = stoq_screen_text(screen, 2, column, STOQ_PLAIN, ", ");
		column = stoq_screen_printf(screen, 2, column,
			count ? attributes[order[i]] : STOQ_DIM, "%s %s%s",
			stoq_text_count(number, count), stoq_flow_state_name(order[i]),
			order[i] == STOQ_FLOW_ENCRYPTED ? " (TLS)" : "");
	}
}

/* What one place can tell: the time beyond it, with the network in it. */
static unsigned int draw_stages_note(
	struct stoq_screen *screen, unsigned int row, const struct stoq_model *model)
{
	static const char note[] =
		"Stages: answer, end: target; host: host; data: sender; each + network to there";

	if (!model->staged)
		return 0;
	stoq_screen_text(screen, row, 0, STOQ_DIM,
		screen->width < strlen(note) ? "Stages: the manual has whose they are" : note);
	return 1;
}

static unsigned int draw_filter(
	struct stoq_screen *screen, unsigned int row, const struct stoq_model *model)
{
	char text[STOQ_FILTER_TEXT];

	if (!model->filter || !stoq_filter_is_given(model->filter))
		return 0;
	stoq_screen_printf(
		screen, row, 0, STOQ_WARN, "Filter: %s", stoq_filter_text(model->filter, text));
	return 1;
}

/* "Threshold p99>5ms for 10s: held, 7.20ms", a line each. */
static unsigned int draw_thresholds(
	struct stoq_screen *screen, unsigned int row, const struct stoq_model *model)
{
	const struct stoq_thresholds *all = model->thresholds;

	for (size_t i = 0; all && i < all->count; i++) {
		const struct stoq_threshold *threshold = &all->items[i];
		char value[STOQ_THRESHOLD_VALUE] = "no commands";

		if (threshold->held || threshold->known)
			stoq_threshold_write(threshold,
				threshold->held ? threshold->held_value : threshold->value, value);
		stoq_screen_printf(screen, row + (unsigned int)i, 0,
			threshold->held ? STOQ_BAD | STOQ_BOLD
					: (threshold->beyond_ns ? STOQ_WARN : STOQ_PLAIN),
			"Threshold %s: %s, %s", threshold->text,
			threshold->held ? "held"
					: (threshold->beyond_ns ? "beyond it" : "not held"),
			value);
	}
	return all ? (unsigned int)all->count : 0;
}

static unsigned int draw_header(struct stoq_screen *screen, const struct stoq_model *model,
	const struct stoq_view *view, unsigned int missed_rows)
{
	unsigned int row = HEADER_ROWS;

	draw_title(screen, model, view);
	draw_overall(screen, model, view);
	draw_flows(screen, model);
	row += draw_filter(screen, row, model);
	row += draw_thresholds(screen, row, model);
	row += draw_stages_note(screen, row, model);
	return row + stoq_draw_missed(screen, row, missed_rows, model);
}

static void draw_help(struct stoq_screen *screen, const struct stoq_view *view)
{
	static const char *const lines[] = {
		"q            quit; the totals are printed",
		"b, <-, ->    group by host, subsystem, namespace, queue, connection, ...",
		"up, down     choose a group: the histogram is its own; go through events",
		"t            figures since the start, or of the last interval",
		"e            what happened to connections, or the figures",
		"m, space     latency over time; pause and go on (counting never pauses)",
		"?            this text, and back",
		"",
		"queued       commands begun and not ended",
		"MB/s         10^6 bytes of data, of commands that succeeded",
		"p99          99 % of the commands took this time or less (within 1/16)",
		"answer, ...  (--stages) of the commands' time: from the command to the R2T or",
		"             first data; to the host's data; to its end; to the completion",
		"synced       flows whose every PDU is followed",
		"learning     NVMe/TCP, but where its PDUs begin is not known yet",
		"encrypted    TLS: nothing can be seen inside",
		"lost         was synced; packets are missing; learning again",
		"Failed       connections that ended before their first command",
		"Missed       what the figures above do not contain",
	};

	for (unsigned int i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		stoq_screen_text(screen, HEADER_ROWS + 1 + i, 2, STOQ_PLAIN, lines[i]);
}

static void draw_keys(struct stoq_screen *screen, const struct stoq_view *view)
{
	const char *const keys[] = {"q quit", "? help", "b group", "up/down choose",
		view->totals ? "t interval" : "t totals",
		view->show_history ? "e figures" : "e events",
		view->paused ? "space go on" : "space pause",
		view->show_heat ? "m histogram" : "m heatmap"};
	unsigned int column = 0;

	for (size_t i = 0; screen->height >= 12 && i < sizeof(keys) / sizeof(keys[0]); i++)
		column = draw_item(screen, screen->height - 1, column, STOQ_DIM, "%s", keys[i]);
}

static unsigned int least(size_t a, size_t b)
{
	return (unsigned int)(a < b ? a : b);
}

/* How the rows under the header are shared out. */
struct shares {
	unsigned int groups, statuses, bars;
};

static size_t count_active(const struct stoq_model *model, const struct stoq_view *view)
{
	size_t active = 0;

	for (size_t i = 0; i < model->group_count; i++)
		active += stoq_view_statistics(view, &model->groups[i])->commands > 0;
	return active + (model->other_count > 0);
}

/* With that of the others. */
static size_t count_rows(const struct stoq_model *model)
{
	return model->group_count + (model->other_count > 0);
}

/*
 * Groups that do something come first, but leave room for some bars; errors get a quarter; then
 * the picture gets a useful height, idle groups what is left, and the picture the rest of it.
 */
static struct shares share_out(
	const struct stoq_model *model, const struct stoq_view *view, unsigned int rows)
{
	struct shares shares = {0};
	size_t active = count_active(model, view);
	unsigned int picture_min = rows >= 14 ? STOQ_PICTURE_HEAD + 4 : 0;
	unsigned int left = rows > STOQ_TABLE_HEAD ? rows - STOQ_TABLE_HEAD : 0, idle;

	if (model->status_count && left > 5) {
		shares.statuses = least(model->status_count, left / 5);
		left -= shares.statuses + STOQ_STATUSES_HEAD + 1;
	}
	if (picture_min + 4 > left)
		picture_min = 0;
	shares.groups = least(active, left - picture_min);
	left -= shares.groups;
	if (picture_min)
		picture_min = STOQ_PICTURE_HEAD + 1 + PICTURE_USEFUL_ROWS;
	idle = left > picture_min ? least(count_rows(model) - shares.groups, left - picture_min)
				  : 0;
	shares.groups += idle;
	left -= idle;
	if (left > STOQ_PICTURE_HEAD + 2)
		shares.bars = least(left - STOQ_PICTURE_HEAD - 1, PICTURE_ROWS);
	return shares;
}

static void draw_body(struct stoq_screen *screen, unsigned int row, const struct shares *shares,
	const struct stoq_model *model, const struct stoq_view *view)
{
	stoq_draw_table(screen, row, shares->groups, model, view);
	row += STOQ_TABLE_HEAD + shares->groups + 1;
	if (shares->statuses) {
		stoq_draw_statuses(screen, row, shares->statuses, model, view);
		row += STOQ_STATUSES_HEAD + shares->statuses + 1;
	}
	if (shares->bars && view->hint)
		stoq_screen_words(screen, row, shares->bars, 2, STOQ_WARN, view->hint);
	else if (shares->bars && view->heat && view->show_heat)
		stoq_draw_heat(screen, row, shares->bars + STOQ_PICTURE_HEAD - 1, view->heat,
			view->unicode);
	else if (shares->bars)
		stoq_draw_picture(screen, row, shares->bars, model, view);
}

void stoq_render_screen(
	struct stoq_screen *screen, const struct stoq_model *model, const struct stoq_view *view)
{
	unsigned int row = draw_header(screen, model, view, screen->height < 20 ? 1 : MISSED_ROWS);
	/* A blank line above the table, and two rows for the keys. */
	unsigned int rows = screen->height > row + 3 ? screen->height - row - 3 : 0;
	struct shares shares = share_out(model, view, rows);

	draw_keys(screen, view);
	if (view->help) {
		draw_help(screen, view);
		return;
	}
	if (view->history && view->show_history)
		stoq_draw_history(screen, row + (screen->height > TINY_ROWS), rows, view->history,
			model, view->history_back);
	else if (screen->height > row + 1)
		draw_body(screen, row + (screen->height > TINY_ROWS), &shares, model, view);
}

/* The rows as one text. */
static int join_lines(const struct stoq_screen *screen, unsigned int rows, char **text)
{
	size_t size = (size_t)rows * (3 * (size_t)screen->width + 1) + 1, used = 0;

	*text = malloc(size);
	if (!*text)
		return -ENOMEM;
	for (unsigned int i = 0; i < rows; i++) {
		used += stoq_screen_line(screen, i, *text + used, size - used);
		(*text)[used++] = '\n';
	}
	(*text)[used] = '\0';
	return 0;
}

int stoq_render_text(char **text, const struct stoq_model *model, const struct stoq_view *view,
	unsigned int width, bool picture)
{
	const struct stoq_statistics *all = stoq_view_statistics(view, &model->overall);
	const struct shares shares = {.groups = (unsigned int)count_rows(model),
		.statuses = (unsigned int)model->status_count,
		.bars = picture && all->latency.count ? TEXT_PICTURE_ROWS : 0};
	unsigned int body = STOQ_TABLE_HEAD + shares.groups, row;
	struct stoq_screen screen;
	int error;

	if (shares.statuses)
		body += 1 + STOQ_STATUSES_HEAD + shares.statuses;
	if (shares.bars)
		body += 1 + STOQ_PICTURE_HEAD + shares.bars;
	error = stoq_screen_init(&screen, width,
		HEADER_ROWS + TEXT_MISSED_ROWS + STOQ_THRESHOLDS_MAX + STOQ_HEAT_ROWS_ALL + body);
	if (error)
		return error;
	row = draw_header(&screen, model, view, TEXT_MISSED_ROWS);
	draw_body(&screen, row, &shares, model, view);
	if (picture && view->heat)
		body += 1 + stoq_draw_heat(&screen, row + body + 1, STOQ_HEAT_ROWS, view->heat,
				    view->unicode);
	error = join_lines(&screen, row + body, text);
	stoq_screen_free(&screen);
	return error;
}
