// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/poll_window.h"

#define US_NS 1000u

static void begins_without_polling(void **state)
{
	struct stoq_poll_window window = {.limit_ns = 100 * US_NS};

	assert_int_equal(window.window_ns, 0);
	stoq_poll_window_note(&window, 5000 * US_NS);
	assert_int_equal(window.window_ns, 0);
}

/* While work comes soon, but later than the window is long. */
static void grows_up_to_its_limit(void **state)
{
	struct stoq_poll_window window = {.limit_ns = 100 * US_NS};
	uint64_t last_ns = 0;

	for (int i = 0; i < 10; i++) {
		stoq_poll_window_note(&window, 99 * US_NS);
		assert_true(window.window_ns > last_ns || window.window_ns >= 99 * US_NS);
		assert_true(window.window_ns <= window.limit_ns);
		last_ns = window.window_ns;
	}
	assert_true(last_ns >= 99 * US_NS);
}

static void stays_while_it_is_long_enough(void **state)
{
	struct stoq_poll_window window = {.limit_ns = 100 * US_NS, .window_ns = 40 * US_NS};

	for (int i = 0; i < 10; i++)
		stoq_poll_window_note(&window, 39 * US_NS);
	assert_int_equal(window.window_ns, 40 * US_NS);
}

/* An idle thread must not look in vain. */
static void one_long_wait_ends_it(void **state)
{
	struct stoq_poll_window window = {.limit_ns = 100 * US_NS, .window_ns = 100 * US_NS};

	stoq_poll_window_note(&window, 101 * US_NS);
	assert_int_equal(window.window_ns, 0);
}

static void with_a_limit_of_zero_it_never_polls(void **state)
{
	struct stoq_poll_window window = {0};

	for (uint64_t waited_ns = 0; waited_ns < 100; waited_ns++)
		stoq_poll_window_note(&window, waited_ns);
	assert_int_equal(window.window_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_without_polling),
		cmocka_unit_test(grows_up_to_its_limit),
		cmocka_unit_test(stays_while_it_is_long_enough),
		cmocka_unit_test(one_long_wait_ends_it),
		cmocka_unit_test(with_a_limit_of_zero_it_never_polls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
