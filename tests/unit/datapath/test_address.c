// SPDX-License-Identifier: BSD-2-Clause
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/address.h"

static struct stoq_address parse(const char *text)
{
	struct stoq_address address;
	struct stoq_error error;

	assert_int_equal(stoq_address_parse(&address, text, 9292, &error), 0);
	return address;
}

/* What is read, written again. */
static void assert_text(const char *text, const char *expected)
{
	struct stoq_address address = parse(text);
	char out[STOQ_ADDRESS_TEXT];

	assert_string_equal(stoq_address_text(out, &address), expected);
}

static void reads_and_writes(void **state)
{
	assert_text("192.0.2.1:4420", "192.0.2.1:4420");
	assert_text("192.0.2.1", "192.0.2.1:9292");
	assert_text("0.0.0.0:0", "0.0.0.0:0");
	assert_text("[2001:db8::1]:65535", "[2001:db8::1]:65535");
	assert_text("[2001:db8::1]", "[2001:db8::1]:9292");
	assert_text("2001:db8::1", "[2001:db8::1]:9292");
	assert_text("::", "[::]:9292");
	assert_text("[fe80::1%lo]:1", "[fe80::1%lo]:1");
}

static void refuses(void **state)
{
	const char *const wrong[] = {"", ":", "host:1", "192.0.2.1:", "192.0.2.1:65536",
		"192.0.2.1:-1", "192.0.2:1", "192.0.2.1:1:2", "[::1:1", "::1]:1", "[::1]1",
		"[::1]:x", "[192.0.2.1]:1", "fe80::1%", "fe80::1%no-such-if", "[]:1",
		"[11:22:33:44:55:66:77:88:99]:1"};
	struct stoq_address address = {.length = 99};
	struct stoq_error error;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		error.text[0] = '\0';
		assert_int_equal(stoq_address_parse(&address, wrong[i], 9292, &error), -EINVAL);
		assert_non_null(strstr(error.text, wrong[i][0] ? "'" : "no address"));
	}
	assert_int_equal(address.length, 99);
	/* The port in the example is the one that is meant. */
	assert_non_null(strstr(error.text, "192.0.2.1:9292, or [2001:db8::1]:9292"));
	assert_int_equal(stoq_address_parse(&address, "foo.example", 4420, &error), -EINVAL);
	assert_non_null(strstr(error.text, "192.0.2.1:4420, or [2001:db8::1]:4420"));
	assert_int_equal(stoq_address_parse(&address, "foo.example", 0, &error), -EINVAL);
	assert_non_null(strstr(error.text, "192.0.2.1, or [2001:db8::1];"));
}

static void compares(void **state)
{
	struct stoq_address a = parse("192.0.2.1:1"), b = parse("192.0.2.1:2");
	struct stoq_address c = parse("192.0.2.2:1"), d = parse("[::1]:1"), e = parse("[::2]:1");
	struct stoq_address unknown = {.length = 0};

	assert_true(stoq_address_equal(&a, &a));
	assert_true(stoq_address_equal(&d, &d));
	assert_false(stoq_address_equal(&a, &b));
	assert_true(stoq_address_same_host(&a, &b));
	assert_false(stoq_address_same_host(&a, &c));
	assert_false(stoq_address_same_host(&a, &d));
	assert_false(stoq_address_same_host(&d, &e));
	assert_false(stoq_address_same_host(&unknown, &unknown));
}

static void maps(void **state)
{
	struct stoq_address four = parse("192.0.2.1:4420"), six = parse("[2001:db8::1]:1");
	struct stoq_address mapped = four, same = six, parsed;

	stoq_address_map(&mapped);
	assert_int_equal(mapped.sa.sa_family, AF_INET6);
	parsed = parse("[::ffff:192.0.2.1]:4420");
	assert_true(stoq_address_equal(&mapped, &parsed));
	stoq_address_unmap(&mapped);
	assert_true(stoq_address_equal(&mapped, &four));
	assert_int_equal(mapped.length, sizeof(struct sockaddr_in));
	stoq_address_unmap(&same);
	stoq_address_map(&same);
	assert_true(stoq_address_equal(&same, &six));
}

static void knows_wildcards(void **state)
{
	struct stoq_address address = parse("0.0.0.0:1");

	assert_true(stoq_address_is_wildcard(&address));
	address = parse("[::]:1");
	assert_true(stoq_address_is_wildcard(&address));
	address = parse("[::1]:0");
	assert_false(stoq_address_is_wildcard(&address));
	address = parse("127.0.0.1:0");
	assert_false(stoq_address_is_wildcard(&address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes),
		cmocka_unit_test(refuses),
		cmocka_unit_test(compares),
		cmocka_unit_test(maps),
		cmocka_unit_test(knows_wildcards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
