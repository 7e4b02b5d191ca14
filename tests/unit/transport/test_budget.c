// SPDX-License-Identifier: BSD-2-Clause
/* The budget of memory by itself: who gets how much, and that it is never more than all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "transport/budget.h"

#define MIB   (1024 * 1024ull)
#define MIN   STOQ_BUDGET_MIN
#define MOST  16
#define STEPS 200000

static struct stoq_pool pool;
static struct stoq_budget budget;
static struct stoq_budget_account accounts[MOST];

static void begin(uint64_t limit_bytes, uint32_t max)
{
	stoq_budget_init(&budget, &pool);
	stoq_budget_set(&budget, limit_bytes, max);
	memset(accounts, 0, sizeof(accounts));
}

static void test_a_minimum_for_everybody(void **state)
{
	begin(MOST * (uint64_t)MIN, MOST);
	for (int i = 0; i < MOST; i++) {
		assert_true(stoq_budget_admits(&budget));
		stoq_budget_open(&budget, &accounts[i], MIB);
		assert_int_equal(accounts[i].window_bytes, STOQ_BUDGET_WINDOW_MIN);
		assert_int_equal(stoq_budget_grow(&accounts[i], 1), 0);
		assert_int_equal(stoq_budget_room(&accounts[i]), STOQ_BUDGET_HELD_MIN);
		assert_false(stoq_budget_hold(&accounts[i], STOQ_BUDGET_HELD_MIN + 1));
		assert_true(stoq_budget_hold(&accounts[i], STOQ_BUDGET_HELD_MIN));
	}
	assert_int_equal(budget.used_bytes, budget.limit_bytes);
	assert_false(stoq_budget_admits(&budget));
	assert_true(budget.held_back > 0);
	stoq_budget_close(&accounts[3]);
	assert_true(stoq_budget_admits(&budget));
	/* That one's minimum is kept for who comes next. */
	assert_int_equal(stoq_budget_room(&accounts[0]), 0);
}

static void test_small_windows_are_not_charged_less(void **state)
{
	begin(4 * (uint64_t)MIN, 4);
	stoq_budget_open(&budget, &accounts[0], 1024);
	assert_int_equal(accounts[0].window_bytes, 1024);
	assert_int_equal(budget.used_bytes, MIN);
	assert_int_equal(stoq_budget_grow(&accounts[0], MIB), STOQ_BUDGET_WINDOW_MIN - 1024);
	assert_int_equal(budget.used_bytes, MIN);
}

static void test_new_windows_are_large_while_half_is_left(void **state)
{
	begin(16 * MIB, 8);
	for (int i = 0; i < 3; i++) {
		stoq_budget_open(&budget, &accounts[i], 2 * MIB);
		assert_int_equal(accounts[i].window_bytes, 2 * MIB);
	}
	stoq_budget_open(&budget, &accounts[3], 2 * MIB);
	assert_int_equal(accounts[3].window_bytes, STOQ_BUDGET_WINDOW_MIN);
	/* It may grow where there is need. */
	assert_int_equal(stoq_budget_grow(&accounts[3], 2 * MIB), 2 * MIB);
}

static void test_a_large_window_makes_way_for_others(void **state)
{
	uint64_t share = 8 * MIB / 2;

	begin(16 * MIB, 2);
	stoq_budget_open(&budget, &accounts[0], MIB);
	assert_int_equal(stoq_budget_shrink(&accounts[0], MIB), 0);
	stoq_budget_grow(&accounts[0], 100 * MIB);
	assert_in_range(accounts[0].window_bytes, 14 * MIB, 16 * MIB);
	stoq_budget_open(&budget, &accounts[1], MIB);
	assert_int_equal(accounts[1].window_bytes, STOQ_BUDGET_WINDOW_MIN);
	assert_int_equal(stoq_budget_grow(&accounts[1], MIB), 0);
	/* It shrinks by what is taken, until an eighth is left for who needs it. */
	while (stoq_budget_shrink(&accounts[0], 65536))
		;
	assert_in_range(accounts[0].window_bytes, share, 14 * MIB);
	assert_int_equal(stoq_budget_grow(&accounts[1], MIB), MIB);
	/* Which goes on until both have an equal share at least. */
	for (int i = 0; i < 200; i++) {
		stoq_budget_grow(&accounts[1], 65536);
		stoq_budget_shrink(&accounts[0], 65536);
	}
	assert_in_range(accounts[0].window_bytes, share, 10 * MIB);
	assert_in_range(accounts[1].window_bytes, share, 10 * MIB);
}

