// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "nvme/nvme_digest.h"
#include "nvme/nvme_tcp_encode.h"
#include "tests/unit/tunnel/actors.h"

#define ROOMY (1u << 19)

static struct rig rig;
static struct actors actors;

static struct stoq_mux *mux_of(enum stoq_tunnel_end end)
{
	return &rig.ends[end].mux;
}

static void start(unsigned int lanes, size_t room, uint32_t seed, uint32_t max_bytes)
{
	rig_init(&rig, lanes, room, seed);
	actors_init(&actors, &rig, max_bytes);
}

/* ---- commands ---- */

static void commands_with(unsigned int lanes, size_t room, uint32_t max_bytes, bool no_flow_control)
{
	for (uint32_t seed = 1; seed <= 3; seed++) {
		start(lanes, room, seed, max_bytes);
		actors_connect(&actors, no_flow_control);
		actors_run(&actors, 150);
		assert_int_equal(rig.lanes, no_flow_control ? lanes : 1);
		assert_int_equal(mux_of(STOQ_TUNNEL_HOST_END)->figures.completions, 151);
		assert_int_equal(mux_of(STOQ_TUNNEL_TARGET_END)->figures.completions, 151);
		assert_int_equal(mux_of(STOQ_TUNNEL_HOST_END)->commands.count, 0);
		assert_int_equal(mux_of(STOQ_TUNNEL_TARGET_END)->commands.count, 0);
		rig_destroy(&rig);
	}
}

static void small_commands_in_eight_lanes(void **state)
{
	commands_with(8, ROOMY, 9000, true);
}

/* PDUs that are longer than what a lane gathers, and lanes that hold less than a PDU. */
static void large_commands_in_narrow_lanes(void **state)
{
	commands_with(8, 20000, 300000, true);
	commands_with(3, 500, 100000, true);
}

static void one_lane(void **state)
{
	commands_with(1, 5000, 200000, true);
}

/* SQHD comes in order: the actors check it. */
static void flow_control_keeps_one_lane(void **state)
{
	commands_with(8, ROOMY, 9000, false);
}

static void a_full_pool_stops_nothing_for_good(void **state)
{
	start(8, 20000, 5, 200000);
	rig.ends[0].pool.limit_bytes = STOQ_BLOCK_BYTES;
	rig.ends[1].pool.limit_bytes = STOQ_BLOCK_BYTES;
	actors_connect(&actors, true);
	actors_run(&actors, 150);
	rig_destroy(&rig);
}

/* ---- lanes ---- */

/* All that goes on but in this lane from the host. */
static void settle_without(unsigned int lane)
{
	for (int i = 0; i < 200; i++) {
		rig_take_tcp(&rig.ends[0], ROOMY);
		rig_take_tcp(&rig.ends[1], ROOMY);
		for (unsigned int j = 0; j < rig.lanes; j++) {
			if (j != lane)
				rig_move(&rig, STOQ_TUNNEL_HOST_END, j, ROOMY);
			rig_move(&rig, STOQ_TUNNEL_TARGET_END, j, ROOMY);
		}
		rig_flush(&rig.ends[0]);
		rig_flush(&rig.ends[1]);
	}
	actors_read_target(&actors);
	actors_read_host(&actors);
}

static void a_lane_that_stands_still_delays_its_commands_only(void **state)
{
	start(4, ROOMY, 1, 9000);
	actors_connect(&actors, true);
	for (unsigned int cid = 0; cid < 8; cid++)
		actors_begin(&actors, cid, ACTORS_WRITE_IN_CAPSULE, 4096, 0);
	settle_without(1);
	for (unsigned int cid = 0; cid < 8; cid++)
		assert_int_equal(actors.commands[cid].at_target, cid % 4 != 1);
	/* Half of a PDU comes: still nobody waits for the rest. */
	assert_true(rig_move(&rig, STOQ_TUNNEL_HOST_END, 1, 2000));
	actors_begin(&actors, 10, ACTORS_READ, 4096, 0);
	settle_without(1);
	assert_true(actors.commands[10].at_target);
	assert_false(actors.commands[1].at_target);
	settle_without(STOQ_LANES_MAX);
	assert_true(actors.commands[1].at_target && actors.commands[5].at_target);
	rig_destroy(&rig);
}

