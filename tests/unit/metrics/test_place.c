// SPDX-License-Identifier: BSD-2-Clause
/* Where an endpoint may listen. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/place.h"

static void expect(const char *text, const char *url)
{
	struct stoq_metrics_place place = stoq_metrics_place_default(9420);
	char got[STOQ_METRICS_URL];
	struct stoq_error error;

	assert_int_equal(stoq_metrics_place_parse(&place, text, &error), 0);
	assert_string_equal(stoq_metrics_place_url(got, &place, false), url);
}

static void test_parse(void **state)
{
	static const char *const bad[] = {"", ":", ":9420", "127.0.0.1", "127.0.0.1:", "::1:9420",
		"[::1]9420", "[127.0.0.1]:9420", "[]:9420", "node7:9420", "65536", "-1",
		"127.0.0.1:99999", "[2001:db8:0000:0000:0000:0000:0000:0000:0000:0001]:1"};
	struct stoq_metrics_place place;
	struct stoq_error error;

	(void)state;
	expect("9420", "http://127.0.0.1:9420/metrics");
	expect("localhost:0", "http://127.0.0.1:0/metrics");
	expect("192.0.2.1:65535", "http://192.0.2.1:65535/metrics");
	expect("[::]:1", "http://[::]:1/metrics");
	expect("[2001:db8:1111:2222:3333:4444:5555:6666]:65535",
		"http://[2001:db8:1111:2222:3333:4444:5555:6666]:65535/metrics");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(stoq_metrics_place_parse(&place, bad[i], &error), -EINVAL);
}

static void test_check(void **state)
{
	static const char *const own[] = {"127.0.0.1:1", "127.255.255.255:1", "[::1]:1"};
	static const char *const open[] = {"0.0.0.0:1", "128.0.0.1:1", "[::]:1", "[::2]:1"};
	struct stoq_metrics_place place = stoq_metrics_place_default(1);
	struct stoq_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		assert_int_equal(stoq_metrics_place_parse(&place, own[i], &error), 0);
		assert_int_equal(stoq_metrics_place_check(&place, &error), 0);
	}
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		place.web_config = NULL;
		assert_int_equal(stoq_metrics_place_parse(&place, open[i], &error), 0);
		assert_int_equal(stoq_metrics_place_check(&place, &error), -EPERM);
		assert_non_null(strstr(error.text, "--web-config"));
		place.web_config = "web.yaml";
		assert_int_equal(stoq_metrics_place_check(&place, &error), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
