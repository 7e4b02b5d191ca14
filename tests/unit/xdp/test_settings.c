// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xdp/names.h"
#include "xdp/settings.h"

static void assert_limit(const char *text, uint32_t per_second, uint32_t burst)
{
	struct stoq_xdp_limit limit;

	assert_int_equal(stoq_xdp_limit_parse(&limit, text, NULL), 0);
	assert_int_equal(limit.per_second, per_second);
	assert_int_equal(limit.burst, burst);
}

static void test_limits(void **state)
{
	struct stoq_xdp_limit limit;
	struct stoq_error error;

	(void)state;
	assert_limit("1000", 1000, 100);
	assert_limit("1000:200", 1000, 200);
	assert_limit("3", 3, 1);
	assert_limit("1000000:1000000", 1000000, 1000000);
	assert_limit("off", 0, 1);
	assert_int_equal(stoq_xdp_limit_parse(&limit, "0", &error), -EINVAL);
	assert_int_equal(stoq_xdp_limit_parse(&limit, "", &error), -EINVAL);
	assert_int_equal(stoq_xdp_limit_parse(&limit, "1000001", &error), -EINVAL);
	assert_int_equal(stoq_xdp_limit_parse(&limit, "10:", &error), -EINVAL);
	assert_int_equal(stoq_xdp_limit_parse(&limit, "10:0", &error), -EINVAL);
	assert_non_null(strstr(error.text, "burst"));
	assert_int_equal(stoq_xdp_limit_parse(&limit, "100000000000000000000", &error), -EINVAL);
}

static void test_rates(void **state)
{
	struct stoq_xdp_limit limit = {.per_second = 1000, .burst = 5};
	struct stoq_xdp_rate rate;

	(void)state;
	stoq_xdp_rate_set(&rate, &limit);
	assert_int_equal(rate.interval_ns, 1000000);
	assert_int_equal(rate.tolerance_ns, 4000000);
	limit.per_second = 0;
	stoq_xdp_rate_set(&rate, &limit);
	assert_int_equal(rate.interval_ns, 0);
}

static void test_ports_and_flags(void **state)
{
	struct stoq_xdp_config config = {.flags = STOQ_XDP_ACCEPT};
	struct stoq_xdp_maps maps = {.config = &config};

	(void)state;
	maps.ports = calloc(STOQ_XDP_PORT_WORDS, sizeof(*maps.ports));
	for (uint32_t port = 0; port < 65536; port += 4369) {
		assert_false(stoq_xdp_has_port(&maps, (uint16_t)port));
		stoq_xdp_set_port(&maps, (uint16_t)port, true);
		assert_true(stoq_xdp_has_port(&maps, (uint16_t)port));
	}
	stoq_xdp_set_port(&maps, 4369, false);
	assert_false(stoq_xdp_has_port(&maps, 4369));
	assert_true(stoq_xdp_has_port(&maps, 65535));
	stoq_xdp_set_flags(&maps, STOQ_XDP_REDIRECT, true);
	assert_int_equal(config.flags, STOQ_XDP_ACCEPT | STOQ_XDP_REDIRECT);
	stoq_xdp_set_flags(&maps, STOQ_XDP_ACCEPT, false);
	assert_int_equal(config.flags, STOQ_XDP_REDIRECT);
	free(maps.ports);
}

/* What is counted or is a state has a name, and no two have the same. */
static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < STOQ_XDP_VERDICTS; i++) {
		const char *name = stoq_xdp_verdict_name(i);

		assert_non_null(name);
		assert_non_null(stoq_xdp_verdict_text(i));
		assert_int_equal(strncmp(name, "drop_", 5) == 0, i >= STOQ_XDP_FIRST_DROP);
		for (int other = 0; other < i; other++)
			assert_string_not_equal(name, stoq_xdp_verdict_name(other));
	}
	for (int i = 0; i < STOQ_XDP_STATES; i++)
		assert_non_null(stoq_xdp_state_name(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_ports_and_flags),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