static void fused_capsules_follow_each_other(void **state)
{
	start(4, ROOMY, 1, 9000);
	actors_connect(&actors, true);
	/* A pair in lane 1, a capsule of lane 2 behind it. */
	actors_begin(&actors, 1, ACTORS_WRITE_IN_CAPSULE, 4096, 1);
	actors_begin(&actors, 2, ACTORS_WRITE_IN_CAPSULE, 4096, 2);
	actors_begin(&actors, 6, ACTORS_READ, 4096, 0);
	rig_take_tcp(&rig.ends[0], ROOMY);
	/* The first of the pair comes, and a part of the second. */
	rig_move(&rig, STOQ_TUNNEL_HOST_END, 1, 4096 + 72 + 10);
	actors_read_target(&actors);
	settle_without(1);
	assert_true(actors.commands[1].at_target);
	assert_false(actors.commands[6].at_target);
	settle_without(STOQ_LANES_MAX);
	assert_true(actors.commands[2].at_target && actors.commands[6].at_target);
	rig_destroy(&rig);
}

/* ---- ends ---- */

static void a_host_that_ends_is_heard_after_all_it_sent(void **state)
{
	start(4, ROOMY, 3, 9000);
	actors_connect(&actors, true);
	for (unsigned int cid = 0; cid < 8; cid++)
		actors_begin(&actors, cid, ACTORS_WRITE_IN_CAPSULE, 4096, 0);
	rig.ends[0].in_over = true;
	settle_without(1);
	assert_false(stoq_mux_output_over(mux_of(STOQ_TUNNEL_TARGET_END)));
	settle_without(STOQ_LANES_MAX);
	for (unsigned int cid = 0; cid < 8; cid++)
		assert_true(actors.commands[cid].at_target);
	assert_true(stoq_mux_output_over(mux_of(STOQ_TUNNEL_TARGET_END)));
	/* The other direction goes on until the target ends, too. */
	assert_false(stoq_mux_over(mux_of(STOQ_TUNNEL_TARGET_END)));
	rig.ends[1].in_over = true;
	settle_without(STOQ_LANES_MAX);
	assert_true(stoq_mux_over(mux_of(STOQ_TUNNEL_TARGET_END)));
	assert_true(stoq_mux_over(mux_of(STOQ_TUNNEL_HOST_END)));
	rig_destroy(&rig);
}

static void term_req_comes_last(void **state)
{
	uint8_t front[NVME_TCP_FRONT_MAX];

	start(4, ROOMY, 3, 9000);
	actors_connect(&actors, true);
	for (unsigned int cid = 1; cid < 4; cid++)
		actors_begin(&actors, cid, ACTORS_WRITE_IN_CAPSULE, 4096, 0);
	rig_feed(&rig, STOQ_TUNNEL_HOST_END, front,
		nvme_tcp_encode_term(front, NVME_TCP_H2C_TERM, 1, 0, 0));
	settle_without(1);
	assert_int_not_equal(actors.at_target.header.hdr.type, NVME_TCP_H2C_TERM);
	settle_without(STOQ_LANES_MAX);
	assert_int_equal(actors.at_target.header.hdr.type, NVME_TCP_H2C_TERM);
	assert_true(actors.commands[1].at_target);
	assert_true(stoq_mux_output_over(mux_of(STOQ_TUNNEL_TARGET_END)));
	rig_destroy(&rig);
}

static void an_end_inside_a_pdu_is_no_end(void **state)
{
	start(4, ROOMY, 3, 9000);
	actors_connect(&actors, true);
	rig_feed(&rig, STOQ_TUNNEL_HOST_END, "\x04\x00\x48\x00\x48\x00\x00\x00", 8);
	rig.ends[0].in_over = true;
	rig_settle(&rig);
	assert_int_equal(mux_of(STOQ_TUNNEL_HOST_END)->code, STOQ_LANE_TCP_RESET);
	rig_destroy(&rig);
}

/* ---- what is refused ---- */

static void a_refused_command_is_answered_and_never_seen(void **state)
{
	start(4, ROOMY, 3, 9000);
	actors_connect(&actors, true);
	rig.refuse_opcode = NVME_NVM_WRITE;
	actors_begin(&actors, 1, ACTORS_WRITE_IN_CAPSULE, 4096, 0);
	actors_begin(&actors, 2, ACTORS_READ, 4096, 0);
	actors.commands[1].answered = true;
	settle_without(STOQ_LANES_MAX);
	assert_false(actors.commands[1].at_target);
	assert_false(actors.commands[1].outstanding);
	assert_int_equal(actors.last_status, NVME_STATUS(1, 0x84));
	assert_true(actors.commands[2].at_target);
	assert_int_equal(mux_of(STOQ_TUNNEL_TARGET_END)->figures.refused, 1);
	rig_destroy(&rig);
}

