// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tunnel/arrivals.h"

#define SECOND_NS 1000000000ull

static void bytes_have_the_time_of_the_first_note_that_has_them(void **state)
{
	struct stoq_arrivals arrivals = {0};

	assert_int_equal(stoq_arrivals_of(&arrivals, 0, 77), 77);
	stoq_arrivals_note(&arrivals, 100, 5 * SECOND_NS);
	stoq_arrivals_note(&arrivals, 150, 5 * SECOND_NS + 1); /* too soon after the first */
	stoq_arrivals_note(&arrivals, 300, 7 * SECOND_NS);
	assert_int_equal(stoq_arrivals_of(&arrivals, 99, 9 * SECOND_NS), 5 * SECOND_NS);
	assert_int_equal(stoq_arrivals_of(&arrivals, 100, 9 * SECOND_NS), 7 * SECOND_NS);
	assert_int_equal(stoq_arrivals_of(&arrivals, 299, 9 * SECOND_NS), 7 * SECOND_NS);
	assert_int_equal(stoq_arrivals_of(&arrivals, 300, 9 * SECOND_NS), 9 * SECOND_NS);
}

/* What came earlier than any note counts as having come then: the longest wait is shorter. */
static void the_latest_notes_are_kept(void **state)
{
	struct stoq_arrivals arrivals = {0};

	for (uint64_t i = 1; i <= 100; i++)
		stoq_arrivals_note(&arrivals, i * 10, i * SECOND_NS);
	assert_int_equal(arrivals.count, STOQ_ARRIVALS_NOTES);
	assert_int_equal(stoq_arrivals_of(&arrivals, 0, 200 * SECOND_NS),
		(100 - STOQ_ARRIVALS_NOTES + 1) * SECOND_NS);
	assert_int_equal(stoq_arrivals_of(&arrivals, 995, 200 * SECOND_NS), 100 * SECOND_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_have_the_time_of_the_first_note_that_has_them),
		cmocka_unit_test(the_latest_notes_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
