// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "capture/table.h"

#define LIMIT 8

static void put(struct stoq_table *table, uint32_t key)
{
	uint64_t value = key * 10;

	assert_int_equal(stoq_table_put(table, &key, &value, true), 0);
}

static uint64_t get(struct stoq_table *table, uint32_t key)
{
	uint64_t *value = stoq_table_find(table, &key);

	return value ? *value : 0;
}

static void test_array(void **state)
{
	struct stoq_table *table = stoq_table_new(STOQ_TABLE_ARRAY, 4, 8, LIMIT);
	uint64_t value = 5;
	uint32_t key = LIMIT - 1;

	assert_non_null(stoq_table_find(table, &key));
	assert_int_equal(stoq_table_put(table, &key, &value, false), 0);
	assert_int_equal(get(table, key), 5);
	key = LIMIT;
	assert_null(stoq_table_find(table, &key));
	assert_int_equal(stoq_table_put(table, &key, &value, false), -E2BIG);
	stoq_table_free(table);
}

static void test_hash_refuses_when_full(void **state)
{
	struct stoq_table *table = stoq_table_new(STOQ_TABLE_HASH, 4, 8, LIMIT);
	uint64_t value = 1;
	uint32_t key = 3;

	for (uint32_t i = 1; i <= LIMIT; i++)
		put(table, i);
	assert_int_equal(stoq_table_put(table, &key, &value, true), -EEXIST);
	assert_int_equal(stoq_table_put(table, &key, &value, false), 0);
	assert_int_equal(get(table, 3), 1);
	key = 100;
	assert_int_equal(stoq_table_put(table, &key, &value, true), -E2BIG);
	key = 3;
	assert_int_equal(stoq_table_remove(table, &key), 0);
	assert_int_equal(stoq_table_remove(table, &key), -ENOENT);
	put(table, 100);
	assert_int_equal(get(table, 100), 1000);
	stoq_table_free(table);
}

static void test_lru_drops_the_least_recently_used(void **state)
{
	struct stoq_table *table = stoq_table_new(STOQ_TABLE_LRU, 4, 8, LIMIT);

	for (uint32_t i = 1; i <= LIMIT; i++)
		put(table, i);
	assert_int_equal(get(table, 1), 10);
	put(table, 100);
	assert_int_equal(get(table, 2), 0);
	assert_int_equal(get(table, 1), 10);
	stoq_table_free(table);
}

static int count(void *context, const void *key, const void *value)
{
	*(uint64_t *)context += *(const uint64_t *)value;
	return 0;
}

/* As an array of what should be there says, for many steps. */
static void test_against_a_list(void **state)
{
	struct stoq_table *table = stoq_table_new(STOQ_TABLE_HASH, 4, 8, 64);
	bool there[200] = {false};
	uint64_t wanted = 0, found = 0;

	srand(7);
	for (int i = 0; i < 20000; i++) {
		uint32_t key = (uint32_t)rand() % 200;
		uint64_t value = key;
		int result;

		if (rand() % 2) {
			result = stoq_table_put(table, &key, &value, true);
			if (there[key])
				assert_int_equal(result, -EEXIST);
			there[key] |= result == 0;
		} else {
			result = stoq_table_remove(table, &key);
			assert_int_equal(result, there[key] ? 0 : -ENOENT);
			there[key] = false;
		}
	}
	for (uint32_t key = 0; key < 200; key++)
		wanted += there[key] ? key : 0;
	stoq_table_each(table, count, &found);
	assert_int_equal(found, wanted);
	stoq_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_array),
		cmocka_unit_test(test_hash_refuses_when_full),
		cmocka_unit_test(test_lru_drops_the_least_recently_used),
		cmocka_unit_test(test_against_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
