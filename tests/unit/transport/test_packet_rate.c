// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "transport/packet_rate.h"

#define SECOND_NS 1000000000ull

/* One reading says nothing; one that comes too soon keeps what was known. */
static void test_needs_two_readings_a_second_apart(void **state)
{
	struct stoq_packet_rate rate = {0};

	stoq_packet_rate_read(&rate, 5 * SECOND_NS, 1000, 500);
	assert_int_equal(rate.over_ns, 0);
	stoq_packet_rate_read(&rate, 5 * SECOND_NS + 999999999, 2000, 500);
	assert_int_equal(rate.over_ns, 0);
	stoq_packet_rate_read(&rate, 6 * SECOND_NS, 3000, 700);
	assert_int_equal(rate.over_ns, SECOND_NS);
	assert_int_equal(rate.sent_per_second, 2000);
	assert_int_equal(rate.received_per_second, 200);
	stoq_packet_rate_read(&rate, 6 * SECOND_NS + 1, 9000, 900);
	assert_int_equal(rate.sent_per_second, 2000);
}

static void test_counts_from_the_last_reading(void **state)
{
	struct stoq_packet_rate rate = {0};

	stoq_packet_rate_read(&rate, SECOND_NS, 0, 0);
	stoq_packet_rate_read(&rate, 2 * SECOND_NS, 1000, 1000);
	stoq_packet_rate_read(&rate, 12 * SECOND_NS, 1000, 6000);
	assert_int_equal(rate.over_ns, 10 * SECOND_NS);
	assert_int_equal(rate.sent_per_second, 0);
	assert_int_equal(rate.received_per_second, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_needs_two_readings_a_second_apart),
		cmocka_unit_test(test_counts_from_the_last_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
