// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "transport/cid.h"

#define IDS 5000

static const struct stoq_cid_key key = {{1, 2}}, other_key = {{1, 3}};

static void test_ids_name_their_worker_and_are_sealed(void **state)
{
	for (unsigned int workers = 1; workers <= 64; workers++) {
		for (unsigned int worker = 0; worker < workers; worker++) {
			ngtcp2_cid cid;

			assert_int_equal(stoq_cid_make(&cid, &key, worker, workers), 0);
			assert_int_equal(cid.datalen, STOQ_CID_BYTES);
			assert_int_equal(stoq_cid_worker(cid.data[0], workers), worker);
			assert_true(stoq_cid_is_ours(&key, cid.data, cid.datalen));
			assert_false(stoq_cid_is_ours(&other_key, cid.data, cid.datalen));
			cid.data[9] ^= 1;
			assert_false(stoq_cid_is_ours(&key, cid.data, cid.datalen));
		}
	}
}

/* Of any length, those that clients choose included; while the table grows. */
static void test_the_table_finds_what_is_in_it(void **state)
{
	static ngtcp2_cid ids[IDS];
	struct stoq_cid_table table;

	assert_int_equal(stoq_cid_table_init(&table, &key), 0);
	for (uintptr_t i = 0; i < IDS; i++) {
		uint8_t bytes[NGTCP2_MAX_CIDLEN] = {0};
		size_t size = 8 + i % 13;

		memcpy(bytes + size - 4, &(uint32_t){(uint32_t)i}, 4);
		ngtcp2_cid_init(&ids[i], bytes, size);
		assert_int_equal(stoq_cid_insert(&table, &ids[i], (void *)&ids[i]), 0);
		assert_int_equal(stoq_cid_insert(&table, &ids[i], NULL), -EEXIST);
	}
	for (size_t i = 0; i < IDS; i++)
		assert_ptr_equal(stoq_cid_find(&table, ids[i].data, ids[i].datalen), &ids[i]);
	for (size_t i = 0; i < IDS; i += 2)
		stoq_cid_remove(&table, &ids[i]);
	for (size_t i = 0; i < IDS; i++)
		assert_ptr_equal(
			stoq_cid_find(&table, ids[i].data, ids[i].datalen), i % 2 ? &ids[i] : NULL);
	assert_int_equal(table.count, IDS / 2);
	/* Longer than an ID of version 1 can be. */
	assert_null(stoq_cid_find(&table, ids[0].data, 255));
	stoq_cid_table_destroy(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids_name_their_worker_and_are_sealed),
		cmocka_unit_test(test_the_table_finds_what_is_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
