// SPDX-License-Identifier: BSD-2-Clause
/* What bounds the log and a host end's queues. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_of_lines_is_counted),
		cmocka_unit_test(one_name_cannot_take_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
