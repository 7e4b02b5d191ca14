// SPDX-License-Identifier: BSD-2-Clause
#include "watch/render_table.h"

#include <stdio.h>
#include <string.h>

#include "flow/label.h"
#include "flow/text.h"
#include "nvme/nvme_names.h"

enum column {
	COLUMN_IOPS,
	COLUMN_MEGABYTES,
	COLUMN_MEAN,
	COLUMN_P50,
	COLUMN_P95,
	COLUMN_P99,
	COLUMN_P99_9,
	COLUMN_MAX,
	COLUMN_ANSWER, /* in the order of enum stoq_stage */
	COLUMN_HOST,
	COLUMN_DATA,
	COLUMN_END,
	COLUMN_BAR,
	COLUMN_TO_HOST, /* from here on what TCP adds */
	COLUMN_TO_TARGET,
	COLUMN_RESENT,
	COLUMN_LATE,
	COLUMN_CLOSED,
	COLUMN_RESET,
	COLUMN_ERRORS,
	COLUMN_OUTSTANDING,
	COLUMN_COMMANDS,
	COLUMNS,
};

static const struct {
	const char *title;
	unsigned int width; /* with the blanks in front */
} columns[COLUMNS] = {
	[COLUMN_IOPS] = {"IOPS", 6},
	[COLUMN_MEGABYTES] = {"MB/s", 7},
	[COLUMN_MEAN] = {"mean", 7},
	[COLUMN_P50] = {"p50", 7},
	[COLUMN_P95] = {"p95", 7},
	[COLUMN_P99] = {"p99", 7},
	[COLUMN_P99_9] = {"p99.9", 7},
	[COLUMN_MAX] = {"max", 7},
	[COLUMN_ANSWER] = {"answer", 7},
	[COLUMN_HOST] = {"host", 5},
	[COLUMN_DATA] = {"data", 5},
	[COLUMN_END] = {"end", 5},
	[COLUMN_BAR] = {"answer|host|data|end", 22},
	[COLUMN_TO_HOST] = {"to host", 8},
	[COLUMN_TO_TARGET] = {"to ctrl", 8},
	[COLUMN_RESENT] = {"resent", 7},
	[COLUMN_LATE] = {"late", 6},
	[COLUMN_CLOSED] = {"0-window", 9},
	[COLUMN_RESET] = {"reset", 6},
	[COLUMN_ERRORS] = {"errors", 7},
	[COLUMN_OUTSTANDING] = {"queued", 7},
	[COLUMN_COMMANDS] = {"commands", 10},
};

/* Which columns are the first to be shown, and how wide a label each must leave. */
static const struct {
	enum column column;
	unsigned int label_min;
} priorities[COLUMNS] = {
	{COLUMN_IOPS, 8},
	{COLUMN_P50, 8},
	{COLUMN_P99, 10},
	{COLUMN_TO_HOST, 16},
	{COLUMN_TO_TARGET, 16},
	{COLUMN_RESENT, 16},
	{COLUMN_ANSWER, 10},
	{COLUMN_HOST, 10},
	{COLUMN_DATA, 10},
	{COLUMN_END, 10},
	{COLUMN_ERRORS, 10},
	{COLUMN_LATE, 16},
	{COLUMN_RESET, 16},
	{COLUMN_CLOSED, 16},
	{COLUMN_MEGABYTES, 12},
	{COLUMN_MAX, 12},
	{COLUMN_P99_9, 12},
	{COLUMN_P95, 12},
	{COLUMN_OUTSTANDING, 16},
	{COLUMN_BAR, 16},
	{COLUMN_MEAN, 34},
	{COLUMN_COMMANDS, 34},
};

#define TITLE_SIZE     160
#define MARK_WIDTH     2 /* "> " before the selected row */
#define LABEL_MIN      20
#define CONNECTION_MIN 30
#define AIR_MAX	       3 /* extra blanks a column, where there is room */

struct table {
	struct stoq_screen *screen;
	const struct stoq_model *model;
	const struct stoq_view *view;
	bool shown[COLUMNS];
	unsigned int label_width;
	unsigned int air; /* blanks added before each column */
	uint64_t length_ns;
};

static unsigned int longest_label(const struct stoq_model *model)
{
	char label[STOQ_LABEL_SIZE];
	size_t longest = LABEL_MIN;

	for (size_t i = 0; i < model->group_count; i++) {
		stoq_group_label(label, &model->groups[i].identity, model->axis, 0);
		if (strlen(label) > longest)
			longest = strlen(label);
	}
	return (unsigned int)longest;
}

