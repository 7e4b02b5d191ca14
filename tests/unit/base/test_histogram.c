// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/histogram.h"

#define SAMPLES 20000

static void test_bounds_agree_with_the_program(void **state)
{
	assert_int_equal(stoq_histogram_lower_ns(0), 0);
	for (unsigned int i = 0; i < STOQ_LATENCY_BUCKETS; i++) {
		uint64_t lower = stoq_histogram_lower_ns(i);
		uint64_t upper = stoq_histogram_upper_ns(i);

		assert_true(lower < upper);
		assert_int_equal(stoq_latency_bucket(lower), i);
		assert_int_equal(stoq_latency_bucket(upper - 1), i);
		if (i < STOQ_LATENCY_OVERFLOW)
			assert_int_equal(upper, stoq_histogram_lower_ns(i + 1));
	}
	assert_int_equal(stoq_histogram_lower_ns(STOQ_LATENCY_OVERFLOW), 1ull << 37);
	assert_true(stoq_histogram_upper_ns(STOQ_LATENCY_OVERFLOW) == UINT64_MAX);
}

static void test_width_is_a_sixteenth(void **state)
{
	for (unsigned int i = 0; i < STOQ_LATENCY_OVERFLOW; i++) {
		uint64_t lower = stoq_histogram_lower_ns(i);
		uint64_t width = stoq_histogram_upper_ns(i) - lower;

		if (lower >= 1024)
			assert_true(width * 16 <= lower);
		else
			assert_int_equal(width, 64);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Values over all magnitudes, 2^8 to 2^35 ns; always the same ones. */
static void make_samples(uint64_t *samples, size_t count)
{
	uint64_t random = 88172645463325252ull;

	for (size_t i = 0; i < count; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		samples[i] = (random >> 32 | 1ull << 31) >> (random % 24) << (random % 4);
	}
}

static void test_percentiles_of_samples(void **state)
{
	static const struct {
		double fraction;
		size_t rank; /* of SAMPLES, from 1 */
	} cases[] = {{0.0001, 2}, {0.07, 1400}, {0.5, 10000}, {0.95, 19000}, {0.99, 19800},
		{0.999, 19980}, {1, 20000}};
	static struct stoq_histogram histogram;
	static uint64_t samples[SAMPLES];

	make_samples(samples, SAMPLES);
	for (size_t i = 0; i < SAMPLES; i++)
		stoq_histogram_record(&histogram, samples[i]);
	qsort(samples, SAMPLES, sizeof(samples[0]), compare);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t got = stoq_histogram_percentile_ns(&histogram, cases[i].fraction);
		uint64_t expected = samples[cases[i].rank - 1];

		assert_int_equal(stoq_latency_bucket(got), stoq_latency_bucket(expected));
		if (expected >= 1024)
			assert_true((got > expected ? got - expected : expected - got) * 16 <=
				    expected);
	}
	assert_true(stoq_histogram_percentile_ns(&histogram, 1) <= samples[SAMPLES - 1]);
}

static void test_never_above_the_maximum(void **state)
{
	static struct stoq_histogram histogram;

	stoq_histogram_record(&histogram, 1025);
	assert_int_equal(stoq_histogram_percentile_ns(&histogram, 0.5), 1025);
	stoq_histogram_record(&histogram, 1ull << 50);
	assert_true(stoq_histogram_percentile_ns(&histogram, 1) == 1ull << 50);
}

/* Buckets that are four of these: the same rule, with wider ones. */
static void test_wider_buckets(void **state)
{
	static uint64_t counts[(STOQ_LATENCY_OVERFLOW >> 2) + 1];
	const struct stoq_buckets buckets = {
		.counts = counts, .shift = 2, .count = 10, .max_ns = 1ull << 50};

	counts[stoq_latency_bucket(100000) >> 2] = 9;
	counts[STOQ_LATENCY_OVERFLOW >> 2] = 1;
	/* 98304 to 114688 is the bucket. */
	assert_int_equal(stoq_buckets_percentile_ns(&buckets, 0.5), 98304 + 8192);
	assert_true(stoq_buckets_percentile_ns(&buckets, 1) == 1ull << 50);
}

static void test_empty(void **state)
{
	static const struct stoq_histogram histogram;

	assert_int_equal(stoq_histogram_percentile_ns(&histogram, 0.99), 0);
	assert_int_equal(stoq_histogram_mean_ns(&histogram), 0);
}

static void test_add_is_recording_into_one(void **state)
{
	static struct stoq_histogram one, two, both;
	static uint64_t samples[64];

	make_samples(samples, 64);
	for (size_t i = 0; i < 64; i++) {
		stoq_histogram_record(i % 3 ? &one : &two, samples[i]);
		stoq_histogram_record(&both, samples[i]);
	}
	stoq_histogram_add(&one, &two);
	assert_memory_equal(&one, &both, sizeof(one));
	assert_int_equal(stoq_histogram_mean_ns(&one), one.sum_ns / 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds_agree_with_the_program),
		cmocka_unit_test(test_width_is_a_sixteenth),
		cmocka_unit_test(test_percentiles_of_samples),
		cmocka_unit_test(test_never_above_the_maximum),
		cmocka_unit_test(test_wider_buckets),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_add_is_recording_into_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
