// SPDX-License-Identifier: BSD-2-Clause

/* Packets through the guard: what is refused, how, and that nothing else is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bpf/guard_link.h"

#define READ_ONLY                                                                                  \
	"version: 1\ndefault: allow\nrules:\n"                                                     \
	"  - {namespace: 1, commands: [writes, destructive], verdict: deny}\n"

#define STATUS_PROTECTED NVME_STATUS(0, 0x20)
#define STATUS_DENIED	 NVME_STATUS(2, 0x86)
#define INVALID_OPCODE	 NVME_STATUS(0, 0x01)

static struct guard_link link;

static void test_passes_what_is_allowed(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, 7, 2, 100);
	size_t at;

	(void)state;
	guard_install(READ_ONLY);
	link_open(&link, 1);
	at = link_write_command(&link, &fields);
	fields = link_fields(NVME_NVM_READ, 8, 1, 100);
	link_write_command(&link, &fields);
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	link_assert_unchanged(&link, at, link.written[NVME_TCP_FROM_HOST]);
	assert_int_equal(guard_rule_count(0), 0);
	assert_int_equal(guard_rule_count(STOQ_GUARD_COUNT_DEFAULT), 3); /* Connect, too */
}

static void check_refused(const struct nvme_io_fields *fields, uint8_t opcode, uint16_t status)
{
	uint64_t denied = guard_total(STOQ_GUARD_DENIED);
	size_t at = link_write_command(&link, fields),
	       header = link.dialog.format.header_digest ? 76 : 72;
	struct stoq_guard_record record;
	struct nvme_sqe sqe;

	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	sqe = link_command(&link, at);
	assert_int_equal(sqe.opcode, opcode);
	link_assert_unchanged(&link, at, at + 8);
	link_assert_unchanged(&link, at + 9, at + 68);
	/* For programs behind the guard: the opcode that it was. */
	assert_int_equal(nvme_le32(sqe.cdw15), 0x51545300u | fields->opcode);
	link_assert_unchanged(&link, at + header, link.written[NVME_TCP_FROM_HOST]);
	assert_int_equal(guard_total(STOQ_GUARD_DENIED), denied + 1);
	record = guard_last_record();
	assert_int_equal(record.kind, STOQ_GUARD_RECORD_DENIED);
	assert_int_equal(record.code, fields->opcode);
	assert_int_equal(record.nsid, fields->nsid);
	assert_int_equal(record.slba, fields->slba);
	assert_int_equal(record.cid, fields->cid);
	assert_int_equal(record.status, status);
	assert_int_equal(record.rule, 0);
	link_complete_refused(&link, fields->cid, status);
}

static void test_write_in_capsule(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, 7, 1, 100);

	(void)state;
	guard_install(READ_ONLY);
	link_open(&link, 1);
	check_refused(&fields, 0x71, STATUS_PROTECTED);
	assert_int_equal(guard_rule_count(0), 1);
}

static void test_write_by_r2t(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, 7, 1, 100);

	(void)state;
	guard_install(READ_ONLY);
	link_open(&link, 1);
	fields.in_capsule = false;
	fields.data_bytes = 131072;
	check_refused(&fields, 0x70, STATUS_PROTECTED);
}

static void test_digests(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, 7, 1, 100);

	(void)state;
	guard_install(READ_ONLY);
	link_start(&link);
	link.dialog.format = (struct nvme_tcp_format){.header_digest = true, .data_digest = true};
	link_handshake(&link, 1);
	check_refused(&fields, 0x71, STATUS_PROTECTED);
	fields = link_fields(NVME_NVM_WRITE_ZEROES, 9, 1, 5);
	check_refused(&fields, 0x70, STATUS_PROTECTED);
}

static void test_named_status(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_READ, 7, 1, 100);

	(void)state;
	guard_install("version: 1\ndefault: allow\nrules:\n"
		      "  - {namespace: 1, commands: [reads], verdict: deny}\n");
	link_open(&link, 1);
	check_refused(&fields, 0x70, STATUS_DENIED);
	guard_install("version: 1\ndefault: allow\nrules:\n  - {namespace: 1, commands: [reads], "
		      "verdict: deny, status: Operation Denied}\n");
	fields.cid++;
	check_refused(&fields, 0x70, NVME_STATUS(0, 0x15));
}

static void test_admin_and_fabrics(void **state)
{
	struct nvme_io_fields fields = {.opcode = NVME_ADMIN_FORMAT_NVM, .cid = 3, .nsid = 1};
	struct nvme_property_sqe property = {.opcode = NVME_OPCODE_FABRICS,
		.fctype = NVME_FABRICS_PROPERTY_SET,
		.command_id = 9};
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	struct nvme_sqe sqe;
	size_t at;

	(void)state;
	guard_install("version: 1\ndefault: allow\nrules:\n"
		      "  - {commands: [Format NVM, Property Set], verdict: deny}\n");
	link_open(&link, 0);
	check_refused(&fields, 0x70, STATUS_PROTECTED);
	memcpy(&sqe, &property, sizeof(sqe));
	dialog_bytes(&link.dialog, front,
		nvme_tcp_encode_capsule_cmd(front, &link.dialog.format, &sqe, 0));
	at = link_write(&link, NVME_TCP_FROM_HOST);
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	sqe = link_command(&link, at);
	assert_int_equal(sqe.opcode, NVME_OPCODE_FABRICS);
	assert_int_equal(nvme_le32(sqe.nsid) & 0xff, 0x70);
	link_complete_refused(&link, 9, STATUS_DENIED);
}

