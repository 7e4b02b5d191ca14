// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/array.h"

static void test_keeps_what_is_there(void **state)
{
	size_t capacity = 0;
	uint32_t *items = NULL;

	(void)state;
	for (uint32_t count = 0; count < 1000; count++) {
		items = stoq_array_room(items, count, &capacity, sizeof(*items));
		assert_non_null(items);
		assert_true(capacity > count);
		items[count] = count;
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
	assert_true(capacity < 2048);
	free(items);
}

static void test_too_much_changes_nothing(void **state)
{
	size_t capacity = SIZE_MAX / 4;
	uint64_t item = 7, *items = &item;

	(void)state;
	assert_ptr_equal(stoq_array_room(items, 1, &capacity, sizeof(*items)), items);
	assert_null(stoq_array_room(items, capacity, &capacity, sizeof(*items)));
	assert_int_equal(capacity, SIZE_MAX / 4);
	assert_int_equal(item, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps_what_is_there),
		cmocka_unit_test(test_too_much_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
