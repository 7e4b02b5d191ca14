// SPDX-License-Identifier: BSD-2-Clause
/* Latency over time: no command gets lost, whatever the time, and slow ones are drawn above. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/histogram.h"
#include "watch/heat.h"

static struct stoq_heat heat;
static struct stoq_model model;

static void interval(uint64_t ns, uint64_t commands)
{
	struct stoq_histogram *latency = &model.overall.interval.latency;

	memset(latency, 0, sizeof(*latency));
	latency->buckets[stoq_latency_bucket(ns)] = commands;
	model.interval_ns = 1000000000;
	stoq_heat_take(&heat, &model);
}

static uint64_t sum(void)
{
	uint64_t all = 0;

	for (size_t i = 0; i < heat.columns; i++)
		for (size_t row = 0; row < STOQ_HEAT_ROWS; row++)
			all += heat.counts[i][row];
	return all;
}

static void test_columns_are_merged_and_nothing_is_lost(void **state)
{
	heat = (struct stoq_heat){0};
	for (uint64_t i = 1; i <= 10000; i++) {
		interval(1000 * i * i, i % 7);
		assert_true(heat.columns <= STOQ_HEAT_COLUMNS);
		assert_int_equal((heat.columns - 1) * heat.span + heat.last_span, i);
	}
	assert_int_equal(heat.span, 64);
	uint64_t expected = 0;
	for (uint64_t i = 1; i <= 10000; i++)
		expected += i % 7;
	assert_int_equal(sum(), expected);
	assert_int_equal(heat.time_ns, 10000ull * 1000000000);
}

/* Time without intervals is as wide as it was long, and as many columns as there is room for are kept. */
static void test_a_pause_has_its_width(void **state)
{
	heat = (struct stoq_heat){.interval_ns = 1000000000};
	interval(1000, 1);
	model.interval_ns = 10 * heat.interval_ns;
	stoq_heat_take(&heat, &model);
	assert_int_equal(heat.columns, 11);
	assert_int_equal(heat.counts[0][0], 1);
	assert_int_equal(heat.counts[10][0], 1);
	model.interval_ns = 1000000 * heat.interval_ns;
	stoq_heat_take(&heat, &model);
	assert_true(heat.columns <= STOQ_HEAT_COLUMNS);
	assert_int_equal((heat.columns - 1) * heat.span + heat.last_span, 1000011);
	assert_int_equal(heat.counts[0][0], 2);
	assert_int_equal(heat.counts[heat.columns - 1][0], 1);
	assert_int_equal(sum(), 3);
	model.interval_ns = 0;
	memset(&model.overall.interval.latency, 0, sizeof(model.overall.interval.latency));
	stoq_heat_take(&heat, &model);
	assert_int_equal((heat.columns - 1) * heat.span + heat.last_span, 1000011);
}

static void test_rows(void **state)
{
	heat = (struct stoq_heat){0};
	interval(1, 1);
	interval(15000, 1);
	interval(17000, 1);
	interval(3000000, 1);
	interval(1ull << 40, 1);
	assert_int_equal(heat.counts[0][0], 1);
	assert_int_equal(heat.counts[1][0], 1);
	assert_int_equal(heat.counts[2][1], 1);
	assert_int_equal(heat.counts[3][8], 1); /* 2^21 ns: 2.1 ms */
	assert_int_equal(heat.counts[4][STOQ_HEAT_ROWS - 1], 1);
}

static void assert_line(const struct stoq_screen *screen, unsigned int row, const char *expected)
{
	char line[3 * 80 + 1];

	stoq_screen_line(screen, row, line, sizeof(line));
	assert_string_equal(line, expected);
}

static void test_drawing(void **state)
{
	struct stoq_screen screen;

	heat = (struct stoq_heat){0};
	assert_int_equal(stoq_screen_init(&screen, 80, 10), 0);
	stoq_draw_heat(&screen, 0, 8, &heat, false);
	assert_line(&screen, 1, "         no commands");
	stoq_screen_free(&screen);
	interval(40000, 1000);
	interval(0, 0);
	interval(20000, 1);
	interval(70000, 30);
	assert_int_equal(stoq_screen_init(&screen, 80, 10), 0);
	assert_int_equal(stoq_draw_heat(&screen, 0, 8, &heat, false), 4);
	assert_line(&screen, 1, "  65.5us    :");
	assert_line(&screen, 2, "  32.8us #");
	assert_line(&screen, 3, "  16.4us   .");
	stoq_screen_free(&screen);
	/* What there is no room for is in the last row. */
	assert_int_equal(stoq_screen_init(&screen, 80, 10), 0);
	assert_int_equal(stoq_draw_heat(&screen, 0, 2, &heat, false), 3);
	assert_line(&screen, 1, "  65.5us    :");
	assert_line(&screen, 2, "    less # .");
	stoq_screen_free(&screen);
	for (unsigned int width = 0; width < 80; width++) {
		assert_int_equal(stoq_screen_init(&screen, width ? width : 1, 3), 0);
		stoq_draw_heat(&screen, 0, 2, &heat, true);
		stoq_screen_free(&screen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_are_merged_and_nothing_is_lost),
		cmocka_unit_test(test_a_pause_has_its_width),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_drawing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
