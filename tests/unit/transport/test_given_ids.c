// SPDX-License-Identifier: BSD-2-Clause
/* Which NEW_CONNECTION_ID frames would retire an ID that is retired already. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "transport/given_ids.h"

static struct stoq_given_ids ids;

static int begin(void **state)
{
	stoq_given_ids_init(&ids, false);
	return 0;
}

static void repeats_are_harmless_until_they_are_retired(void **state)
{
	assert_true(stoq_given_ids_take(&ids, 3, 0));
	assert_true(stoq_given_ids_take(&ids, 3, 0));
	assert_true(stoq_given_ids_take(&ids, 5, 4));
	assert_false(stoq_given_ids_take(&ids, 3, 0));
	assert_true(stoq_given_ids_take(&ids, 5, 4));
	assert_true(stoq_given_ids_take(&ids, 4, 4));
}

/* RFC 9000, 19.15: it is retired, once. */
static void a_late_one_is_retired_once(void **state)
{
	assert_true(stoq_given_ids_take(&ids, 10, 10));
	for (uint64_t number = 1; number < 10; number++) {
		assert_true(stoq_given_ids_take(&ids, number, 0));
		assert_false(stoq_given_ids_take(&ids, number, 0));
	}
}

static void the_handshakes_count_as_given(void **state)
{
	assert_true(stoq_given_ids_take(&ids, 2, 2));
	assert_false(stoq_given_ids_take(&ids, 0, 0));
	assert_true(stoq_given_ids_take(&ids, 1, 0));
	stoq_given_ids_init(&ids, true);
	assert_true(stoq_given_ids_take(&ids, 2, 2));
	assert_false(stoq_given_ids_take(&ids, 0, 0));
	assert_false(stoq_given_ids_take(&ids, 1, 0));
}

static void long_ago_counts_as_given(void **state)
{
	assert_true(stoq_given_ids_take(&ids, 100, 100));
	assert_true(stoq_given_ids_take(&ids, 36, 0));
	assert_false(stoq_given_ids_take(&ids, 35, 0));
	assert_true(stoq_given_ids_take(&ids, 164, 164));
	assert_false(stoq_given_ids_take(&ids, 100, 0));
	assert_true(stoq_given_ids_take(&ids, 101, 0));
	assert_true(stoq_given_ids_take(&ids, UINT64_MAX >> 2, UINT64_MAX >> 2));
	assert_false(stoq_given_ids_take(&ids, 164, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(repeats_are_harmless_until_they_are_retired, begin),
		cmocka_unit_test_setup(a_late_one_is_retired_once, begin),
		cmocka_unit_test_setup(the_handshakes_count_as_given, begin),
		cmocka_unit_test_setup(long_ago_counts_as_given, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