/* An answer of the tunnel's own never falls into the middle of the target's. */
static void refusals_wait_for_the_end_of_a_pdu(void **state)
{
	start(1, ROOMY, 3, 9000);
	actors_connect(&actors, true);
	rig.refuse_opcode = NVME_NVM_WRITE;
	actors_begin(&actors, 2, ACTORS_READ, 4096, 0);
	settle_without(STOQ_LANES_MAX);
	actors.commands[2].answered = true;
	/* The first half of the data. */
	{
		uint8_t pdu[24 + 4096] = {0};
		struct nvme_tcp_format format = {0};
		struct nvme_tcp_data_fields fields = {.type = NVME_TCP_C2H_DATA,
			.flags = NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS,
			.cid = 2,
			.length = 4096};
		size_t front = nvme_tcp_encode_data(pdu, &format, &fields);

		for (uint32_t i = 0; i < 4096; i++)
			pdu[front + i] =
				(uint8_t)(actors.commands[2].number * 131 + i * 7 + (i >> 9));
		rig_feed(&rig, STOQ_TUNNEL_TARGET_END, pdu, 2000);
		settle_without(STOQ_LANES_MAX);
		actors_begin(&actors, 1, ACTORS_WRITE_IN_CAPSULE, 4096, 0);
		actors.commands[1].answered = true;
		settle_without(STOQ_LANES_MAX);
		assert_true(actors.commands[1].outstanding);
		rig_feed(&rig, STOQ_TUNNEL_TARGET_END, pdu + 2000, sizeof(pdu) - 2000);
	}
	settle_without(STOQ_LANES_MAX);
	assert_false(actors.commands[2].outstanding);
	assert_false(actors.commands[1].outstanding);
	rig_destroy(&rig);
}

static void what_is_not_nvme_is_refused(void **state)
{
	static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

	start(4, ROOMY, 3, 9000);
	rig_feed(&rig, STOQ_TUNNEL_HOST_END, hello, sizeof(hello));
	rig_settle(&rig);
	assert_int_equal(mux_of(STOQ_TUNNEL_HOST_END)->code, STOQ_LANE_NOT_NVME);
	assert_false(rig.began);
	rig_destroy(&rig);
}

static void what_is_not_nvme_is_carried_where_that_is_allowed(void **state)
{
	char all[5000];

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)(i * 17 + 22);
	for (uint32_t seed = 1; seed < 20; seed++) {
		start(4, 700, seed, 9000);
		rig.bytes_allowed = true;
		rig_feed(&rig, STOQ_TUNNEL_HOST_END, all, sizeof(all));
		rig_settle(&rig);
		rig_feed(&rig, STOQ_TUNNEL_TARGET_END, all, sizeof(all));
		rig.ends[0].in_over = rig.ends[1].in_over = true;
		rig_settle(&rig);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(rig.ends[i].out_size, sizeof(all));
			assert_memory_equal(rig.ends[i].out, all, sizeof(all));
			assert_true(stoq_mux_over(&rig.ends[i].mux));
		}
		assert_int_equal(rig.lanes, 1);
		rig_destroy(&rig);
	}
}

static void nvme_that_is_called_bytes_is_refused(void **state)
{
	uint8_t front[NVME_TCP_FRONT_MAX];
	struct nvme_tcp_format format = {0};
	size_t size = nvme_tcp_encode_icreq(front, &format, 0);
	struct stoq_mux *mux;

	/* As well with what targets do not look at: FLAGS, PDO. */
	for (unsigned int lie = 0; lie < 3; lie++) {
		start(4, ROOMY, 3, 9000);
		mux = mux_of(STOQ_TUNNEL_TARGET_END);
		assert_int_equal(stoq_mux_add_lane(mux, 0), 0);
		mux->bytes = true;
		front[1] = lie == 1 ? 0x80 : 0;
		front[3] = lie == 2 ? 128 : 0;
		/* Byte by byte, too. */
		for (size_t i = 0; i < size; i++)
			stoq_mux_from_lane(mux, 0, front + i, 1, false, 0);
		assert_int_equal(mux->code, STOQ_LANE_NOT_NVME);
		rig_destroy(&rig);
	}
}

/* ---- records, and what goes with them ---- */

/* A part of a discovery log, with a data digest, as the target sends it. */
static size_t make_log_pdu(uint8_t *out, uint32_t bytes)
{
	struct nvme_tcp_format format = {.data_digest = true};
	struct nvme_tcp_data_fields fields = {.type = NVME_TCP_C2H_DATA,
		.flags = NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS,
		.cid = 40,
		.offset = 1024,
		.length = bytes};
	size_t front = nvme_tcp_encode_data(out, &format, &fields);

	memset(out + front, 0x11, bytes);
	nvme_digest_store(out + front + bytes, nvme_crc32c(out + front, bytes));
	return front + bytes + 4;
}

static void ask_for_log(void)
{
	struct nvme_sqe sqe = {.opcode = NVME_ADMIN_GET_LOG_PAGE,
		.command_id = nvme_to_le16(40),
		.cdw10 = nvme_to_le32(0x70),
		.cdw12 = nvme_to_le32(4096)};
	struct nvme_tcp_format format = {0};
	uint8_t front[NVME_TCP_FRONT_MAX];

	rig_feed(&rig, STOQ_TUNNEL_HOST_END, front,
		nvme_tcp_encode_capsule_cmd(front, &format, &sqe, 0));
	rig_settle(&rig);
}

