// SPDX-License-Identifier: BSD-2-Clause
#include "watch/heat.h"

#include <string.h>

#include "base/histogram.h"
#include "flow/text.h"

#define MARGIN	 9 /* for the latencies */
#define LEVELS	 4
#define SPAN_MAX (1u << 30) /* intervals in a column */

static unsigned int row_of(uint64_t ns)
{
	unsigned int bit = ns ? 63 - (unsigned int)__builtin_clzll(ns) : 0;

	if (bit < STOQ_HEAT_FIRST_BIT)
		return 0;
	bit -= STOQ_HEAT_FIRST_BIT - 1;
	return bit < STOQ_HEAT_ROWS ? bit : STOQ_HEAT_ROWS - 1;
}

/* Each two columns become one. */
static void halve(struct stoq_heat *heat)
{
	size_t pairs = heat->columns / 2, rest = heat->columns % 2;

	for (size_t i = 0; i < pairs; i++)
		for (size_t row = 0; row < STOQ_HEAT_ROWS; row++)
			heat->counts[i][row] =
				heat->counts[2 * i][row] + heat->counts[2 * i + 1][row];
	if (rest)
		memcpy(heat->counts[pairs], heat->counts[2 * pairs], sizeof(heat->counts[0]));
	else if (pairs)
		heat->last_span += heat->span;
	heat->columns = pairs + rest;
	heat->span *= 2;
}

/* So many intervals without commands. */
static void advance(struct stoq_heat *heat, uint64_t intervals)
{
	while (intervals > (uint64_t)heat->span * STOQ_HEAT_COLUMNS && heat->span < SPAN_MAX)
		halve(heat);
	while (intervals) {
		uint64_t room;

		if (!heat->columns || heat->last_span == heat->span) {
			if (heat->columns == STOQ_HEAT_COLUMNS)
				halve(heat);
			if (heat->last_span == heat->span || !heat->columns) {
				memset(heat->counts[heat->columns++], 0, sizeof(heat->counts[0]));
				heat->last_span = 0;
			}
		}
		room = heat->span - heat->last_span;
		room = room < intervals ? room : intervals;
		heat->last_span += (unsigned int)room;
		intervals -= room;
	}
}

/* A cut one counts as one. */
static uint64_t intervals_of(const struct stoq_heat *heat, uint64_t ns)
{
	uint64_t count = heat->interval_ns ? (ns + heat->interval_ns / 2) / heat->interval_ns : 1;

	return count ? count : 1;
}

void stoq_heat_take(struct stoq_heat *heat, const struct stoq_model *model)
{
	const struct stoq_histogram *latency = &model->overall.interval.latency;

	if (!model->interval_ns && !latency->count)
		return; /* the end came with the end of an interval */
	if (!heat->span)
		heat->span = 1;
	advance(heat, intervals_of(heat, model->interval_ns));
	heat->time_ns += model->interval_ns;
	for (unsigned int i = 0; i < STOQ_LATENCY_BUCKETS; i++)
		heat->counts[heat->columns - 1][row_of(stoq_histogram_lower_ns(i))] +=
			latency->buckets[i];
}

/* The rows that have something, as first and last; false: none has. */
static bool find_rows(
	const struct stoq_heat *heat, unsigned int *first, unsigned int *last, uint64_t *most)
{
	*first = STOQ_HEAT_ROWS;
	*last = 0;
	*most = 0;
	for (size_t i = 0; i < heat->columns; i++)
		for (unsigned int row = 0; row < STOQ_HEAT_ROWS; row++) {
			uint64_t count = heat->counts[i][row];

			if (!count)
				continue;
			*first = row < *first ? row : *first;
			*last = row > *last ? row : *last;
			*most = count > *most ? count : *most;
		}
	return *most;
}

/* A single command is still drawn: levels are of the logarithm. */
static unsigned int level_of(uint64_t count, uint64_t most)
{
	unsigned int bits = 64 - (unsigned int)__builtin_clzll(count),
		     all = 64 - (unsigned int)__builtin_clzll(most);

	return (bits * LEVELS - 1) / all < LEVELS ? (bits * LEVELS - 1) / all : LEVELS - 1;
}

static uint64_t count_of(
	const struct stoq_heat *heat, size_t column, unsigned int lowest, unsigned int highest)
{
	uint64_t count = 0;

	for (unsigned int i = lowest; i <= highest; i++)
		count += heat->counts[column][i];
	return count;
}

/* The rows from `lowest` to `highest`, as one. */
static void draw_cells(struct stoq_screen *screen, unsigned int at, const struct stoq_heat *heat,
	unsigned int lowest, unsigned int highest, uint64_t most, bool unicode)
{
	static const uint16_t blocks[LEVELS] = {0x2591, 0x2592, 0x2593, 0x2588};
	static const uint16_t letters[LEVELS] = {'.', ':', '+', '#'};
	size_t room = screen->width > MARGIN + 1 ? screen->width - MARGIN - 1 : 0;
	size_t from = heat->columns > room ? heat->columns - room : 0;

	for (size_t i = from; i < heat->columns; i++) {
		uint64_t count = count_of(heat, i, lowest, highest);
		unsigned int level = count ? level_of(count, most) : 0;

		if (count)
			stoq_screen_glyph(screen, at, MARGIN + (unsigned int)(i - from), STOQ_BAR,
				(unicode ? blocks : letters)[level]);
	}
}

/* What a row begins with. */
static void draw_latency(struct stoq_screen *screen, unsigned int at, unsigned int heat_row)
{
	char number[STOQ_TEXT_NUMBER];

	stoq_screen_text_right(screen, at, MARGIN - 1, STOQ_DIM,
		heat_row ? stoq_text_time(number, 1ull << (heat_row + STOQ_HEAT_FIRST_BIT - 1), "")
			 : "less");
}

unsigned int stoq_draw_heat(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_heat *heat, bool unicode)
{
	unsigned int first, last, used = 0;
	char width[STOQ_TEXT_NUMBER] = "-";
	uint64_t most;

	if (heat->columns)
		stoq_text_time(width,
			heat->time_ns / ((heat->columns - 1) * heat->span + heat->last_span) *
				heat->span,
			" ");
	stoq_screen_printf(screen, row, 2, STOQ_BOLD, "Latency over time");
	if (screen->width > 60)
		stoq_screen_printf(screen, row, 21, STOQ_DIM,
			"a column: %s; darker: more commands; right: now", width);
	if (!find_rows(heat, &first, &last, &most)) {
		stoq_screen_text(screen, row + 1, MARGIN, STOQ_DIM, "no commands");
		return STOQ_HEAT_HEAD;
	}
	/* The slow ones are what is looked for. */
	for (unsigned int i = last + 1; i-- > first && used < rows; used++) {
		/* What there is no room for is in the last one. */
		bool rest = used + 1 == rows && i > first;

		draw_latency(screen, row + 1 + used, rest ? 0 : i);
		draw_cells(screen, row + 1 + used, heat, rest ? first : i, i, most, unicode);
	}
	return used + 1;
}
