// SPDX-License-Identifier: BSD-2-Clause
/* Thresholds: what is understood, and when one has held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/histogram.h"
#include "watch/threshold.h"

#define MS 1000000ull
#define S  1000000000ull

static struct stoq_thresholds all;
static struct stoq_model model;

static int setup(void **state)
{
	all = (struct stoq_thresholds){0};
	model = (struct stoq_model){.interval_ns = S};
	return 0;
}

static void add(const char *text)
{
	struct stoq_error error = {0};

	if (stoq_thresholds_add(&all, text, &error))
		fail_msg("%s", error.text);
}

/* An interval with so many commands that take so long. */
static size_t interval(uint64_t commands, uint64_t latency_ns)
{
	struct stoq_statistics *statistics = &model.overall.interval;

	*statistics = (struct stoq_statistics){.commands = commands, .bytes = commands * 4096};
	statistics->latency.buckets[stoq_latency_bucket(latency_ns)] = commands;
	statistics->latency.count = commands;
	statistics->latency.sum_ns = commands * latency_ns;
	statistics->latency.max_ns = commands ? latency_ns : 0;
	return stoq_thresholds_judge(&all, &model, 42);
}

static void test_one_interval_is_enough_without_a_time(void **state)
{
	add("p99>5ms");
	assert_int_equal(interval(10, 4 * MS), 0);
	assert_false(stoq_thresholds_have_held(&all));
	assert_int_equal(interval(10, 6 * MS), 1);
	assert_true(all.items[0].held);
	assert_int_equal(all.items[0].held_unix_ns, 42);
	assert_int_equal(interval(10, 6 * MS), 0); /* once */
	interval(10, MS);
	assert_true(stoq_thresholds_have_held(&all));
}

static void test_intervals_in_a_row(void **state)
{
	add("mean > 5ms for 3s");
	interval(10, 6 * MS);
	interval(10, 6 * MS);
	interval(10, 4 * MS);
	interval(10, 6 * MS);
	assert_int_equal(interval(10, 6 * MS), 0);
	assert_int_equal(all.items[0].beyond_ns, 2 * S);
	assert_int_equal(interval(10, 6 * MS), 1);
}

static void test_an_interval_without_commands_ends_the_row(void **state)
{
	add("max>5ms for 2s");
	interval(10, 6 * MS);
	interval(0, 0);
	assert_false(all.items[0].known);
	assert_int_equal(interval(10, 6 * MS), 0);
	assert_int_equal(interval(10, 6 * MS), 1);
}

static void test_rates(void **state)
{
	add("iops<100 for 2s");
	add("bytes>1M");
	add("errors>0.5");
	model.interval_ns = S / 2;
	assert_int_equal(interval(60, MS), 0);
	assert_int_equal(interval(0, 0), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(interval(49, MS), 0);
	assert_int_equal(interval(0, 0), 1);
	assert_true(all.items[0].held);
	assert_int_equal(interval(1000, MS), 1);
	assert_true(all.items[1].held);
	model.overall.interval.errors = 1;
	assert_int_equal(stoq_thresholds_judge(&all, &model, 1), 1);
}

/* Not before the time is over, however long an interval is. */
static void test_long_intervals(void **state)
{
	add("iops>1 for 10s");
	add("iops>1 for 9s");
	add("iops>1 for 8s");
	model.interval_ns = all.interval_ns = 4 * S;
	interval(10, MS);
	assert_int_equal(interval(10, MS), 1);
	assert_true(all.items[2].held);
	assert_int_equal(interval(10, MS), 2);
}

static void test_an_interruption_ends_the_row(void **state)
{
	add("iops>1 for 2s");
	interval(10, MS);
	stoq_thresholds_interrupt(&all);
	assert_int_equal(interval(10, MS), 0);
	assert_int_equal(interval(10, MS), 1);
}

static void test_intervals_that_are_a_hair_short(void **state)
{
	all.interval_ns = S;
	add("iops>1 for 3s");
	model.interval_ns = S - 20 * MS;
	interval(10, MS);
	interval(10, MS);
	assert_int_equal(interval(10, MS), 1);
}

static void test_each_figure_is_what_it_is_called(void **state)
{
	static const char *const texts[] = {
		"p50>1s", "p95>1s", "p99>1s", "p999>1s", "mean>1s", "max>1s"};

	for (size_t i = 0; i < 6; i++)
		add(texts[i]);
	interval(0, 0);
	/* 1000 commands: most take 1 ms, 60 take 10 ms, 20 take 100 ms, 2 take a second. */
	model.overall.interval = (struct stoq_statistics){.commands = 1000};
	struct stoq_histogram *latency = &model.overall.interval.latency;
	latency->buckets[stoq_latency_bucket(MS)] = 918;
	latency->buckets[stoq_latency_bucket(10 * MS)] = 60;
	latency->buckets[stoq_latency_bucket(100 * MS)] = 20;
	latency->buckets[stoq_latency_bucket(S)] = 2;
	latency->count = 1000;
	latency->sum_ns = 918 * MS + 600 * MS + 2 * S + 2 * S;
	latency->max_ns = 1234 * MS;
	stoq_thresholds_judge(&all, &model, 1);
	assert_in_range(all.items[0].value, MS * 15 / 16, MS * 17 / 16);
	assert_in_range(all.items[1].value, 10 * MS * 15 / 16, 10 * MS * 17 / 16);
	assert_in_range(all.items[2].value, 100 * MS * 15 / 16, 100 * MS * 17 / 16);
	assert_in_range(all.items[3].value, S * 15 / 16, S * 17 / 16);
	assert_in_range(all.items[4].value, 5518000, 5518000);
	assert_in_range(all.items[5].value, 1234 * MS, 1234 * MS);
}

static void test_mistakes_are_refused(void **state)
{
	static const char *const wrong[] = {"", "p99", "p99>", "p99>5", "p98>5ms", "p99=5ms",
		"p99>5ms for", "p99>5ms for x", "p99>5ms during 3s", "p99>5ms 10s", "iops>5ms",
		"iops>-1", "iops>many", "errors>1x", "bytes>1Q", "p99>5ms for 10s and more", ">5ms",
		"p99>>5ms"};
	struct stoq_error error;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (stoq_thresholds_add(&all, wrong[i], &error) == 0)
			fail_msg("'%s' is taken", wrong[i]);
	assert_int_equal(all.count, 0);
	for (int i = 0; i < STOQ_THRESHOLDS_MAX; i++)
		add("p99>5ms");
	assert_true(stoq_thresholds_add(&all, "p99>5ms", &error) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_interval_is_enough_without_a_time, setup),
		cmocka_unit_test_setup(test_intervals_in_a_row, setup),
		cmocka_unit_test_setup(test_an_interval_without_commands_ends_the_row, setup),
		cmocka_unit_test_setup(test_rates, setup),
		cmocka_unit_test_setup(test_long_intervals, setup),
		cmocka_unit_test_setup(test_an_interruption_ends_the_row, setup),
		cmocka_unit_test_setup(test_intervals_that_are_a_hair_short, setup),
		cmocka_unit_test_setup(test_each_figure_is_what_it_is_called, setup),
		cmocka_unit_test_setup(test_mistakes_are_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
