// SPDX-License-Identifier: BSD-2-Clause
/* What bounds the log, a host end's queues, and its memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tunnel/blocks.h"
#include "tunnel/log_limit.h"
#include "tunnel/shares.h"

#define SECOND_NS 1000000000ull

static void a_flood_of_lines_is_counted(void **state)
{
	struct stoq_log_limit limit = {0};
	uint64_t now_ns = 5 * SECOND_NS, left_out = 99;
	unsigned int passed = 0;

	for (unsigned int i = 0; i < 1000; i++)
		passed += stoq_log_limit_pass(&limit, now_ns + i, &left_out);
	assert_int_equal(passed, STOQ_LOG_LINES_A_SECOND);
	assert_int_equal(left_out, 0);
	now_ns += SECOND_NS;
	assert_true(stoq_log_limit_pass(&limit, now_ns, &left_out));
	assert_int_equal(left_out, 1000 - STOQ_LOG_LINES_A_SECOND);
	assert_true(stoq_log_limit_pass(&limit, now_ns, &left_out));
	assert_int_equal(left_out, 0);
	assert_int_equal(limit.ever_left_out, 1000 - STOQ_LOG_LINES_A_SECOND);
}

static void one_name_cannot_take_all(void **state)
{
	struct stoq_share *first, *second;
	struct stoq_shares shares;

	stoq_shares_init(&shares, 2);
	first = stoq_share_take(&shares, "greedy");
	assert_non_null(first);
	assert_ptr_equal(stoq_share_take(&shares, "greedy"), first);
	assert_null(stoq_share_take(&shares, "greedy"));
	second = stoq_share_take(&shares, "modest");
	assert_non_null(second);
	stoq_share_give(&shares, first);
	assert_ptr_equal(stoq_share_take(&shares, "greedy"), first);
	assert_null(stoq_share_take(&shares, "greedy"));
	stoq_share_give(&shares, second);
	stoq_share_give(&shares, NULL);
	stoq_share_give(&shares, first);
	stoq_share_give(&shares, first);
	/* No name is kept without a queue. */
	assert_null(shares.first);
	stoq_shares_destroy(&shares);
}

/* Connections that take all they may, one after the other, leave something for the next one. */
static void no_part_of_a_pool_takes_all(void **state)
{
	struct stoq_block_pool whole, parts[4];
	struct stoq_block *blocks = NULL;

	stoq_block_pool_init(&whole, 64 * STOQ_BLOCK_BYTES);
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int count = 0;

		stoq_block_pool_init_part(&parts[i], &whole);
		while (!stoq_block_pool_full(&parts[i])) {
			struct stoq_block *block = stoq_block_get(&parts[i]);

			block->next = blocks;
			block->first = i;
			blocks = block;
			count++;
		}
		assert_int_equal(count, 32 >> i);
	}
	assert_int_equal(whole.used_bytes, (32 + 16 + 8 + 4) * STOQ_BLOCK_BYTES);
	/* What one gives back is there for another. */
	while (blocks) {
		struct stoq_block *block = blocks;

		blocks = block->next;
		stoq_block_put(&parts[block->first], block);
	}
	assert_int_equal(whole.used_bytes, 0);
	assert_int_equal(parts[0].used_bytes, 0);
	stoq_block_pool_charge(&parts[0], 32 * STOQ_BLOCK_BYTES);
	assert_true(stoq_block_pool_full(&parts[0]));
	assert_false(stoq_block_pool_full(&parts[1]));
	stoq_block_pool_discharge(&parts[0], 32 * STOQ_BLOCK_BYTES);
	assert_int_equal(whole.used_bytes, 0);
	stoq_block_pool_destroy(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_of_lines_is_counted),
		cmocka_unit_test(one_name_cannot_take_all),
		cmocka_unit_test(no_part_of_a_pool_takes_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