static void test_what_is_lent_comes_back(void **state)
{
	begin(16 * MIB, 2);
	stoq_budget_open(&budget, &accounts[0], MIB);
	assert_int_equal(stoq_budget_lend(&accounts[0], 2 * MIB, 64 * MIB), 2 * MIB);
	assert_int_equal(accounts[0].window_bytes, 3 * MIB);
	/* Never beyond the most that the window may be, or what there is. */
	assert_int_equal(stoq_budget_lend(&accounts[0], 2 * MIB, 4 * MIB), MIB);
	assert_int_equal(stoq_budget_lend(&accounts[0], MIB, 4 * MIB), 0);
	assert_in_range(stoq_budget_lend(&accounts[0], 100 * MIB, 200 * MIB), 1, 12 * MIB);
	/* Its own part does not shrink below its share because much is lent. */
	assert_int_equal(stoq_budget_shrink(&accounts[0], MIB), 0);
	stoq_budget_return(&accounts[0], accounts[0].lent_bytes);
	assert_int_equal(accounts[0].window_bytes, MIB);
	stoq_budget_close(&accounts[0]);
	assert_int_equal(budget.used_bytes, 0);
}

/* ---- what connections take themselves ---- */

static void test_what_a_connection_takes_itself(void **state)
{
	begin(4 * (uint64_t)MIN, 2);
	stoq_budget_open(&budget, &accounts[0], STOQ_BUDGET_WINDOW_MIN);
	stoq_budget_add_own(&accounts[0], STOQ_BUDGET_OWN_MIN);
	assert_int_equal(budget.used_bytes, MIN);
	stoq_budget_add_own(&accounts[0], 1000);
	assert_int_equal(budget.used_bytes, MIN + 1000);
	/* There is less for data now. */
	stoq_budget_add_own(&accounts[0], 2 * (uint64_t)MIN - 2000);
	assert_int_equal(stoq_budget_room(&accounts[0]), STOQ_BUDGET_HELD_MIN);
	assert_int_equal(stoq_budget_grow(&accounts[0], 1), 0);
	assert_true(stoq_budget_admits(&budget));
	/* It is not refused, but nobody else is let in. */
	stoq_budget_add_own(&accounts[0], 1001);
	assert_false(stoq_budget_admits(&budget));
	stoq_budget_subtract_own(&accounts[0], 1);
	assert_true(stoq_budget_admits(&budget));
	stoq_budget_close(&accounts[0]);
	assert_int_equal(budget.used_bytes, 0);
}

static void test_data_leave_a_part_of_all_to_the_connections(void **state)
{
	begin(16 * MIB, 1);
	stoq_budget_open(&budget, &accounts[0], STOQ_BUDGET_WINDOW_MIN);
	stoq_budget_grow(&accounts[0], 100 * MIB);
	assert_int_equal(budget.used_bytes, 15 * MIB);
	assert_int_equal(stoq_budget_room(&accounts[0]), STOQ_BUDGET_HELD_MIN);
}

static void test_who_takes_more_than_its_share(void **state)
{
	begin(8 * (uint64_t)MIN, 2);
	stoq_budget_open(&budget, &accounts[0], STOQ_BUDGET_WINDOW_MIN);
	stoq_budget_open(&budget, &accounts[1], STOQ_BUDGET_WINDOW_MIN);
	/* More than its share is fine while there is enough. */
	stoq_budget_add_own(&accounts[0], 5 * (uint64_t)MIN);
	assert_false(stoq_budget_overdrawn(&accounts[0], 0));
	stoq_budget_add_own(&accounts[1], 3 * (uint64_t)MIN);
	assert_true(budget.used_bytes > budget.limit_bytes);
	assert_true(stoq_budget_overdrawn(&accounts[0], 0));
	assert_true(stoq_budget_overdrawn(&accounts[0], MIN - STOQ_BUDGET_WINDOW_MIN - 1));
	assert_false(stoq_budget_overdrawn(&accounts[0], MIN - STOQ_BUDGET_WINDOW_MIN));
	assert_false(stoq_budget_overdrawn(&accounts[1], 0));
	stoq_budget_close(&accounts[0]);
	assert_false(stoq_budget_overdrawn(&accounts[1], 0));
}