static void a_discovery_log_is_rewritten_with_its_digest(void **state)
{
	static uint8_t pdu[NVME_TCP_FRONT_MAX + 2048 + 4];
	size_t size = make_log_pdu(pdu, 2048), before;
	const uint8_t *got;

	start(4, ROOMY, 3, 9000);
	actors_connect(&actors, true);
	/* An admin queue. */
	mux_of(STOQ_TUNNEL_HOST_END)->qid = mux_of(STOQ_TUNNEL_TARGET_END)->qid = 0;
	ask_for_log();
	before = rig.ends[STOQ_TUNNEL_HOST_END].out_size;
	rig_feed(&rig, STOQ_TUNNEL_TARGET_END, pdu, size);
	rig_settle(&rig);
	assert_string_equal(rig.targets, "disk=192.0.2.1:4420\n");
	assert_int_equal(rig.rewritten_at, 4096 + 1024);
	assert_int_equal(rig.ends[STOQ_TUNNEL_HOST_END].out_size - before, size);
	got = rig.ends[STOQ_TUNNEL_HOST_END].out + before;
	assert_memory_equal(got, pdu, 24);
	assert_int_equal(got[24], 0xee);
	assert_int_equal(nvme_digest_load(got + size - 4), nvme_crc32c(got + 24, 2048));
	rig_destroy(&rig);
}

static void the_host_end_learns_the_times_at_the_target(void **state)
{
	struct stoq_lane_times *times;

	start(4, ROOMY, 3, 9000);
	actors_connect(&actors, true);
	actors_run(&actors, 20);
	rig.now_ns += 2000000000;
	actors_run(&actors, 22);
	rig_settle(&rig);
	times = &mux_of(STOQ_TUNNEL_HOST_END)->figures.at_target;
	assert_true(times->commands > 20 && times->commands <= 23);
	assert_true(times->target_ns > 0 &&
		    times->target_ns <= mux_of(STOQ_TUNNEL_HOST_END)->figures.latency.sum_ns);
	rig_destroy(&rig);
}

static void a_command_before_icreq_is_refused(void **state)
{
	uint8_t front[NVME_TCP_FRONT_MAX];
	struct nvme_tcp_format format = {0};
	struct nvme_sqe sqe = {.opcode = NVME_NVM_FLUSH};

	start(4, ROOMY, 3, 9000);
	rig_feed(&rig, STOQ_TUNNEL_HOST_END, front,
		nvme_tcp_encode_capsule_cmd(front, &format, &sqe, 0));
	rig_settle(&rig);
	assert_int_equal(mux_of(STOQ_TUNNEL_HOST_END)->code, STOQ_LANE_PROTOCOL);
	rig_destroy(&rig);
}

static void a_target_that_is_none_is_refused(void **state)
{
	start(4, ROOMY, 3, 9000);
	actors_connect(&actors, true);
	rig_feed(&rig, STOQ_TUNNEL_TARGET_END, "HTTP/1.1 400 Bad Request\r\n", 26);
	rig_settle(&rig);
	assert_int_equal(mux_of(STOQ_TUNNEL_TARGET_END)->code, STOQ_LANE_PROTOCOL);
	rig_destroy(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_commands_in_eight_lanes),
		cmocka_unit_test(large_commands_in_narrow_lanes),
		cmocka_unit_test(one_lane),
		cmocka_unit_test(flow_control_keeps_one_lane),
		cmocka_unit_test(a_full_pool_stops_nothing_for_good),
		cmocka_unit_test(a_lane_that_stands_still_delays_its_commands_only),
		cmocka_unit_test(fused_capsules_follow_each_other),
		cmocka_unit_test(a_host_that_ends_is_heard_after_all_it_sent),
		cmocka_unit_test(term_req_comes_last),
		cmocka_unit_test(an_end_inside_a_pdu_is_no_end),
		cmocka_unit_test(a_refused_command_is_answered_and_never_seen),
		cmocka_unit_test(refusals_wait_for_the_end_of_a_pdu),
		cmocka_unit_test(what_is_not_nvme_is_refused),
		cmocka_unit_test(what_is_not_nvme_is_carried_where_that_is_allowed),
		cmocka_unit_test(nvme_that_is_called_bytes_is_refused),
		cmocka_unit_test(a_discovery_log_is_rewritten_with_its_digest),
		cmocka_unit_test(the_host_end_learns_the_times_at_the_target),
		cmocka_unit_test(a_command_before_icreq_is_refused),
		cmocka_unit_test(a_target_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
