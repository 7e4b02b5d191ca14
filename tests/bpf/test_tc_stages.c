// SPDX-License-Identifier: BSD-2-Clause

/*
 * The stages of commands (bpf/stream/stages_shared.h), with times that the test sets: both walks
 * count just what each PDU's place in time says, and the stages add up to the latency, which the
 * rig checks of every series.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <cmocka.h>

#include "bpf/stream/event_shared.h"
#include "bpf/stream/filter_shared.h"
#include "stoq_watch.skel.h"
#include "tests/bpf/dialog.h"

#define START_NS 1000000000000ull
#define US	 1000ull

static struct dialog dialog;

/* What is sent from here on passes at this time. */
static void at_us(uint64_t us)
{
	the_rig->now_ns = START_NS + us * US;
}

static void begin(void)
{
	dialog_open(&dialog, the_rig, true);
	dialog_establish(&dialog, 1);
	the_rig->command_count = 0;
	at_us(0);
}

static void send_command(uint8_t opcode, uint16_t cid, uint32_t bytes, bool in_capsule)
{
	struct nvme_io_fields fields = dialog_read_fields(cid);

	fields.opcode = opcode;
	fields.data_bytes = bytes;
	fields.in_capsule = in_capsule;
	dialog_command(&dialog, &fields);
	dialog_send(&dialog, NVME_TCP_FROM_HOST);
}

static void add_data(enum nvme_tcp_pdu_type type, uint16_t cid, uint32_t bytes, uint8_t flags)
{
	const struct nvme_tcp_data_fields data = {
		.type = type, .cid = cid, .length = bytes, .flags = flags};

	dialog_data(&dialog, &data);
}

static void from_host_at(uint64_t us)
{
	at_us(us);
	dialog_send(&dialog, NVME_TCP_FROM_HOST);
}

static void from_controller_at(uint64_t us)
{
	at_us(us);
	dialog_send(&dialog, NVME_TCP_FROM_CONTROLLER);
}

/* The first bytes of what was written, and the rest of it later. */
static void send_in_two(enum nvme_tcp_side side, size_t first, uint64_t us, uint64_t later_us)
{
	at_us(us);
	dialog_send_at(&dialog, side, dialog.sequence[side], dialog.bytes, first);
	dialog.sequence[side] += first;
	dialog.length -= first;
	memmove(dialog.bytes, dialog.bytes + first, dialog.length);
	at_us(later_us);
	dialog_send(&dialog, side);
}

static void r2t_at(uint64_t us, uint16_t cid, uint32_t bytes)
{
	dialog_r2t(&dialog, cid, 1, 0, bytes);
	from_controller_at(us);
}

static void data_at(uint64_t us, uint16_t cid, uint32_t bytes)
{
	add_data(NVME_TCP_H2C_DATA, cid, bytes, NVME_TCP_FLAG_LAST);
	from_host_at(us);
}

static void respond_at(uint64_t us, uint16_t cid, uint16_t status)
{
	dialog_response(&dialog, cid, status, 0);
	from_controller_at(us);
}

/* Of the command that ended last. */
static void assert_stages(uint64_t answer, uint64_t host, uint64_t data, uint64_t end)
{
	const struct stoq_event_staged *event = &the_rig->commands[the_rig->command_count - 1];
	const uint64_t expected[STOQ_STAGES] = {answer * US, host * US, data * US, end * US};

	assert_true(the_rig->command_count);
	assert_int_equal(event->command.staged, 1);
	for (int i = 0; i < STOQ_STAGES; i++)
		assert_int_equal(event->stages.ns[i], expected[i]);
	assert_int_equal(event->command.latency_ns, (answer + host + data + end) * US);
	the_rig->command_count = 0;
}

static void test_read(void **state)
{
	(void)state;
	begin();
	send_command(NVME_NVM_READ, 1, 4096, false);
	add_data(NVME_TCP_C2H_DATA, 1, 4096, NVME_TCP_FLAG_LAST);
	send_in_two(NVME_TCP_FROM_CONTROLLER, 1000, 10, 30);
	respond_at(33, 1, 0);
	assert_stages(10, 0, 20, 3);
	/* Data and response in one packet. */
	at_us(100);
	send_command(NVME_NVM_READ, 1, 512, false);
	add_data(NVME_TCP_C2H_DATA, 1, 512, NVME_TCP_FLAG_LAST);
	respond_at(150, 1, 0);
	assert_stages(50, 0, 0, 0);
}