/* Labels take what they need; what is left moves the columns apart. */
static void share_width(struct table *table, unsigned int left, unsigned int shown)
{
	unsigned int longest = longest_label(table->model);

	table->label_width = left < longest ? left : longest;
	left -= table->label_width;
	table->air = shown ? left / shown : 0;
	if (table->air > AIR_MAX)
		table->air = AIR_MAX;
}

/* Shown only where stages are counted. */
static bool is_staged(enum column column)
{
	return column >= COLUMN_ANSWER && column <= COLUMN_BAR;
}

/* What TCP adds is known of connections. */
static bool is_of_tcp(enum column column)
{
	return column >= COLUMN_TO_HOST && column <= COLUMN_RESET;
}

static bool has_column(const struct stoq_model *model, enum column column)
{
	if (is_of_tcp(column))
		return model->staged && model->axis == STOQ_BY_CONNECTION;
	return model->staged || !is_staged(column);
}

/* Two addresses are long, and what TCP adds is of no use without them. */
static unsigned int label_min(const struct stoq_model *model, unsigned int otherwise)
{
	return stoq_axis_has(model->axis, STOQ_BY_CONNECTION) && otherwise < CONNECTION_MIN
		       ? CONNECTION_MIN
		       : otherwise;
}

/* The stages add up: they are shown together. */
static unsigned int width_of(enum column column)
{
	unsigned int width = columns[column].width;

	if (column == COLUMN_ANSWER)
		width += columns[COLUMN_HOST].width + columns[COLUMN_DATA].width +
			 columns[COLUMN_END].width;
	return width;
}

static void choose_columns(struct table *table)
{
	unsigned int width = table->screen->width, shown = 0;
	unsigned int left = width > MARK_WIDTH ? width - MARK_WIDTH : 0;

	for (size_t i = 0; i < COLUMNS; i++) {
		enum column column = priorities[i].column;
		unsigned int label = label_min(table->model, priorities[i].label_min);

		if (left < width_of(column) + label || !has_column(table->model, column) ||
			(is_staged(column) && column != COLUMN_ANSWER &&
				!table->shown[COLUMN_ANSWER]))
			continue;
		table->shown[column] = true;
		left -= columns[column].width;
		shown++;
	}
	share_width(table, left, shown);
}

/* How much of the commands' time was in this stage. */
static double share_of(const struct stoq_statistics *statistics, unsigned int stage)
{
	uint64_t all_ns = statistics->latency.sum_ns;

	return all_ns ? (double)statistics->stages[stage].sum_ns / (double)all_ns : 0;
}

/* "0.3%", "17%" */
static void write_share(char out[static STOQ_TEXT_NUMBER], double share)
{
	double percent = 100 * share;

	if (percent > 0 && percent < 9.95)
		snprintf(out, STOQ_TEXT_NUMBER, "%.1f%%", percent < 0.1 ? 0.1 : percent);
	else
		snprintf(out, STOQ_TEXT_NUMBER, "%.0f%%", percent);
}

/* A letter per cell, which ends with column `end`. */
static void draw_bar(const struct table *table, unsigned int row, unsigned int end,
	const struct stoq_statistics *statistics)
{
	static const struct {
		uint16_t letter;
		unsigned int attributes;
	} styles[STOQ_STAGES] = {
		{'a', STOQ_BAR}, {'h', STOQ_WARN}, {'d', STOQ_GOOD}, {'e', STOQ_BAR}};
	unsigned int cells = columns[COLUMN_BAR].width - 2, cell = 0;
	double reached = 0;

	for (unsigned int i = 0; i < STOQ_STAGES; i++) {
		reached += share_of(statistics, i) * cells;
		for (; cell < cells && cell + 0.5 < reached; cell++)
			stoq_screen_glyph(table->screen, row, end - cells + cell,
				styles[i].attributes, styles[i].letter);
	}
}

/* The shortest way to the other end and back that was seen: of data, or of the handshake. */
static void write_trip(
	char out[static STOQ_TEXT_NUMBER], const struct stoq_tcp *tcp, enum nvme_tcp_side sender)
{
	uint64_t trip_ns = tcp->side[sender].round_trip_min_ns;
	uint64_t handshake_ns = tcp->handshake_ns[sender];

	if (!trip_ns || (handshake_ns && handshake_ns < trip_ns))
		trip_ns = handshake_ns;
	if (trip_ns)
		stoq_text_time(out, trip_ns, "");
}

