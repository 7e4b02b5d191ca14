// SPDX-License-Identifier: BSD-2-Clause
/* Numbers and labels as OpenMetrics has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/latency.h"

/* OpenMetrics 1.0, "Considerations: Canonical Numbers", and what Go's %g makes of the bounds that we have. */
static void test_numbers(void **state)
{
	static const struct {
		double value;
		const char *text;
	} numbers[] = {{0, "0.0"}, {1, "1.0"}, {128, "128.0"}, {1200, "1200.0"}, {0.5, "0.5"},
		{0.001, "0.001"}, {0.000131072, "0.000131072"}, {0.000016384, "1.6384e-05"},
		{0.000065536, "6.5536e-05"}, {8.589934592, "8.589934592"},
		{1.024e-06, "1.024e-06"}};
	char number[STOQ_OPENMETRICS_NUMBER];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_string_equal(
			stoq_openmetrics_number(number, numbers[i].value), numbers[i].text);
}

static void test_samples(void **state)
{
	char *text;
	size_t size;
	const struct stoq_openmetrics out = {.out = open_memstream(&text, &size)};

	(void)state;
	stoq_openmetrics_put_sample(&out, "a_total", "b=\"c\"", 0);
	stoq_openmetrics_put_sample(&out, "a_total", "b=\"c\"", UINT64_MAX);
	stoq_openmetrics_put_seconds(&out, "a", "b=\"c\"", ",d=\"e\"", 12000000034);
	stoq_openmetrics_put_seconds(&out, "a", "", "", 0);
	fclose(out.out);
	assert_string_equal(text, "stoq_a_total{b=\"c\"} 0\n"
				  "stoq_a_total{b=\"c\"} 18446744073709551615\n"
				  "stoq_a{b=\"c\",d=\"e\"} 12.000000034\n"
				  "stoq_a{} 0.000000000\n");
	free(text);
}

/* Prometheus refuses a whole text for one byte that is no UTF-8. */
static void test_labels(void **state)
{
	char *pair = stoq_openmetrics_pair("a", "\xff\xc0\x80 \xed\xa0\x80 \xc3\xa9\"\\\n\xc3");

	(void)state;
	assert_string_equal(pair,
		"a=\"\\\\xff\\\\xc0\\\\x80 \\\\xed\\\\xa0\\\\x80 \xc3\xa9\\\"\\\\\\n\\\\xc3\"");
	free(pair);
}

/* Every command is in one bucket, below the first bound, and above the last one. */
static void test_latency(void **state)
{
	static const uint64_t ns[] = {
		0, 1, 16383, 16384, 65535, 1000000, 8589934591, 8589934592, UINT64_MAX / 2};
	struct stoq_histogram histogram = {0};
	struct stoq_latency_counts counts;
	uint64_t all = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(ns) / sizeof(ns[0]); i++)
		stoq_histogram_record(&histogram, ns[i]);
	stoq_latency_fold(&counts, histogram.buckets);
	for (size_t i = 0; i <= STOQ_LATENCY_BOUNDS; i++)
		all += counts.of[i];
	assert_int_equal(all, sizeof(ns) / sizeof(ns[0]));
	assert_int_equal(counts.of[0], 3);
	assert_int_equal(counts.of[1], 2);
	assert_int_equal(counts.of[STOQ_LATENCY_BOUNDS], 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_latency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
