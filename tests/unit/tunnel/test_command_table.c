// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tunnel/command_table.h"

/* Against a table with a place for every CID. */
static void as_a_plain_array(void **state)
{
	static struct stoq_command plain[65536];
	static bool there[65536];
	struct stoq_command_table table = {0};
	uint32_t random = 7, count = 0;
	uint64_t data_bytes = 0;

	for (uint64_t step = 1; step < 400000; step++) {
		struct stoq_command command = {.started_ns = step};
		const struct stoq_command *found;

		random = random * 1664525u + 1013904223u;
		/* As Linux's: a generation above, a tag below; and sometimes any. */
		command.cid = random & 0x10
				      ? (uint16_t)(random >> 16)
				      : (uint16_t)((random >> 28) << 12 | (random >> 12 & 127));
		command.lane = (uint8_t)(random >> 8 & 31);
		command.data_bytes = random >> 4;
		found = stoq_command_table_find(&table, command.cid);
		assert_int_equal(found != NULL, there[command.cid]);
		if (found) {
			assert_true(found->started_ns == plain[command.cid].started_ns);
			assert_int_equal(found->lane, plain[command.cid].lane);
		}
		if (there[command.cid])
			data_bytes -= plain[command.cid].data_bytes;
		if (random & 0x20) {
			data_bytes += command.data_bytes;
			count += !there[command.cid];
			assert_int_equal(stoq_command_table_put(&table, &command), 0);
			plain[command.cid] = command;
			there[command.cid] = true;
		} else {
			count -= there[command.cid];
			stoq_command_table_remove(&table, command.cid);
			there[command.cid] = false;
		}
		assert_int_equal(table.count, count);
		assert_true(table.data_bytes == data_bytes);
	}
	stoq_command_table_free(&table);
}

static void all_cids_at_once_fit(void **state)
{
	struct stoq_command_table table = {0};

	for (uint32_t cid = 0; cid <= UINT16_MAX; cid++) {
		struct stoq_command command = {.cid = (uint16_t)cid, .started_ns = cid};

		assert_int_equal(stoq_command_table_put(&table, &command), 0);
	}
	assert_int_equal(table.count, 65536);
	assert_int_equal(table.capacity, 131072);
	stoq_command_table_free(&table);
}

static void an_empty_one_has_none(void **state)
{
	struct stoq_command_table table = {0};

	assert_null(stoq_command_table_find(&table, 0));
	stoq_command_table_remove(&table, 0);
	assert_int_equal(table.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_a_plain_array),
		cmocka_unit_test(all_cids_at_once_fit),
		cmocka_unit_test(an_empty_one_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