static void write_tcp(
	char out[static STOQ_TEXT_NUMBER], const struct stoq_tcp *tcp, enum column column)
{
	const struct stoq_tcp_side *host = &tcp->side[NVME_TCP_FROM_HOST];
	const struct stoq_tcp_side *controller = &tcp->side[NVME_TCP_FROM_CONTROLLER];

	memcpy(out, "-", sizeof("-"));
	if (!tcp->uid)
		return;
	if (column == COLUMN_TO_HOST)
		write_trip(out, tcp, NVME_TCP_FROM_CONTROLLER);
	else if (column == COLUMN_TO_TARGET)
		write_trip(out, tcp, NVME_TCP_FROM_HOST);
	else if (column == COLUMN_RESENT)
		stoq_text_count(out, host->retransmitted_bytes + controller->retransmitted_bytes);
	else if (column == COLUMN_LATE)
		stoq_text_count(out, host->late_bytes + controller->late_bytes);
	else if (column == COLUMN_CLOSED && (host->zero_windows || controller->zero_windows))
		stoq_text_time(out, host->zero_window_ns + controller->zero_window_ns, "");
	else if (column == COLUMN_RESET && (host->resets || controller->resets))
		snprintf(out, STOQ_TEXT_NUMBER, "%s", host->resets ? "host" : "ctrl");
}

static void write_value(const struct table *table, const struct stoq_group *group,
	enum column column, char out[static STOQ_TEXT_NUMBER])
{
	static const double fractions[COLUMNS] = {[COLUMN_P50] = 0.5,
		[COLUMN_P95] = 0.95,
		[COLUMN_P99] = 0.99,
		[COLUMN_P99_9] = 0.999};
	const struct stoq_statistics *statistics = stoq_view_statistics(table->view, group);
	const struct stoq_histogram *latency = &statistics->latency;

	if (is_of_tcp(column)) {
		write_tcp(out, &group->tcp, column);
		return;
	}
	switch (column) {
	case COLUMN_IOPS:
		stoq_text_count(out,
			(uint64_t)(stoq_text_rate(statistics->commands, table->length_ns) + 0.5));
		return;
	case COLUMN_MEGABYTES:
		stoq_text_megabytes(out, stoq_text_rate(statistics->bytes, table->length_ns));
		return;
	case COLUMN_ERRORS:
		stoq_text_count(out, statistics->errors);
		return;
	case COLUMN_OUTSTANDING:
		stoq_text_count(out, group->outstanding);
		return;
	case COLUMN_COMMANDS:
		stoq_text_count(out, statistics->commands);
		return;
	default:
		break;
	}
	if (!latency->count)
		memcpy(out, "-", sizeof("-"));
	else if (is_staged(column))
		write_share(out, share_of(statistics, column - COLUMN_ANSWER));
	else if (column == COLUMN_MAX)
		stoq_text_time(out, latency->max_ns, "");
	else if (column == COLUMN_MEAN)
		stoq_text_time(out, stoq_histogram_mean_ns(latency), "");
	else
		stoq_text_time(out, stoq_histogram_percentile_ns(latency, fractions[column]), "");
}

static void draw_row(const struct table *table, unsigned int row, const struct stoq_group *group,
	const char *label, bool selected)
{
	const struct stoq_statistics *statistics = stoq_view_statistics(table->view, group);
	unsigned int end = MARK_WIDTH + table->label_width;
	unsigned int plain = statistics->commands ? STOQ_PLAIN : STOQ_DIM;
	char value[STOQ_TEXT_NUMBER];

	stoq_screen_text(table->screen, row, 0, plain, selected ? "> " : "  ");
	stoq_screen_text(table->screen, row, MARK_WIDTH, plain, label);
	for (unsigned int i = 0; i < COLUMNS; i++) {
		bool bad = i == COLUMN_ERRORS && statistics->errors;

		if (!table->shown[i])
			continue;
		end += columns[i].width + table->air;
		if (i == COLUMN_BAR) {
			draw_bar(table, row, end, statistics);
			continue;
		}
		write_value(table, group, (enum column)i, value);
		stoq_screen_text_right(
			table->screen, row, end, bad ? STOQ_BAD | STOQ_BOLD : plain, value);
	}
	if (selected)
		stoq_screen_paint(table->screen, row, STOQ_REVERSE);
}

