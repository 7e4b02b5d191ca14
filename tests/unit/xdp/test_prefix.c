// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "xdp/prefix.h"

static void assert_reads(const char *text, uint32_t bits, const char *printed)
{
	char again[STOQ_XDP_PREFIX_TEXT];
	struct stoq_xdp_prefix prefix;

	assert_int_equal(stoq_xdp_prefix_parse(&prefix, text, NULL), 0);
	assert_int_equal(prefix.bits, bits);
	stoq_xdp_prefix_print(again, &prefix);
	assert_string_equal(again, printed);
}

static void test_good(void **state)
{
	(void)state;
	assert_reads("10.0.0.0/8", 104, "10.0.0.0/8");
	assert_reads("192.0.2.7", 128, "192.0.2.7");
	assert_reads("192.0.2.7/32", 128, "192.0.2.7");
	assert_reads("0.0.0.0/0", 96, "0.0.0.0/0");
	assert_reads("2001:db8::/32", 32, "2001:db8::/32");
	assert_reads("::/0", 0, "::/0");
	assert_reads("::1", 128, "::1");
	assert_reads("::ffff:10.0.0.0/104", 104, "10.0.0.0/8");
}

static void assert_refused(const char *text, const char *why)
{
	struct stoq_xdp_prefix prefix;
	struct stoq_error error;

	assert_int_equal(stoq_xdp_prefix_parse(&prefix, text, &error), -EINVAL);
	if (!strstr(error.text, why))
		fail_msg("'%s' has no '%s'", error.text, why);
}

static void test_bad(void **state)
{
	(void)state;
	assert_refused("", "no address");
	assert_refused("10.0.0", "no address");
	assert_refused("example.org", "no address");
	assert_refused("10.0.0.0/33", "0 to 32");
	assert_refused("10.0.0.0/", "0 to 32");
	assert_refused("10.0.0.0/-1", "0 to 32");
	assert_refused("2001:db8::/129", "0 to 128");
	assert_refused("10.0.0.1/8", "leave out /8");
	assert_refused("2001:db8::1/64", "leave out /64");
	assert_refused("11111111111111111111111111111111111111111111111111111111111111111111111111",
		"no address");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
