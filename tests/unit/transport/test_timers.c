// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "transport/timers.h"

#define TIMERS 1000

static void test_they_expire_in_order(void **state)
{
	static struct stoq_timer all[TIMERS];
	struct stoq_timers timers = {0};
	struct stoq_timer *timer;
	uint64_t last = 0;
	size_t expired = 0, set = 0;

	srandom(1);
	assert_int_equal(stoq_timers_next_ns(&timers), STOQ_NEVER);
	for (size_t i = 0; i < TIMERS; i++) {
		assert_int_equal(stoq_timers_reserve(&timers, i + 1), 0);
		stoq_timer_set(&timers, &all[i], random() % 10000);
	}
	/* Some are moved, some cleared, some of these twice. */
	for (size_t i = 0; i < TIMERS; i += 3)
		stoq_timer_set(&timers, &all[i], random() % 10000);
	for (size_t i = 0; i < TIMERS; i += 7) {
		stoq_timer_set(&timers, &all[i], STOQ_NEVER);
		stoq_timer_set(&timers, &all[i], STOQ_NEVER);
	}
	for (size_t i = 0; i < TIMERS; i++)
		set += all[i].place != 0;
	for (uint64_t now = 0; now <= 10000; now += 50) {
		while ((timer = stoq_timers_expire(&timers, now))) {
			assert_true(timer->due_ns >= last && timer->due_ns <= now);
			assert_int_equal(timer->place, 0);
			last = timer->due_ns;
			expired++;
		}
		assert_true(stoq_timers_next_ns(&timers) > now);
	}
	assert_int_equal(expired, set);
	stoq_timers_destroy(&timers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_they_expire_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