static void test_read_ends_by_success(void **state)
{
	(void)state;
	begin();
	send_command(NVME_NVM_READ, 1, 8192, false);
	add_data(NVME_TCP_C2H_DATA, 1, 2048, 0);
	from_controller_at(5);
	add_data(NVME_TCP_C2H_DATA, 1, 2048, NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS);
	send_in_two(NVME_TCP_FROM_CONTROLLER, 100, 15, 25);
	assert_stages(5, 0, 20, 0);
	/* All of it in one packet. */
	at_us(100);
	send_command(NVME_NVM_READ, 1, 512, false);
	add_data(NVME_TCP_C2H_DATA, 1, 512, NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS);
	from_controller_at(107);
	assert_stages(7, 0, 0, 0);
	/* Its only PDU in two. */
	at_us(200);
	send_command(NVME_NVM_READ, 1, 512, false);
	add_data(NVME_TCP_C2H_DATA, 1, 512, NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS);
	send_in_two(NVME_TCP_FROM_CONTROLLER, 100, 207, 209);
	assert_stages(7, 0, 2, 0);
	/* Its last PDU is whole, and the data before it had come. */
	at_us(300);
	send_command(NVME_NVM_READ, 1, 1024, false);
	add_data(NVME_TCP_C2H_DATA, 1, 512, 0);
	from_controller_at(301);
	add_data(NVME_TCP_C2H_DATA, 1, 512, NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS);
	from_controller_at(305);
	assert_stages(1, 0, 4, 0);
}

static void test_write(void **state)
{
	(void)state;
	begin();
	send_command(NVME_NVM_WRITE, 2, 4096, false);
	r2t_at(7, 2, 4096);
	add_data(NVME_TCP_H2C_DATA, 2, 4096, NVME_TCP_FLAG_LAST);
	send_in_two(NVME_TCP_FROM_HOST, 24, 10, 14);
	respond_at(50, 2, 0);
	assert_stages(7, 3, 4, 36);
}

/* MAXH2CDATA cuts what an R2T asks for into PDUs: what is between them is the stage of data. */
static void test_write_in_pieces(void **state)
{
	(void)state;
	begin();
	send_command(NVME_NVM_WRITE, 2, 4096, false);
	r2t_at(7, 2, 2048);
	data_at(8, 2, 1024);
	data_at(12, 2, 1024);
	respond_at(13, 2, 0);
	assert_stages(7, 1, 4, 1);
}

static void test_write_by_two_r2ts(void **state)
{
	(void)state;
	begin();
	send_command(NVME_NVM_WRITE, 2, 4096, false);
	r2t_at(5, 2, 2048);
	data_at(8, 2, 2048);
	r2t_at(20, 2, 2048);
	data_at(21, 2, 1024);
	data_at(24, 2, 1024);
	respond_at(30, 2, 0);
	assert_stages(5 + 12, 3 + 1, 3, 6);
}

static void test_write_by_two_r2ts_at_once(void **state)
{
	(void)state;
	begin();
	send_command(NVME_NVM_WRITE, 2, 4096, false);
	r2t_at(5, 2, 2048);
	r2t_at(6, 2, 2048);
	data_at(10, 2, 2048);
	data_at(12, 2, 2048);
	respond_at(20, 2, 0);
	assert_stages(5, 5, 2, 8);
}

static void test_no_data_on_the_way(void **state)
{
	(void)state;
	begin();
	send_command(NVME_NVM_WRITE, 3, 512, true);
	respond_at(9, 3, 0);
	assert_stages(9, 0, 0, 0);
	at_us(10);
	send_command(NVME_NVM_FLUSH, 3, 0, false);
	respond_at(21, 3, 0);
	assert_stages(11, 0, 0, 0);
	/* Refused before, and while the host was to send. */
	at_us(30);
	send_command(NVME_NVM_WRITE, 3, 4096, false);
	respond_at(32, 3, NVME_STATUS(0, 0x80));
	assert_stages(2, 0, 0, 0);
	at_us(40);
	send_command(NVME_NVM_WRITE, 3, 4096, false);
	r2t_at(41, 3, 4096);
	respond_at(44, 3, NVME_STATUS(0, 0x80));
	assert_stages(1, 3, 0, 0);
}

/* More than the 40 bits of a slot's time have passed since the machine's start, or do now. */
static void test_time_wraps(void **state)
{
	const uint64_t wrap_us = (STOQ_SLOT_TIME - START_NS % STOQ_SLOT_TIME) / US;

	(void)state;
	begin();
	at_us(wrap_us - 5);
	send_command(NVME_NVM_WRITE, 2, 4096, false);
	r2t_at(wrap_us + 2, 2, 4096);
	data_at(wrap_us + 3, 2, 4096);
	respond_at(wrap_us + 7, 2, 0);
	assert_stages(7, 1, 0, 4);
}

/* The completion of a command was never seen, and its CID is used again. */
static void test_course_of_an_earlier_command(void **state)
{
	(void)state;
	begin();
	send_command(NVME_NVM_WRITE, 2, 4096, false);
	r2t_at(5, 2, 4096);
	at_us(100);
	send_command(NVME_NVM_READ, 2, 512, false);
	respond_at(103, 2, NVME_STATUS(2, 0x81));
	assert_stages(3, 0, 0, 0);
	at_us(200);
	send_command(NVME_NVM_WRITE, 2, 4096, false);
	r2t_at(202, 2, 4096);
	data_at(205, 2, 4096);
	respond_at(206, 2, 0);
	assert_stages(2, 3, 0, 1);
}

