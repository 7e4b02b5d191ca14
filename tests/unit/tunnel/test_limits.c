// SPDX-License-Identifier: BSD-2-Clause
/* What bounds the log, a host end's queues and lanes, and its memory; whose controllers there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tunnel/blocks.h"
#include "tunnel/controllers.h"
#include "tunnel/link.h"
#include "tunnel/log_limit.h"
#include "tunnel/patience.h"
#include "tunnel/shares.h"
#include "tunnel/strays.h"

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

static void the_oldest_lane_without_a_queue_counts(void **state)
{
	struct stoq_lane lanes[4] = {0};
	struct stoq_carrier carrier = {0};
	uint64_t begin_ns = 7 * SECOND_NS;

	stoq_list_init(&carrier.strays);
	assert_null(stoq_stray_overdue(&carrier, 1000 * SECOND_NS));
	for (unsigned int i = 0; i < 4; i++)
		stoq_stray_begin(&carrier, &lanes[i], begin_ns + i * SECOND_NS);
	stoq_stray_end(&lanes[1]); /* from the middle */
	stoq_stray_end(&lanes[1]);
	assert_null(stoq_stray_overdue(&carrier, begin_ns + STOQ_STRAY_WITHIN_NS - 1));
	assert_ptr_equal(stoq_stray_overdue(&carrier, begin_ns + STOQ_STRAY_WITHIN_NS), &lanes[0]);
	/* One that was refused has its time again. */
	stoq_stray_begin(&carrier, &lanes[0], begin_ns + 10 * SECOND_NS);
	assert_null(stoq_stray_overdue(&carrier, begin_ns + STOQ_STRAY_WITHIN_NS + SECOND_NS));
	assert_ptr_equal(
		stoq_stray_overdue(&carrier, begin_ns + STOQ_STRAY_WITHIN_NS + 2 * SECOND_NS),
		&lanes[2]);
	stoq_stray_end(&lanes[2]);
	stoq_stray_end(&lanes[0]); /* the last */
	assert_ptr_equal(stoq_stray_overdue(&carrier, 1000 * SECOND_NS), &lanes[3]);
	stoq_stray_end(&lanes[3]);
	assert_true(stoq_list_empty(&carrier.strays));
}

static void a_controller_is_its_hosts_at_its_target(void **state)
{
	const struct stoq_controller_key made = {"disks", "nqn.s", "nqn.h", 7};
	const struct stoq_controller_key others[] = {{"others", "nqn.s", "nqn.h", 7},
		{"disks", "nqn.s2", "nqn.h", 7}, {"disks", "nqn.s", "nqn.h2", 7},
		{"disks", "nqn.s", "nqn.h", 8}};
	struct stoq_controllers controllers;
	struct stoq_controller *first, *second;

	stoq_controllers_init(&controllers);
	assert_false(stoq_controller_is_there(&controllers, &made));
	first = stoq_controller_add(&controllers, &made);
	second = stoq_controller_add(&controllers, &others[3]);
	assert_true(stoq_controller_is_there(&controllers, &made));
	assert_true(stoq_controller_is_there(&controllers, &others[3]));
	for (unsigned int i = 0; i < 3; i++)
		assert_false(stoq_controller_is_there(&controllers, &others[i]));
	stoq_controller_remove(&controllers, first);
	assert_false(stoq_controller_is_there(&controllers, &made));
	assert_true(stoq_controller_is_there(&controllers, &others[3]));
	stoq_controller_remove(&controllers, second);
	stoq_controller_remove(&controllers, NULL);
	assert_null(controllers.first);
	stoq_controllers_destroy(&controllers);
}

static bool ends(struct stoq_tunnel_link *link, uint64_t now_ns, enum stoq_lane_code expected)
{
	enum stoq_lane_code code;
	const char *reason;

	if (!stoq_patience_is_over(link, now_ns, &code, &reason))
		return false;
	assert_int_equal(code, expected);
	return true;
}

static void a_queue_that_does_not_begin_ends(void **state)
{
	struct stoq_carrier carrier = {0};
	struct stoq_tunnel_link link = {
		.carrier = &carrier, .since_ns = SECOND_NS, .connecting = true};
	uint64_t end_ns = SECOND_NS + STOQ_CONNECT_WITHIN_NS;

	assert_false(ends(&link, end_ns - 1, STOQ_LANE_DONE));
	assert_true(ends(&link, end_ns, STOQ_LANE_UNREACHABLE));
	link.connecting = false;
	assert_true(ends(&link, end_ns, STOQ_LANE_LIMIT));
	link.mux.agreed.answered = true;
	assert_false(ends(&link, end_ns, STOQ_LANE_DONE));
}

static void half_of_a_queue_ends(void **state)
{
	struct stoq_carrier carrier = {0};
	struct stoq_tunnel_link link = {.carrier = &carrier};
	uint64_t now_ns = 5 * SECOND_NS;

	link.mux.agreed.answered = true;
	assert_false(ends(&link, now_ns, STOQ_LANE_DONE));
	link.mux.split.finished = true;
	assert_false(ends(&link, now_ns, STOQ_LANE_DONE));
	assert_false(ends(&link, now_ns + STOQ_HALF_WITHIN_NS - 1, STOQ_LANE_DONE));
	assert_true(ends(&link, now_ns + STOQ_HALF_WITHIN_NS, STOQ_LANE_LIMIT));
	/* Both, with bytes that wait for TCP; and what is not NVMe/TCP. */
	link.mux.merge.over = true;
	assert_false(ends(&link, now_ns + STOQ_HALF_WITHIN_NS, STOQ_LANE_DONE));
	link.mux.merge.over = false;
	link.mux.bytes = true;
	assert_false(ends(&link, now_ns + STOQ_HALF_WITHIN_NS, STOQ_LANE_DONE));
}

/* Little memory means few connections; what is not asked for leaves half of them to others. */
static void one_host_end_cannot_have_all_connections(void **state)
{
	struct stoq_tunnel_config config;

	stoq_tunnel_config_init(&config, STOQ_TUNNEL_TARGET_END);
	assert_int_equal(config.host_connections_max, 128);
	stoq_tunnel_config_set_memory(&config, 16u << 20);
	assert_in_range(config.transport.max_connections, 20, 30);
	assert_int_equal(config.host_connections_max, config.transport.max_connections / 2);
	stoq_tunnel_config_init(&config, STOQ_TUNNEL_TARGET_END);
	config.host_connections_max = 25;
	stoq_tunnel_config_set_memory(&config, 16u << 20);
	assert_int_equal(config.host_connections_max, 25);
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
		cmocka_unit_test(the_oldest_lane_without_a_queue_counts),
		cmocka_unit_test(a_controller_is_its_hosts_at_its_target),
		cmocka_unit_test(a_queue_that_does_not_begin_ends),
		cmocka_unit_test(half_of_a_queue_ends),
		cmocka_unit_test(one_host_end_cannot_have_all_connections),
		cmocka_unit_test(no_part_of_a_pool_takes_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
