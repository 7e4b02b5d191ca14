// SPDX-License-Identifier: BSD-2-Clause

/*
 * The program that checks the protocol: what it holds against a PDU, and above all where it does not, because something
 * did not pass. tests/netns/violations has each kind of violation by its bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <cmocka.h>

#include "bpf/stream/filter_shared.h"
#include "stoq_watch_checked_staged.skel.h"
#include "tests/bpf/dialog.h"

static struct dialog dialog;

static void add_command(uint8_t opcode, uint16_t cid, uint32_t bytes)
{
	struct nvme_io_fields fields = dialog_read_fields(cid);

	fields.opcode = opcode;
	fields.data_bytes = bytes;
	dialog_command(&dialog, &fields);
}

static void add_data(enum nvme_tcp_pdu_type type, uint16_t cid, uint32_t offset, uint32_t bytes)
{
	const struct nvme_tcp_data_fields data = {.type = type,
		.cid = cid,
		.ttag = type == NVME_TCP_H2C_DATA,
		.offset = offset,
		.length = bytes,
		.flags = NVME_TCP_FLAG_LAST};

	dialog_data(&dialog, &data);
}

static void add_r2t(uint16_t cid, uint32_t offset, uint32_t bytes)
{
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};

	dialog_bytes(
		&dialog, front, nvme_tcp_encode_r2t(front, &dialog.format, cid, 1, offset, bytes));
}

static void host(void)
{
	dialog_send(&dialog, NVME_TCP_FROM_HOST);
}

static void controller(void)
{
	dialog_send(&dialog, NVME_TCP_FROM_CONTROLLER);
}

static void begin(void)
{
	dialog_open(&dialog, the_rig, true);
	dialog_establish(&dialog, 1);
	assert_int_equal(the_rig->violation_count, 0);
	the_rig->write_count = 0;
}

static void expect_kind(enum stoq_violation_kind kind)
{
	assert_int_equal(the_rig->violation_count, 1);
	assert_int_equal(the_rig->violations[0].violation.kind, kind);
	the_rig->violation_count = 0;
}

static void expect_none(void)
{
	assert_int_equal(the_rig->violation_count, 0);
}

static void test_verdicts(void **state)
{
	(void)state;
	begin();
	add_command(NVME_NVM_WRITE, 1, 4096);
	host();
	add_r2t(1, 0, 4096);
	controller();
	add_data(NVME_TCP_H2C_DATA, 1, 0, 4096);
	host();
	dialog_response(&dialog, 1, 0, 0);
	controller();
	expect_none();
	add_data(NVME_TCP_H2C_DATA, 1, 0, 4096);
	host();
	expect_kind(STOQ_VIOLATION_DATA_UNASKED);
	assert_int_equal(the_rig->violations[0].side, NVME_TCP_FROM_HOST);
	assert_int_equal(the_rig->violations[0].violation.came, 4096);
	dialog_response(&dialog, 1, 0, 0);
	controller();
	expect_kind(STOQ_VIOLATION_RESPONSE_NO_COMMAND);
}

/* What the sender has received did not all pass here. */
static void test_unseen(void **state)
{
	(void)state;
	begin();
	add_command(NVME_NVM_WRITE, 1, 4096);
	host();
	add_r2t(1, 0, 4096);
	dialog_lose(&dialog, NVME_TCP_FROM_CONTROLLER);
	add_data(NVME_TCP_H2C_DATA, 1, 0, 4096);
	host();
	expect_none();
	begin();
	add_command(NVME_NVM_WRITE, 1, 4096);
	dialog_lose(&dialog, NVME_TCP_FROM_HOST);
	add_r2t(1, 0, 4096);
	controller();
	dialog_response(&dialog, 1, 0, 0);
	controller();
	expect_none();
	/* The completion was not seen: the identifier is free. */
	begin();
	add_command(NVME_NVM_READ, 1, 4096);
	host();
	dialog_response(&dialog, 1, 0, 0);
	dialog_lose(&dialog, NVME_TCP_FROM_CONTROLLER);
	add_command(NVME_NVM_READ, 1, 4096);
	host();
	expect_none();
}

/* What was early, or comes once more, is what it would be in its place. */
static void test_order(void **state)
{
	uint8_t early[512];
	uint32_t at;
	size_t length;

	(void)state;
	begin();
	add_command(NVME_NVM_WRITE, 1, 4096);
	length = dialog.length;
	memcpy(early, dialog.bytes, length);
	at = dialog.sequence[NVME_TCP_FROM_HOST];
	dialog_lose(&dialog, NVME_TCP_FROM_HOST);
	add_command(NVME_NVM_WRITE, 2, 4096);
	host();
	dialog_send_at(&dialog, NVME_TCP_FROM_HOST, at, early, length);
	dialog_send_at(&dialog, NVME_TCP_FROM_HOST, at, early, length);
	add_r2t(2, 0, 4096);
	add_r2t(1, 0, 4096);
	controller();
	add_data(NVME_TCP_H2C_DATA, 1, 0, 4096);
	add_data(NVME_TCP_H2C_DATA, 2, 0, 4096);
	host();
	dialog_response(&dialog, 2, 0, 0);
	dialog_response(&dialog, 1, 0, 0);
	controller();
	expect_none();
}

