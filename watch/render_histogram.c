// SPDX-License-Identifier: BSD-2-Clause
#include "watch/render_histogram.h"

#include <stdio.h>
#include <string.h>

#include "flow/label.h"
#include "flow/text.h"

#define MARGIN	    8  /* the scale on the left */
#define MARKS	    4  /* percentiles on the axis */
#define BUCKETS_MIN 32 /* two powers of two: fewer would be nothing but noise drawn large */

/* Buckets across, in order: log scale. Either some buckets a column or some columns a bucket. */
struct picture {
	struct stoq_screen *screen;
	const struct stoq_histogram *latency;
	bool unicode;
	unsigned int top, rows;
	unsigned int first, count;			     /* buckets shown */
	unsigned int buckets_per_column, columns_per_bucket; /* one of them is 1 */
	unsigned int columns;
	uint64_t highest; /* of the columns */
};

static void choose_range(struct picture *picture)
{
	unsigned int first = 0, last = STOQ_LATENCY_BUCKETS - 1, missing;

	while (first < last && !picture->latency->buckets[first])
		first++;
	while (last > first && !picture->latency->buckets[last])
		last--;
	picture->count = last - first + 1;
	missing = picture->count < BUCKETS_MIN ? BUCKETS_MIN - picture->count : 0;
	first -= missing / 2 < first ? missing / 2 : first;
	picture->first = first;
	picture->count += missing;
	if (picture->first + picture->count > STOQ_LATENCY_BUCKETS)
		picture->first = STOQ_LATENCY_BUCKETS - picture->count;
}

static void choose_scale(struct picture *picture, unsigned int width)
{
	picture->buckets_per_column = (picture->count + width - 1) / width;
	picture->columns_per_bucket = 1;
	if (picture->buckets_per_column <= 1) {
		picture->buckets_per_column = 1;
		picture->columns_per_bucket = width / picture->count;
	}
	picture->columns = (picture->count + picture->buckets_per_column - 1) /
			   picture->buckets_per_column * picture->columns_per_bucket;
}

/* First bucket of a column. */
static unsigned int bucket_at(const struct picture *picture, unsigned int column)
{
	return picture->first + column / picture->columns_per_bucket * picture->buckets_per_column;
}

static uint64_t count_at(const struct picture *picture, unsigned int column)
{
	unsigned int bucket = bucket_at(picture, column);
	uint64_t count = 0;

	for (unsigned int i = 0; i < picture->buckets_per_column; i++, bucket++)
		if (bucket < STOQ_LATENCY_BUCKETS)
			count += picture->latency->buckets[bucket];
	return count;
}

static unsigned int column_of(const struct picture *picture, uint64_t ns)
{
	unsigned int bucket = stoq_latency_bucket(ns);

	if (bucket < picture->first)
		return 0;
	return (bucket - picture->first) / picture->buckets_per_column *
	       picture->columns_per_bucket;
}

/* eighths: how much of the cell is filled, 1 to 8. */
static uint16_t bar_character(const struct picture *picture, unsigned int eighths)
{
	if (picture->unicode)
		return (uint16_t)(0x2580 + eighths);
	return eighths >= 6 ? '#' : eighths >= 3 ? ':' : '.';
}

static void draw_bar(const struct picture *picture, unsigned int column)
{
	uint64_t count = count_at(picture, column);
	unsigned int eighths =
		(unsigned int)((double)count / (double)picture->highest * 8 * picture->rows);

	/* A single slow command must not disappear. */
	if (count && !eighths)
		eighths = 1;
	for (unsigned int i = 0; i < picture->rows && eighths; i++) {
		unsigned int part = eighths < 8 ? eighths : 8;

		stoq_screen_glyph(picture->screen, picture->top + picture->rows - 1 - i,
			MARGIN + column, STOQ_BAR, bar_character(picture, part));
		eighths -= part;
	}
}

/* A percentile on the axis. */
struct mark {
	const char *name;
	double fraction;
	int from, to; /* columns that it takes, with a blank on either side; equal: none */
};

/* "^p99" with its foot at a column if to_right, else "p99^". False: no room there. */
static bool place_mark(const struct picture *picture, struct mark marks[static MARKS], size_t i,
	int at, bool to_right)
{
	int length = (int)strlen(marks[i].name) + 1, from = to_right ? at : at - length + 1;

	if (from < 0 || MARGIN + from + length > (int)picture->screen->width)
		return false;
	for (size_t other = 0; other < MARKS; other++)
		if (from < marks[other].to && from + length > marks[other].from)
			return false;
	marks[i].from = from - 1;
	marks[i].to = from + length + 1;
	stoq_screen_printf(picture->screen, picture->top + picture->rows,
		MARGIN + (unsigned int)from, STOQ_BOLD, to_right ? "^%s" : "%s^", marks[i].name);
	return true;
}

/*
 * The axis line, with the percentiles where they lie, as many as there is room for. Where the
 * highest would be cut by the edge it comes first, and stands to the left of its place.
 */
