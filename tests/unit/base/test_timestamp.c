// SPDX-License-Identifier: BSD-2-Clause
/* Times as RFC 3339 has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/timestamp.h"

#define TIME_NS 1795322086123456789ull /* 2026-11-22, 04:34:46 UTC */

static void expect_local(const char *zone, unsigned int digits, const char *expected)
{
	char text[STOQ_TIMESTAMP];

	setenv("TZ", zone, 1);
	tzset();
	assert_string_equal(stoq_timestamp_local(text, TIME_NS, digits), expected);
}

static void local_times(void **state)
{
	(void)state;
	expect_local("UTC", 6, "2026-11-22T04:34:46.123456+00:00");
	expect_local("UTC", 0, "2026-11-22T04:34:46+00:00");
	expect_local("EST5EDT", 3, "2026-11-21T23:34:46.123-05:00");
	expect_local("IST-5:30", 9, "2026-11-22T10:04:46.123456789+05:30");
	expect_local("XXX+3:30", 1, "2026-11-22T01:04:46.1-03:30");
}

static void utc_times(void **state)
{
	char text[STOQ_TIMESTAMP];

	(void)state;
	setenv("TZ", "EST5EDT", 1);
	tzset();
	assert_string_equal(stoq_timestamp_utc(text, TIME_NS, 9), "2026-11-22T04:34:46.123456789Z");
	assert_string_equal(stoq_timestamp_utc(text, 0, 6), "1970-01-01T00:00:00.000000Z");
	assert_true(strlen(stoq_timestamp_utc(text, UINT64_MAX, 9)) < sizeof(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(local_times),
		cmocka_unit_test(utc_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
