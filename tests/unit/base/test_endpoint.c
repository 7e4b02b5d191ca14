// SPDX-License-Identifier: BSD-2-Clause
/* Addresses and ports as text. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/endpoint.h"

static void test_ipv4_is_mapped(void **state)
{
	char text[STOQ_ENDPOINT_TEXT];
	uint8_t address[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1};

	(void)state;
	assert_string_equal(stoq_endpoint_text(text, address, 4000), "10.0.0.1:4000");
	address[0] = 0x20;
	assert_string_equal(stoq_endpoint_text(text, address, 1), "[2000::ffff:a00:1]:1");
}

static void assert_same(const char *host)
{
	char text[STOQ_HOST_TEXT];
	uint8_t address[16];

	assert_int_equal(stoq_host_parse(address, host), 0);
	assert_string_equal(stoq_host_text(text, address), host);
}

static void test_what_is_read_is_printed(void **state)
{
	uint8_t address[16];

	(void)state;
	assert_same("192.0.2.1");
	assert_same("2001:db8::1");
	assert_same("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	assert_int_equal(stoq_host_parse(address, "192.0.2.256"), -EINVAL);
	assert_int_equal(stoq_host_parse(address, "db1.example"), -EINVAL);
}

static void test_longest_endpoint(void **state)
{
	char text[STOQ_ENDPOINT_TEXT];
	uint8_t address[16];

	(void)state;
	memset(address, 0xff, sizeof(address));
	assert_string_equal(stoq_endpoint_text(text, address, 65535),
		"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
	stoq_endpoint_join(text, sizeof(text), "fe80::1%eth0", 7);
	assert_string_equal(text, "[fe80::1%eth0]:7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4_is_mapped),
		cmocka_unit_test(test_what_is_read_is_printed),
		cmocka_unit_test(test_longest_endpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
