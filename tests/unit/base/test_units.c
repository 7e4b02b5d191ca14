// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/units.h"

static void numbers_within_bounds(void **state)
{
	uint64_t value = 7;

	assert_int_equal(stoq_parse_number("1", 1, 65535, &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(stoq_parse_number("65535", 1, 65535, &value), 0);
	assert_int_equal(value, 65535);
	assert_int_equal(stoq_parse_number("0", 1, 65535, &value), -ERANGE);
	assert_int_equal(stoq_parse_number("65536", 1, 65535, &value), -ERANGE);
	assert_int_equal(stoq_parse_number("18446744073709551616", 0, UINT64_MAX, &value), -ERANGE);
	assert_int_equal(value, 65535);
}

static void numbers_that_are_none(void **state)
{
	const char *const wrong[] = {"", " 1", "1 ", "-1", "+1", "0x10", "1.0", "one", "12a"};
	uint64_t value = 7;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(stoq_parse_number(wrong[i], 0, UINT64_MAX, &value), -EINVAL);
	assert_int_equal(value, 7);
}

static void byte_counts(void **state)
{
	const struct {
		const char *text;
		uint64_t bytes;
	} right[] = {{"0", 0}, {"512", 512}, {"4k", 4096}, {"4KiB", 4096}, {"64M", 64ull << 20},
		{"2GiB", 2ull << 30}, {"1t", 1ull << 40}};
	uint64_t bytes = 7;

	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_int_equal(stoq_parse_bytes(right[i].text, &bytes), 0);
		assert_int_equal(bytes, right[i].bytes);
	}
	assert_int_equal(stoq_parse_bytes("M", &bytes), -EINVAL);
	assert_int_equal(stoq_parse_bytes("1MB2", &bytes), -EINVAL);
	assert_int_equal(stoq_parse_bytes("1 M", &bytes), -EINVAL);
	assert_int_equal(stoq_parse_bytes("16777216T", &bytes), -ERANGE);
}

static void durations(void **state)
{
	const struct {
		const char *text;
		uint64_t ns;
	} right[] = {{"0", 0}, {"100ns", 100}, {"250us", 250000}, {"1.5ms", 1500000},
		{"10s", 10000000000}, {"2m", 120000000000}, {"1h", 3600000000000},
		{"0.0000019s", 1000}, {"1.25us", 1250}};
	const char *const wrong[] = {"", "1", "1.", "1.ms", ".5s", "1 s", "-1s", "1x", "s"};
	uint64_t ns = 7;

	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_int_equal(stoq_parse_duration_ns(right[i].text, &ns), 0);
		assert_int_equal(ns, right[i].ns);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(stoq_parse_duration_ns(wrong[i], &ns), -EINVAL);
	assert_int_equal(stoq_parse_duration_ns("99999999999h", &ns), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_within_bounds),
		cmocka_unit_test(numbers_that_are_none),
		cmocka_unit_test(byte_counts),
		cmocka_unit_test(durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