/* Two commands of a deep queue whose CIDs have the same slot of the flow. */
static void test_deep_queue(void **state)
{
	(void)state;
	begin();
	send_command(NVME_NVM_WRITE, 5, 4096, false);
	send_command(NVME_NVM_WRITE, 5 + STOQ_OWN_SLOTS, 4096, false);
	r2t_at(1, 5, 4096);
	r2t_at(2, 5 + STOQ_OWN_SLOTS, 4096);
	data_at(4, 5 + STOQ_OWN_SLOTS, 4096);
	data_at(8, 5, 4096);
	respond_at(16, 5, 0);
	assert_stages(1, 7, 0, 8);
	respond_at(32, 5 + STOQ_OWN_SLOTS, 0);
	assert_stages(2, 2, 0, 28);
}

static void give_course_away(const struct stoq_watch_bpf *program, uint32_t uid, uint16_t cid)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(program->obj, "stoq_courses");
	uint32_t at = stoq_course_index(uid, cid, bpf_map__max_entries(map) - 1);
	struct stoq_course course;

	assert_int_equal(bpf_map__lookup_elem(map, &at, sizeof(at), &course, sizeof(course), 0), 0);
	assert_int_equal(course.owner, stoq_course_owner(uid, cid));
	course.owner = stoq_course_owner(uid + 1024, cid);
	assert_int_equal(bpf_map__update_elem(map, &at, sizeof(at), &course, sizeof(course), 0), 0);
}

/* An R2T of CID 5, after which a command of another flow takes its course's place. */
static void lose_course_at(uint64_t us)
{
	struct stoq_flow flow;

	assert_true(rig_flow(the_rig, &flow));
	at_us(us);
	send_command(NVME_NVM_WRITE, 5, 4096, false);
	r2t_at(us + 1, 5, 4096);
	give_course_away(the_rig->program, flow.uid, 5);
	give_course_away(the_rig->twin, flow.uid, 5);
	data_at(us + 3, 5, 4096);
	respond_at(us + 7, 5, 0);
	assert_stages(7, 0, 0, 0);
}

/* The later one has the place, and that is counted. Nothing is taken for what is not known. */
static void test_course_makes_way(void **state)
{
	uint64_t before = rig_counter(the_rig, STOQ_COUNT_COURSES_FULL);

	(void)state;
	begin();
	lose_course_at(0);
	assert_int_equal(rig_counter(the_rig, STOQ_COUNT_COURSES_FULL) - before, 0);
	at_us(10);
	send_command(NVME_NVM_WRITE, 5, 4096, false);
	r2t_at(11, 5, 4096);
	assert_int_equal(rig_counter(the_rig, STOQ_COUNT_COURSES_FULL) - before, 1);
	data_at(13, 5, 4096);
	respond_at(14, 5, 0);
	assert_stages(1, 2, 0, 1);
	/* What was left long ago, of a connection that is gone, is no loss. */
	lose_course_at(20);
	at_us(200000000);
	send_command(NVME_NVM_WRITE, 5, 4096, false);
	r2t_at(200000001, 5, 4096);
	assert_int_equal(rig_counter(the_rig, STOQ_COUNT_COURSES_FULL) - before, 1);
}

/* The header of the data is late, and its end was early. */
static void test_early_data(void **state)
{
	uint32_t sequence;

	(void)state;
	begin();
	send_command(NVME_NVM_READ, 1, 2048, false);
	add_data(NVME_TCP_C2H_DATA, 1, 2048, NVME_TCP_FLAG_LAST);
	sequence = dialog.sequence[NVME_TCP_FROM_CONTROLLER];
	at_us(5);
	dialog_send_at(&dialog, NVME_TCP_FROM_CONTROLLER, sequence + 1000, dialog.bytes + 1000,
		dialog.length - 1000);
	at_us(8);
	dialog_send_at(&dialog, NVME_TCP_FROM_CONTROLLER, sequence, dialog.bytes, 1000);
	dialog_lose(&dialog, NVME_TCP_FROM_CONTROLLER);
	respond_at(9, 1, 0);
	assert_stages(8, 0, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_ends_by_success),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_in_pieces),
		cmocka_unit_test(test_write_by_two_r2ts),
		cmocka_unit_test(test_write_by_two_r2ts_at_once),
		cmocka_unit_test(test_no_data_on_the_way),
		cmocka_unit_test(test_time_wraps),
		cmocka_unit_test(test_course_of_an_earlier_command),
		cmocka_unit_test(test_deep_queue),
		cmocka_unit_test(test_course_makes_way),
		cmocka_unit_test(test_early_data),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
