// SPDX-License-Identifier: BSD-2-Clause
/* Which queues are reset when a connection's credit is used up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tunnel/standstill.h"

#define S   1000000000ull
#define MIB (1ull << 20)

/* Looks every second for so long; how long the queue stood still at the end, the longest time in between at most. */
static uint64_t stand(enum stoq_standstill_cause cause, uint64_t unread_bytes,
	uint64_t bytes_per_second, unsigned int seconds, bool suspect)
{
	struct stoq_standstill still = {.since_ns = 0};
	uint64_t longest_ns = 0;

	for (unsigned int i = 0; i <= seconds; i++) {
		uint64_t still_ns = stoq_standstill_look(
			&still, &(struct stoq_standstill_view){.now_ns = 100 * S + i * S,
					.cause = cause,
					.unread_bytes = unread_bytes,
					.written_bytes = i * bytes_per_second,
					.suspect = suspect});

		longest_ns = still_ns > longest_ns ? still_ns : longest_ns;
	}
	return longest_ns;
}

static void test_one_that_trickles_is_over(void **state)
{
	assert_true(stand(STOQ_STANDSTILL_TCP, 8 * MIB, 0, 10, false) >= STOQ_STANDSTILL_NS);
	assert_true(stand(STOQ_STANDSTILL_TCP, 8 * MIB, 1, 10, false) >= STOQ_STANDSTILL_NS);
	assert_true(stand(STOQ_STANDSTILL_TCP, 8 * MIB, 200000, 10, false) >= STOQ_STANDSTILL_NS);
	assert_true(stand(STOQ_STANDSTILL_TCP, 1, 0, 10, false) >= STOQ_STANDSTILL_NS);
}

static void test_an_honest_one_goes_on(void **state)
{
	/* 10 MB/s with 16 MB held; a third of 8 MiB in less than 10 s. */
	assert_true(stand(STOQ_STANDSTILL_TCP, 16000000, 10000000, 100, false) < S);
	assert_true(stand(STOQ_STANDSTILL_TCP, 8 * MIB, 350000, 100, false) < STOQ_STANDSTILL_NS);
	/* Stalled for 9 s. */
	assert_true(stand(STOQ_STANDSTILL_TCP, 8 * MIB, 0, 9, false) < STOQ_STANDSTILL_NS);
	assert_int_equal(stand(STOQ_STANDSTILL_TCP, 0, 0, 100, false), 0);
}

static void test_what_waits_for_others_waits_while_one_is_suspect(void **state)
{
	static const enum stoq_standstill_cause causes[] = {
		STOQ_STANDSTILL_FUSED, STOQ_STANDSTILL_PDU, STOQ_STANDSTILL_OTHER};

	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		assert_int_equal(stand(causes[i], MIB, 0, 100, true), 0);
		assert_true(stand(causes[i], MIB, 0, 10, false) >= STOQ_STANDSTILL_NS);
	}
	assert_true(stand(STOQ_STANDSTILL_TCP, MIB, 0, 10, true) >= STOQ_STANDSTILL_NS);
}

static void test_limits_are_no_fault(void **state)
{
	assert_int_equal(stand(STOQ_STANDSTILL_LIMITS, 8 * MIB, 0, 100, false), 0);
}

static void test_those_that_hold_most_go_together(void **state)
{
	assert_true(stoq_standstill_over(10 * S, 8 * MIB, 8 * MIB));
	assert_true(stoq_standstill_over(10 * S, 4 * MIB, 8 * MIB));
	assert_false(stoq_standstill_over(10 * S, 3 * MIB, 8 * MIB));
	assert_false(stoq_standstill_over(9 * S, 8 * MIB, 8 * MIB));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_that_trickles_is_over),
		cmocka_unit_test(test_an_honest_one_goes_on),
		cmocka_unit_test(test_what_waits_for_others_waits_while_one_is_suspect),
		cmocka_unit_test(test_limits_are_no_fault),
		cmocka_unit_test(test_those_that_hold_most_go_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