/* Allowed and refused ones, a fused pair among them, in one packet; completions in other order. */
static void test_several_in_one(void **state)
{
	static const struct {
		uint32_t nsid;
		uint8_t opcode;
		bool refused;
	} commands[] = {
		{1, NVME_NVM_READ, false},
		{1, NVME_NVM_WRITE, true},
		{2, NVME_NVM_WRITE, false},
		{1, NVME_NVM_COMPARE, false},
		{1, NVME_NVM_WRITE, true},
		{1, NVME_NVM_FLUSH, false},
		{1, NVME_NVM_WRITE_ZEROES, true},
		{1, NVME_NVM_READ, false},
	};
	size_t count = sizeof(commands) / sizeof(commands[0]), at[8];

	(void)state;
	guard_install(READ_ONLY);
	link_open(&link, 1);
	for (size_t i = 0; i < count; i++) {
		struct nvme_io_fields fields =
			link_fields(commands[i].opcode, (uint16_t)i, commands[i].nsid, i * 8);

		at[i] = link_write_command(&link, &fields);
		if (i == 3 || i == 4) /* FUSE: first and second command */
			link.bytes[NVME_TCP_FROM_HOST][at[i] + 9] |= i - 2;
	}
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	for (size_t i = 0; i < count; i++) {
		struct nvme_sqe sqe = link_command(&link, at[i]);

		assert_int_equal(link_is_refused(&sqe), commands[i].refused);
		if (!commands[i].refused)
			link_assert_unchanged(&link, at[i], at[i] + 72);
		assert_int_equal(sqe.flags & NVME_SQE_FUSE_MASK, i == 3 ? 1 : i == 4 ? 2 : 0);
	}
	for (size_t i = count; i--;) {
		if (commands[i].refused) {
			link_complete_refused(&link, (uint16_t)i, STATUS_PROTECTED);
			continue;
		}
		dialog_response(&link.dialog, (uint16_t)i, NVME_STATUS(2, 0x81), 0);
		at[i] = link_write(&link, NVME_TCP_FROM_CONTROLLER);
		assert_true(link_flush(&link, NVME_TCP_FROM_CONTROLLER));
		assert_memory_equal(link.received[NVME_TCP_FROM_CONTROLLER] + at[i],
			link.bytes[NVME_TCP_FROM_CONTROLLER] + at[i], 24);
	}
}

/* A CID that was refused is free again behind its completion. */
static void test_cid_is_used_again(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, 7, 1, 100);
	size_t at;

	(void)state;
	guard_install(READ_ONLY);
	link_open(&link, 1);
	check_refused(&fields, 0x71, STATUS_PROTECTED);
	fields = link_fields(NVME_NVM_READ, 7, 1, 100);
	link_write_command(&link, &fields);
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	dialog_response(&link.dialog, 7, INVALID_OPCODE, 0);
	at = link_write(&link, NVME_TCP_FROM_CONTROLLER);
	assert_true(link_flush(&link, NVME_TCP_FROM_CONTROLLER));
	assert_int_equal(
		nvme_status_code(nvme_le16(link_response(&link, at).status)), INVALID_OPCODE);
}

/* The response of a refused command, cut anywhere, and sent again whole. */
static void test_response_is_cut(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, 7, 1, 100);

	(void)state;
	guard_install(READ_ONLY);
	for (int digest = 0; digest <= 1; digest++) {
		size_t length = digest ? 28 : 24;

		for (size_t cut = 1; cut < length; cut++) {
			size_t at, end;

			link_start(&link);
			link.dialog.format = (struct nvme_tcp_format){.header_digest = digest};
			link_handshake(&link, 1);
			link.no_acknowledgement = true;
			link_write_command(&link, &fields);
			assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
			dialog_response(&link.dialog, 7, INVALID_OPCODE, 0);
			at = link_write(&link, NVME_TCP_FROM_CONTROLLER);
			end = link.written[NVME_TCP_FROM_CONTROLLER];
			assert_true(link_send(&link, NVME_TCP_FROM_CONTROLLER, at, at + cut));
			assert_true(link_send(&link, NVME_TCP_FROM_CONTROLLER, at + cut, end));
			assert_int_equal(nvme_le16(link_response(&link, at).status),
				STATUS_PROTECTED << 1 | NVME_CQE_STATUS_DNR);
			memset(link.here[NVME_TCP_FROM_CONTROLLER] + at, 0, length);
			assert_true(link_send(&link, NVME_TCP_FROM_CONTROLLER, at, end));
			assert_int_equal(nvme_le16(link_response(&link, at).status),
				STATUS_PROTECTED << 1 | NVME_CQE_STATUS_DNR);
		}
	}
}

