// SPDX-License-Identifier: BSD-2-Clause
/* Capsules that wait for their time, by limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "nvme/nvme_tcp_encode.h"
#include "tests/unit/tunnel/actors.h"

#define ROOMY	  (1u << 19)
#define MS_NS	  1000000ull
#define SECOND_NS 1000000000ull

static struct rig rig;
static struct actors actors;

static struct stoq_mux *target_end(void)
{
	return &rig.ends[STOQ_TUNNEL_TARGET_END].mux;
}

static void start(unsigned int lanes, size_t room, uint32_t seed)
{
	rig_init(&rig, lanes, room, seed);
	actors_init(&actors, &rig, 9000);
	actors_connect(&actors, true);
	rig.asked = 0;
}

static void settle(void)
{
	for (int i = 0; i < 100; i++) {
		rig_take_tcp(&rig.ends[0], ROOMY);
		rig_take_tcp(&rig.ends[1], ROOMY);
		for (unsigned int lane = 0; lane < rig.lanes; lane++) {
			rig_move(&rig, STOQ_TUNNEL_HOST_END, lane, ROOMY);
			rig_move(&rig, STOQ_TUNNEL_TARGET_END, lane, ROOMY);
		}
		rig_flush(&rig.ends[0]);
		rig_flush(&rig.ends[1]);
		actors_read_target(&actors);
		actors_read_host(&actors);
	}
}

static void pass(uint64_t ns)
{
	rig.now_ns += ns;
	stoq_mux_look_at_waiting(target_end(), rig.now_ns);
	settle();
}

/* In pieces of any size, so that headers come split, too. */
static void each_command_waits_its_turn_once(void **state)
{
	static const unsigned int lanes[] = {8, 3, 1};

	for (uint32_t seed = 1; seed <= 9; seed++) {
		uint64_t from_ns;

		start(lanes[seed % 3], seed % 2 ? ROOMY : 300, seed);
		rig.step_ns = MS_NS / 10;
		from_ns = rig.now_ns;
		actors_run(&actors, 100);
		assert_int_equal(rig.asked, 100);
		/* The last one may go as soon as it is nearly due. */
		assert_true(rig.now_ns - from_ns >= 99 * rig.step_ns);
		assert_int_equal(target_end()->figures.completions, 101);
		rig_destroy(&rig);
	}
}

static void a_header_that_comes_byte_by_byte_waits(void **state)
{
	start(1, ROOMY, 1);
	rig.step_ns = SECOND_NS;
	actors_begin(&actors, 1, ACTORS_READ, 4096, 0);
	rig_take_tcp(&rig.ends[0], ROOMY);
	for (int i = 0; i < 200; i++)
		rig_move(&rig, STOQ_TUNNEL_HOST_END, 0, 1);
	settle();
	assert_int_equal(rig.asked, 1);
	assert_false(actors.commands[1].at_target);
	pass(SECOND_NS / 2);
	assert_false(actors.commands[1].at_target);
	pass(SECOND_NS / 2);
	assert_true(actors.commands[1].at_target);
	assert_int_equal(rig.asked, 1);
	rig_destroy(&rig);
}

/* The target asks for the data of a command that has come. */
static void ask_for_data(unsigned int cid, uint32_t bytes)
{
	static const struct nvme_tcp_format plain = {0};
	uint8_t front[NVME_TCP_FRONT_MAX];

	rig_feed(&rig, STOQ_TUNNEL_TARGET_END, front,
		nvme_tcp_encode_r2t(front, &plain, (uint16_t)cid, 1, 0, bytes));
}