/* A connection that is older than the program: only what began since is judged. */
static void test_midstream(void **state)
{
	(void)state;
	dialog_open(&dialog, the_rig, false);
	dialog_read(&dialog, 9, false);
	dialog_read(&dialog, 9, false);
	dialog_response(&dialog, 3, 0, 0);
	add_data(NVME_TCP_C2H_DATA, 4, 0, 512);
	add_r2t(5, 0, 4096);
	controller();
	add_data(NVME_TCP_H2C_DATA, 5, 0, 4096);
	host();
	expect_none();
	add_command(NVME_NVM_READ, 6, 4096);
	host();
	add_r2t(6, 0, 4096);
	controller();
	expect_kind(STOQ_VIOLATION_R2T_UNWANTED);
}

/* More than so many of a flow are counted only, but for the first of a kind. */
static void test_flood(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < STOQ_VIOLATION_EVENTS + 10; i++) {
		dialog_response(&dialog, 1, 0, 0);
		controller();
	}
	assert_int_equal(the_rig->violation_count, STOQ_VIOLATION_EVENTS);
	add_data(NVME_TCP_H2C_DATA, 1, 0, 4096);
	host();
	assert_int_equal(the_rig->violation_count, STOQ_VIOLATION_EVENTS + 1);
}

/* ---- events of writes ---- */

static void expect_write(size_t at, enum stoq_write_what what, uint16_t cid)
{
	assert_true(at < the_rig->write_count);
	assert_int_equal(the_rig->writes[at].what, what);
	assert_int_equal(the_rig->writes[at].cid, cid);
}

static void test_writes(void **state)
{
	const struct stoq_event_write *write;

	(void)state;
	begin();
	add_command(NVME_NVM_WRITE, 1, 4096);
	add_command(NVME_NVM_READ, 2, 4096);
	host();
	dialog_response(&dialog, 2, 0, 0);
	dialog_response(&dialog, 1, 0, 0);
	controller();
	dialog_flag(&dialog, NVME_TCP_FROM_HOST, WIRE_FIN | WIRE_ACK);
	dialog_flag(&dialog, NVME_TCP_FROM_CONTROLLER, WIRE_FIN | WIRE_ACK);
	/* With the host's FIN, and with the other one. */
	assert_int_equal(the_rig->write_count, 4);
	expect_write(0, STOQ_WRITE_BEGINS, 1);
	write = &the_rig->writes[0];
	assert_int_equal(write->nsid, 1);
	assert_int_equal(write->opcode, NVME_NVM_WRITE);
	assert_int_equal(write->blocks, dialog_read_fields(1).blocks);
	assert_int_equal(write->slba, dialog_read_fields(1).slba);
	expect_write(1, STOQ_WRITE_ENDS, 1);
	assert_int_equal(the_rig->writes[1].epoch, write->epoch);
	expect_write(2, STOQ_WRITE_FLOW_ENDS, 0);
	assert_int_equal(the_rig->writes[2].flags, 0);
}

/* A connection ends whose host has received more than was seen: its commands may have ended. */
static void test_unclean_end(void **state)
{
	(void)state;
	begin();
	add_command(NVME_NVM_WRITE, 1, 4096);
	host();
	dialog_response(&dialog, 1, 0, 0);
	dialog_lose(&dialog, NVME_TCP_FROM_CONTROLLER);
	dialog_flag(&dialog, NVME_TCP_FROM_HOST, WIRE_RST | WIRE_ACK);
	expect_write(1, STOQ_WRITE_FLOW_ENDS, 0);
	assert_int_equal(the_rig->writes[1].flags, STOQ_WRITE_MISSED);
}

/* Dataset Management: a range each, those that the capsule's packet has. */
static void test_ranges(void **state)
{
	struct nvme_dsm_range ranges[3] = {0};
	struct nvme_sqe sqe = {.opcode = NVME_NVM_DATASET_MANAGEMENT,
		.flags = NVME_SQE_PSDT_SGL,
		.command_id = nvme_to_le16(7),
		.nsid = nvme_to_le32(1),
		.sgl1 = {.length = nvme_to_le32(sizeof(ranges)),
			.type = NVME_SGL_DATA_BLOCK_OFFSET},
		.cdw10 = nvme_to_le32(2),
		.cdw11 = nvme_to_le32(4)};
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};

	(void)state;
	begin();
	for (int i = 0; i < 3; i++) {
		ranges[i].slba = nvme_to_le64(100 * i);
		ranges[i].length_blocks = nvme_to_le32(8 + i);
	}
	dialog_bytes(&dialog, front,
		nvme_tcp_encode_capsule_cmd(front, &dialog.format, &sqe, sizeof(ranges)));
	dialog_bytes(&dialog, ranges, sizeof(ranges));
	host();
	assert_int_equal(the_rig->write_count, 4);
	expect_write(0, STOQ_WRITE_BEGINS, 7);
	assert_int_equal(the_rig->writes[0].blocks, 0);
	for (size_t i = 0; i < 3; i++) {
		expect_write(1 + i, STOQ_WRITE_RANGE, 7);
		assert_int_equal(the_rig->writes[1 + i].slba, 100 * i);
		assert_int_equal(the_rig->writes[1 + i].blocks, 8 + i);
	}
	dialog_response(&dialog, 7, 0, 0);
	controller();
	expect_write(4, STOQ_WRITE_ENDS, 7);
}

/* The program that counts stages besides. */
static void test_staged_loads(void **state)
{
	struct stoq_watch_checked_staged_bpf *program =
		stoq_watch_checked_staged_bpf__open_and_load();

	(void)state;
	assert_non_null(program);
	stoq_watch_checked_staged_bpf__destroy(program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_unseen),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_midstream),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_unclean_end),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_staged_loads),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