/* Sent again: refused again, in the same way, however it is cut now, and counted once. */
static void test_retransmission(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, 7, 1, 100);
	static const size_t pieces[] = {4000, 600, 72, 71, 40, 9, 8, 5, 1};
	static uint8_t before[LINK_BYTES];

	(void)state;
	for (int strict = 0; strict <= 1; strict++) {
		uint64_t denied = guard_total(STOQ_GUARD_DENIED);
		size_t from, to;

		guard_install(strict ? READ_ONLY
				     : "version: 1\nstrict: false\ndefault: allow\n"
				       "rules:\n  - {namespace: 1, commands: [writes], "
				       "verdict: deny}\n");
		link_open(&link, 1);
		link.no_acknowledgement = true;
		from = link.written[NVME_TCP_FROM_HOST];
		for (uint16_t cid = 7; cid < 10; cid++) {
			fields.cid = cid;
			link_write_command(&link, &fields);
		}
		to = link.written[NVME_TCP_FROM_HOST];
		assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
		memcpy(before, link.received[NVME_TCP_FROM_HOST], to);
		for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
			memset(link.here[NVME_TCP_FROM_HOST] + from, 0, to - from);
			for (size_t at = from; at < to; at += pieces[i])
				assert_true(link_send(&link, NVME_TCP_FROM_HOST, at,
					at + pieces[i] < to ? at + pieces[i] : to));
			assert_memory_equal(
				before + from, link.received[NVME_TCP_FROM_HOST] + from, to - from);
		}
		assert_int_equal(guard_total(STOQ_GUARD_DENIED), denied + 3);
	}
}

/* What a vendor's admin command does is not known: its NSID, often 0, is no promise. */
static void test_vendors_admin_command(void **state)
{
	(void)state;
	guard_install(READ_ONLY);
	link_open(&link, 0);
	for (uint16_t nsid = 0; nsid < 3; nsid++) {
		struct nvme_io_fields fields = link_fields(0xc0, nsid, nsid, 0);
		size_t at = link_write_command(&link, &fields);
		struct nvme_sqe sqe;

		assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
		sqe = link_command(&link, at);
		assert_true(link_is_refused(&sqe));
	}
}

static void test_log_rule(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_READ, 7, 1, 100);
	uint64_t logged = guard_total(STOQ_GUARD_LOGGED);
	struct stoq_guard_record record;
	size_t at;

	(void)state;
	guard_install("version: 1\ndefault: allow\nrules:\n"
		      "  - {namespace: 1, commands: [reads], verdict: log}\n");
	link_open(&link, 1);
	at = link_write_command(&link, &fields);
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	link_assert_unchanged(&link, at, at + 72);
	record = guard_last_record();
	assert_int_equal(record.kind, STOQ_GUARD_RECORD_LOGGED);
	assert_int_equal(record.rule, 0);
	assert_int_equal(record.qid, 1);
	assert_int_equal(record.known, 1);
	assert_int_equal(guard_rule_count(0), 1);
	assert_int_equal(guard_total(STOQ_GUARD_LOGGED), logged + 1);
}

static void test_no_policy(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_READ, 7, 1, 100);
	uint64_t dropped = guard_total(STOQ_GUARD_DROP_NO_POLICY);
	size_t at;

	(void)state;
	guard_install(READ_ONLY);
	link_open(&link, 1);
	at = link_write_command(&link, &fields);
	guard_install(NULL);
	assert_false(link_flush(&link, NVME_TCP_FROM_HOST));
	assert_int_equal(guard_total(STOQ_GUARD_DROP_NO_POLICY), dropped + 1);
	guard_install(READ_ONLY);
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	link_assert_unchanged(&link, at, at + 72);
}

/* VLAN tags, IPv6 with extension headers, IPv4 and TCP options, padding: checksums stay right. */
static void test_paths(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, 7, 1, 100);

	(void)state;
	guard_install(READ_ONLY);
	for (int i = 0; i < 64; i++) {
		link_start(&link);
		link.path.ipv6 = i & 1;
		link.path.vlan_tags = i % 3;
		link.path.vlan_id = i % 3 ? 9 : 0;
		link.path.ip_option_words = i % 11;
		link.path.ipv6_extensions = i % 4;
		link.path.tcp_option_words = i % 5;
		link.path.trailer_bytes = i % 7;
		link_handshake(&link, 1);
		fields.data_bytes = 512 + (uint32_t)i;
		check_refused(&fields, 0x71, STATUS_PROTECTED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes_what_is_allowed),
		cmocka_unit_test(test_write_in_capsule),
		cmocka_unit_test(test_write_by_r2t),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_named_status),
		cmocka_unit_test(test_admin_and_fabrics),
		cmocka_unit_test(test_several_in_one),
		cmocka_unit_test(test_cid_is_used_again),
		cmocka_unit_test(test_response_is_cut),
		cmocka_unit_test(test_retransmission),
		cmocka_unit_test(test_vendors_admin_command),
		cmocka_unit_test(test_log_rule),
		cmocka_unit_test(test_no_policy),
		cmocka_unit_test(test_paths),
	};

	guard_audited = true;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