static void draw_axis(const struct picture *picture)
{
	struct mark marks[MARKS] = {{.name = "p50", .fraction = 0.5},
		{.name = "p95", .fraction = 0.95}, {.name = "p99", .fraction = 0.99},
		{.name = "p99.9", .fraction = 0.999}};
	unsigned int row = picture->top + picture->rows;
	int at[MARKS];
	bool cut;

	for (unsigned int i = 0; i < picture->columns; i++)
		stoq_screen_glyph(picture->screen, row, MARGIN + i, STOQ_DIM,
			picture->unicode ? 0x2500 : '-');
	for (size_t i = 0; i < MARKS; i++)
		at[i] = (int)column_of(
			picture, stoq_histogram_percentile_ns(picture->latency, marks[i].fraction));
	cut = MARGIN + at[MARKS - 1] + 6 > (int)picture->screen->width;
	if (cut)
		place_mark(picture, marks, MARKS - 1, at[MARKS - 1], false);
	for (size_t i = 0; i < (cut ? MARKS - 1 : MARKS); i++)
		if (!place_mark(picture, marks, i, at[i], true) && cut)
			place_mark(picture, marks, i, at[i], false);
}

/* Round times, 1, 2 and 5 of each power of ten, where there is room. */
static void draw_labels(const struct picture *picture)
{
	static const unsigned int steps[] = {1, 2, 5};
	uint64_t from = stoq_histogram_lower_ns(picture->first);
	uint64_t to = stoq_histogram_lower_ns(picture->first + picture->count - 1);
	unsigned int row = picture->top + picture->rows + 1, free_from = 0;

	for (uint64_t decade = 10; decade <= 1000000000000; decade *= 10) {
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			uint64_t ns = decade * steps[i];
			char text[STOQ_TEXT_NUMBER];
			unsigned int column;

			if (ns < from || ns > to)
				continue;
			column = column_of(picture, ns);
			if (column < free_from)
				continue;
			snprintf(text, sizeof(text), "|%u%s",
				(unsigned int)(ns >= 1000000000 ? ns / 1000000000
					       : ns >= 1000000	? ns / 1000000
					       : ns >= 1000	? ns / 1000
								: ns),
				ns >= 1000000000 ? "s"
				: ns >= 1000000	 ? "ms"
				: ns >= 1000	 ? "us"
						 : "ns");
			if (MARGIN + column + strlen(text) > picture->screen->width)
				continue;
			stoq_screen_text(picture->screen, row, MARGIN + column, STOQ_DIM, text);
			free_from = column + (unsigned int)strlen(text) + 1;
		}
	}
}

static void draw_title(struct stoq_screen *screen, unsigned int row, const struct stoq_model *model,
	const struct stoq_view *view, uint64_t count)
{
	size_t selected = stoq_view_selected(view, model);
	unsigned int column;
	char label[STOQ_LABEL_SIZE] = "all commands", number[STOQ_TEXT_NUMBER], text[128];

	if (selected != STOQ_NO_GROUP)
		stoq_group_label(label, &model->groups[selected].identity, model->axis,
			screen->width > 60 ? screen->width - 46 : 14);
	column = stoq_screen_printf(screen, row, 2, STOQ_BOLD, "Latency: %s", label);
	snprintf(text, sizeof(text), "%s commands, %s", stoq_text_count(number, count),
		view->totals ? "since the start" : "last interval");
	if (column + strlen(text) + 1 < screen->width)
		stoq_screen_text_right(screen, row, screen->width - 1, STOQ_DIM, text);
}

static void draw_scale(const struct picture *picture)
{
	char number[STOQ_TEXT_NUMBER];
	/* Columns that share a bucket show it once each. */
	stoq_screen_text_right(picture->screen, picture->top, MARGIN - 1, STOQ_DIM,
		stoq_text_count(number, picture->highest));
	stoq_screen_text_right(
		picture->screen, picture->top + picture->rows - 1, MARGIN - 1, STOQ_DIM, "0");
}

void stoq_draw_picture(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_model *model, const struct stoq_view *view)
{
	size_t selected = stoq_view_selected(view, model);
	const struct stoq_group *group =
		selected == STOQ_NO_GROUP ? &model->overall : &model->groups[selected];
	struct picture picture = {.screen = screen,
		.latency = &stoq_view_statistics(view, group)->latency,
		.unicode = view->unicode,
		.top = row + 1,
		.rows = rows};

	if (!rows || screen->width < MARGIN + BUCKETS_MIN)
		return;
	draw_title(screen, row, model, view, picture.latency->count);
	if (!picture.latency->count) {
		stoq_screen_text(screen, row + 1 + rows / 2, MARGIN, STOQ_DIM, "no commands");
		return;
	}
	choose_range(&picture);
	choose_scale(&picture, screen->width - MARGIN - 1);
	for (unsigned int i = 0; i < picture.columns; i++) {
		uint64_t count = count_at(&picture, i);

		if (count > picture.highest)
			picture.highest = count;
	}
	if (!picture.highest)
		return;
	for (unsigned int i = 0; i < picture.columns; i++)
		draw_bar(&picture, i);
	draw_scale(&picture);
	draw_axis(&picture);
	draw_labels(&picture);
}