static unsigned int waiters(void)
{
	struct stoq_list waiting;
	unsigned int count = 0;

	stoq_budget_take_waiting(&budget, &waiting);
	while (!stoq_list_empty(&waiting)) {
		assert_ptr_equal(waiting.next, &accounts[1 + count].waiting);
		stoq_list_remove(waiting.next);
		count++;
	}
	return count;
}

static void test_who_waits_is_asked_when_there_is_more(void **state)
{
	begin(4 * (uint64_t)MIN, 4);
	for (int i = 0; i < 4; i++) {
		stoq_budget_open(&budget, &accounts[i], STOQ_BUDGET_WINDOW_MIN);
		assert_true(stoq_budget_hold(&accounts[i], STOQ_BUDGET_HELD_MIN));
	}
	for (int i = 1; i < 4; i++)
		stoq_budget_wait(&accounts[i]);
	stoq_budget_wait(&accounts[2]);
	assert_int_equal(waiters(), 0);
	stoq_budget_release(&accounts[0], 1);
	assert_int_equal(waiters(), 3);
	/* More for all counts too; who has gone does not. */
	stoq_budget_wait(&accounts[1]);
	stoq_budget_wait(&accounts[2]);
	stoq_budget_release(&accounts[2], STOQ_BUDGET_HELD_MIN);
	stoq_budget_close(&accounts[2]);
	stoq_budget_set(&budget, 8 * (uint64_t)MIN, 4);
	assert_int_equal(waiters(), 1);
}

/* ---- whatever they do ---- */

static uint32_t random_below(uint32_t limit)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % limit;
}

static uint64_t at_least(uint64_t bytes, uint64_t least)
{
	return bytes > least ? bytes : least;
}

static void check_sums(void)
{
	uint64_t data = 0, own = 0;
	uint32_t open = 0;

	for (int i = 0; i < MOST; i++) {
		const struct stoq_budget_account *account = &accounts[i];

		if (!account->budget)
			continue;
		open++;
		data += at_least(account->window_bytes, STOQ_BUDGET_WINDOW_MIN) +
			at_least(account->held_bytes, STOQ_BUDGET_HELD_MIN);
		own += at_least(account->own_bytes, STOQ_BUDGET_OWN_MIN);
	}
	assert_int_equal(budget.accounts, open);
	assert_int_equal(budget.used_bytes, data + own);
	/* Data leave the minimum of those who are not here to them. */
	assert_true(data + open * (uint64_t)STOQ_BUDGET_OWN_MIN + (MOST - open) * (uint64_t)MIN <=
		    budget.limit_bytes);
}

static void do_anything(struct stoq_budget_account *account)
{
	uint32_t bytes = random_below(1u << random_below(22));
	bool room = stoq_budget_room(account) >= bytes;

	switch (random_below(8)) {
	case 0:
		stoq_budget_grow(account, bytes);
		break;
	case 1:
		stoq_budget_shrink(account, bytes);
		break;
	case 2:
	case 3:
		assert_int_equal(stoq_budget_hold(account, bytes), room);
		break;
	case 4:
		stoq_budget_release(account, random_below((uint32_t)account->held_bytes + 1));
		break;
	case 5:
		stoq_budget_add_own(account, bytes);
		break;
	case 6:
		stoq_budget_subtract_own(account, random_below((uint32_t)account->own_bytes + 1));
		break;
	default:
		if (random_below(20))
			break;
		stoq_budget_release(account, account->held_bytes);
		stoq_budget_close(account);
	}
}

static void test_never_more_than_all(void **state)
{
	begin(20 * MIB, MOST);
	for (int i = 0; i < STEPS; i++) {
		struct stoq_budget_account *account = &accounts[random_below(MOST)];

		if (account->budget)
			do_anything(account);
		else
			stoq_budget_open(&budget, account, random_below(2 * MIB) + 1);
		check_sums();
	}
	assert_true(budget.held_back > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_minimum_for_everybody),
		cmocka_unit_test(test_small_windows_are_not_charged_less),
		cmocka_unit_test(test_new_windows_are_large_while_half_is_left),
		cmocka_unit_test(test_a_large_window_makes_way_for_others),
		cmocka_unit_test(test_what_is_lent_comes_back),
		cmocka_unit_test(test_what_a_connection_takes_itself),
		cmocka_unit_test(test_data_leave_a_part_of_all_to_the_connections),
		cmocka_unit_test(test_who_takes_more_than_its_share),
		cmocka_unit_test(test_who_waits_is_asked_when_there_is_more),
		cmocka_unit_test(test_never_more_than_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