/* The data of a command that has gone, in another lane, are not concerned. */
static void what_waits_takes_no_memory_and_stops_no_other_lane(void **state)
{
	uint64_t used;

	start(4, ROOMY, 1);
	settle();
	used = rig.ends[STOQ_TUNNEL_TARGET_END].pool.used_bytes;
	actors_begin(&actors, 0, ACTORS_WRITE, 8192, 0);
	rig_take_tcp(&rig.ends[0], ROOMY);
	rig_move(&rig, STOQ_TUNNEL_HOST_END, 0, ROOMY);
	rig.step_ns = SECOND_NS;
	for (unsigned int cid = 1; cid < 32; cid++)
		if (cid % 4)
			actors_begin(&actors, cid, ACTORS_WRITE_IN_CAPSULE, 8192, 0);
	settle();
	assert_true(actors.commands[0].at_target);
	ask_for_data(0, 8192);
	settle();
	assert_int_equal(actors.commands[0].moved, 8192);
	assert_int_equal(rig.asked, 4); /* one of each other lane */
	for (unsigned int cid = 1; cid < 32; cid++)
		assert_false(actors.commands[cid].at_target);
	assert_int_equal(rig.ends[STOQ_TUNNEL_TARGET_END].pool.used_bytes, used);
	/* One after the other. */
	pass(SECOND_NS);
	assert_int_equal(actors.commands[1].at_target + actors.commands[2].at_target +
				 actors.commands[3].at_target,
		1);
	rig_destroy(&rig);
}

static void a_full_pool_fails_no_queue_that_waits(void **state)
{
	start(4, ROOMY, 1);
	rig.step_ns = SECOND_NS;
	rig.ends[STOQ_TUNNEL_TARGET_END].pool.limit_bytes = 0;
	for (unsigned int cid = 0; cid < 32; cid++)
		actors_begin(&actors, cid, ACTORS_WRITE_IN_CAPSULE, 8192, 0);
	for (int i = 0; i < 33; i++)
		pass(SECOND_NS);
	assert_false(stoq_mux_failed(target_end()));
	for (unsigned int cid = 0; cid < 32; cid++)
		assert_true(actors.commands[cid].at_target);
	rig_destroy(&rig);
}

static void the_second_of_a_fused_pair_does_not_wait(void **state)
{
	start(2, ROOMY, 1);
	rig.step_ns = SECOND_NS;
	actors_begin(&actors, 1, ACTORS_WRITE_IN_CAPSULE, 4096, 1);
	actors_begin(&actors, 2, ACTORS_WRITE_IN_CAPSULE, 4096, 2);
	pass(0);
	assert_false(actors.commands[1].at_target);
	pass(SECOND_NS);
	assert_true(actors.commands[1].at_target && actors.commands[2].at_target);
	assert_int_equal(rig.asked, 2);
	rig_destroy(&rig);
}

/* A host that calls each of its commands the first of a pair. */
static void firsts_without_seconds_wait(void **state)
{
	start(1, ROOMY, 1);
	rig.step_ns = SECOND_NS;
	for (unsigned int cid = 0; cid < 4; cid++)
		actors_begin(&actors, cid, ACTORS_READ, 4096, 1);
	for (unsigned int cid = 0; cid < 4; cid++) {
		pass(0);
		assert_false(actors.commands[cid].at_target);
		pass(SECOND_NS);
		assert_true(actors.commands[cid].at_target);
	}
	rig_destroy(&rig);
}

static void other_limits_hold_for_what_waits(void **state)
{
	start(1, ROOMY, 1);
	rig.step_ns = 8 * SECOND_NS;
	actors_begin(&actors, 1, ACTORS_READ, 4096, 0);
	settle();
	assert_int_equal(
		stoq_mux_look_at_waiting(target_end(), rig.now_ns), rig.now_ns + rig.step_ns);
	rig.step_ns = 0;
	stoq_mux_ask_again(target_end());
	settle();
	assert_true(actors.commands[1].at_target);
	assert_int_equal(stoq_mux_look_at_waiting(target_end(), rig.now_ns), 0);
	rig_destroy(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_command_waits_its_turn_once),
		cmocka_unit_test(a_header_that_comes_byte_by_byte_waits),
		cmocka_unit_test(what_waits_takes_no_memory_and_stops_no_other_lane),
		cmocka_unit_test(a_full_pool_fails_no_queue_that_waits),
		cmocka_unit_test(the_second_of_a_fused_pair_does_not_wait),
		cmocka_unit_test(firsts_without_seconds_wait),
		cmocka_unit_test(other_limits_hold_for_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
