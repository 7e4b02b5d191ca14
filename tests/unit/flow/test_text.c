// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow/text.h"

static void assert_clean(const char *in, enum stoq_text_set set, const char *expected)
{
	char out[256];

	assert_string_equal(stoq_text_clean(out, sizeof(out), in, strlen(in), set), expected);
}

static void test_ascii_only_on_terminals(void **state)
{
	assert_clean("nqn.2014-08.org:a~ b", STOQ_TEXT_ASCII, "nqn.2014-08.org:a~ b");
	assert_clean("\x1b[2Jx\r\n\t", STOQ_TEXT_ASCII, "\\x1b[2Jx\\x0d\\x0a\\x09");
	assert_clean("\x7f\x9b\xc2\x9b", STOQ_TEXT_ASCII, "\\x7f\\x9b\\xc2\\x9b");
	assert_clean("caf\xc3\xa9", STOQ_TEXT_ASCII, "caf\\xc3\\xa9");
	assert_clean("a\\x1b", STOQ_TEXT_ASCII, "a\\x5cx1b");
}

static void test_utf8_in_json(void **state)
{
	assert_clean("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", STOQ_TEXT_UTF8,
		"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
	/* C1 CSI, overlong '/', a surrogate, beyond Unicode, right-to-left override, cut short */
	assert_clean("\xc2\x9b", STOQ_TEXT_UTF8, "\\xc2\\x9b");
	assert_clean("\xc0\xaf", STOQ_TEXT_UTF8, "\\xc0\\xaf");
	assert_clean("\xed\xa0\x80", STOQ_TEXT_UTF8, "\\xed\\xa0\\x80");
	assert_clean("\xf4\x90\x80\x80", STOQ_TEXT_UTF8, "\\xf4\\x90\\x80\\x80");
	assert_clean("\xe2\x80\xae", STOQ_TEXT_UTF8, "\\xe2\\x80\\xae");
	assert_clean("x\xe2\x82", STOQ_TEXT_UTF8, "x\\xe2\\x82");
	assert_clean("\xff", STOQ_TEXT_UTF8, "\\xff");
}

static void test_stops_at_the_end_of_the_field(void **state)
{
	static const char field[4] = {'a', 'b', 'c', '\xe2'};
	char out[32];

	assert_string_equal(stoq_text_clean(out, sizeof(out), field, sizeof(field), STOQ_TEXT_UTF8),
		"abc\\xe2");
	assert_string_equal(stoq_text_clean(out, sizeof(out), "a\0b", 3, STOQ_TEXT_UTF8), "a");
}

static void test_cut_at_whole_characters(void **state)
{
	char out[8];

	assert_string_equal(stoq_text_clean(out, 8, "123456789", 9, STOQ_TEXT_UTF8), "1234567");
	assert_string_equal(stoq_text_clean(out, 8, "123456\xc3\xa9", 8, STOQ_TEXT_UTF8), "123456");
	assert_string_equal(stoq_text_clean(out, 8, "1234\x1b", 5, STOQ_TEXT_UTF8), "1234");
	assert_string_equal(stoq_text_clean(out, 1, "x", 1, STOQ_TEXT_UTF8), "");
}

static void test_counts(void **state)
{
	char out[STOQ_TEXT_NUMBER];

	assert_string_equal(stoq_text_count(out, 0), "0");
	assert_string_equal(stoq_text_count(out, 9999), "9999");
	assert_string_equal(stoq_text_count(out, 12345), "12.3k");
	assert_string_equal(stoq_text_count(out, 505123), "505k");
	assert_string_equal(stoq_text_count(out, 999499), "999k");
	assert_string_equal(stoq_text_count(out, 999600), "1.00M");
	assert_string_equal(stoq_text_count(out, UINT64_MAX), "18.4E");
}

static void test_times(void **state)
{
	char out[STOQ_TEXT_NUMBER];

	assert_string_equal(stoq_text_time(out, 0, ""), "0ns");
	assert_string_equal(stoq_text_time(out, 999, " "), "999 ns");
	assert_string_equal(stoq_text_time(out, 1000, ""), "1.00us");
	assert_string_equal(stoq_text_time(out, 84123, " "), "84.1 us");
	assert_string_equal(stoq_text_time(out, 999499, ""), "999us");
	assert_string_equal(stoq_text_time(out, 999500, ""), "1.00ms");
	assert_string_equal(stoq_text_time(out, 9994999, ""), "9.99ms");
	assert_string_equal(stoq_text_time(out, 9996000, ""), "10.0ms");
	assert_string_equal(stoq_text_time(out, 137000000000, ""), "137s");
}

static void test_bytes(void **state)
{
	char out[STOQ_TEXT_NUMBER];

	assert_string_equal(stoq_text_bytes(out, 512, ""), "512 B");
	assert_string_equal(stoq_text_bytes(out, 2068480000, "/s"), "2.07 GB/s");
	assert_string_equal(stoq_text_megabytes(out, 0), "0");
	assert_string_equal(stoq_text_megabytes(out, 1638400000), "1638");
	assert_string_equal(stoq_text_megabytes(out, 1500000), "1.50");
	assert_string_equal(stoq_text_megabytes(out, 25600000), "25.6");
}

static void test_rates(void **state)
{
	assert_true(stoq_text_rate(500, 500000000) == 1000);
	assert_true(stoq_text_rate(500, 0) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ascii_only_on_terminals),
		cmocka_unit_test(test_utf8_in_json),
		cmocka_unit_test(test_stops_at_the_end_of_the_field),
		cmocka_unit_test(test_cut_at_whole_characters),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