static void draw_heading(const struct table *table, unsigned int row, size_t first, size_t rows)
{
	size_t count = table->model->group_count;
	unsigned int end = MARK_WIDTH + table->label_width;
	char name[STOQ_AXIS_NAME];
	const char *axis = stoq_axis_name(table->model->axis, name);
	char title[TITLE_SIZE], part[TITLE_SIZE / 2] = "";

	if (rows < count && rows)
		snprintf(part, sizeof(part), " %zu-%zu/%zu", first + 1, first + rows, count);
	snprintf(title, sizeof(title), "By %s%s", axis, part);
	/* Which rows these are is said whole, or not at all. */
	if (strlen(title) > table->label_width)
		snprintf(title, sizeof(title), "%s%s", axis, part);
	if (strlen(title) > table->label_width)
		snprintf(title, sizeof(title), "%s", part[0] ? part + 1 : axis);
	if (strlen(title) > table->label_width)
		snprintf(title, sizeof(title), "%.*s", (int)table->label_width, axis);
	stoq_screen_text(table->screen, row, MARK_WIDTH, STOQ_BOLD, title);
	for (unsigned int i = 0; i < COLUMNS; i++) {
		if (!table->shown[i])
			continue;
		end += columns[i].width + table->air;
		stoq_screen_text_right(table->screen, row, end, STOQ_BOLD, columns[i].title);
	}
}

void stoq_draw_table(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_model *model, const struct stoq_view *view)
{
	struct table table = {.screen = screen,
		.model = model,
		.view = view,
		.length_ns = stoq_view_length_ns(view, model)};
	size_t selected = stoq_view_selected(view, model), first = 0;
	char label[STOQ_LABEL_SIZE];
	bool others = model->other_count && rows;

	choose_columns(&table);
	rows -= others;
	if (selected != STOQ_NO_GROUP && selected >= rows)
		first = selected - rows + 1;
	draw_heading(&table, row++, first, rows);
	draw_row(&table, row++, &model->overall, "all", view->cursor && selected == STOQ_NO_GROUP);
	for (size_t i = first; i < model->group_count && i < first + rows; i++) {
		stoq_group_label(label, &model->groups[i].identity, model->axis, table.label_width);
		label[table.label_width] = '\0';
		draw_row(&table, row++, &model->groups[i], label, view->cursor && i == selected);
	}
	if (!others)
		return;
	snprintf(label, sizeof(label), "others (%zu)", model->other_count);
	draw_row(&table, row, &model->others, label, false);
}

#define STATUS_COUNT_WIDTH  6  /* of a count, and a blank before it */
#define STATUS_OPCODE_WIDTH 60 /* screens from which on errors are shown with their opcodes */

/* Where the two columns of numbers of the errors end. */
static unsigned int status_end(const struct stoq_screen *screen, bool total)
{
	unsigned int end = screen->width < 80 ? screen->width : 80, before = total ? 1 : 11;

	return end > before ? end - before : 0;
}

static void draw_status(struct stoq_screen *screen, unsigned int row,
	const struct stoq_status_line *line, const struct stoq_view *view)
{
	char name[NVME_NAME_LENGTH], number[STOQ_TEXT_NUMBER], opcode[NVME_NAME_LENGTH];
	unsigned int attributes = line->interval && !view->totals ? STOQ_BAD : STOQ_PLAIN;
	unsigned int column = 2, end = status_end(screen, view->totals);

	if (screen->width >= STATUS_OPCODE_WIDTH) {
		stoq_screen_printf(screen, row, column, attributes, "%.16s",
			line->opcode == NVME_OPCODE_FABRICS
				? "Fabrics"
				: nvme_opcode_name(line->kind, line->opcode, 0, opcode));
		column += 17;
	}
	if (end > column + STATUS_COUNT_WIDTH)
		stoq_screen_printf(screen, row, column, attributes, "%.*s",
			(int)(end - column - STATUS_COUNT_WIDTH),
			nvme_status_name(line->kind, line->opcode, line->status, name));
	if (!view->totals)
		stoq_screen_text_right(screen, row, status_end(screen, false), attributes,
			stoq_text_count(number, line->interval));
	stoq_screen_text_right(screen, row, status_end(screen, true), attributes,
		stoq_text_count(number, line->total));
}

void stoq_draw_statuses(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_model *model, const struct stoq_view *view)
{
	size_t shown = model->status_count <= rows ? model->status_count : rows;

	stoq_screen_text(screen, row, 2, STOQ_BOLD, "Errors");
	if (shown < model->status_count && screen->width >= STATUS_OPCODE_WIDTH)
		stoq_screen_printf(screen, row, 9, STOQ_DIM, "(the %zu most frequent of %zu)",
			shown, model->status_count);
	if (!view->totals)
		stoq_screen_text_right(
			screen, row, status_end(screen, false), STOQ_BOLD, "interval");
	stoq_screen_text_right(screen, row, status_end(screen, true), STOQ_BOLD, "total");
	for (size_t i = 0; i < shown; i++)
		draw_status(screen, ++row, &model->statuses[i], view);
}
