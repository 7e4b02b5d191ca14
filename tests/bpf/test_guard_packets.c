// SPDX-License-Identifier: BSD-2-Clause

/* Packets through the guard: what is refused, how, and that nothing else is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "stoq_guard.skel.h"
#include "tests/bpf/guard_rig.h"

#define READ_ONLY                                                                                  \
	"version: 1\ndefault: allow\nrules:\n"                                                     \
	"  - {namespace: 1, commands: [writes, destructive], verdict: deny}\n"

#define STATUS_PROTECTED NVME_STATUS(0, 0x20)
#define STATUS_DENIED	 NVME_STATUS(2, 0x86)
#define INVALID_OPCODE	 NVME_STATUS(0, 0x01)

static struct guard_link link;

static void assert_unchanged(size_t from, size_t to)
{
	assert_memory_equal(link.received[NVME_TCP_FROM_HOST] + from,
		link.bytes[NVME_TCP_FROM_HOST] + from, to - from);
}

/* The target refuses what it was sent; the host has to see the policy's status. */
static void complete_refused(uint16_t cid, uint16_t status)
{
	size_t at;
	struct nvme_cqe cqe;

	dialog_response(&link.dialog, cid, INVALID_OPCODE, 0);
	at = link_write(&link, NVME_TCP_FROM_CONTROLLER);
	assert_true(link_flush(&link, NVME_TCP_FROM_CONTROLLER));
	cqe = link_response(&link, at);
	assert_int_equal(nvme_le16(cqe.status), status << 1 | NVME_CQE_STATUS_DNR);
	assert_int_equal(nvme_le16(cqe.command_id), cid);
}

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
	assert_unchanged(at, link.written[NVME_TCP_FROM_HOST]);
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
	assert_unchanged(at, at + 8);
	assert_unchanged(at + 9, at + 68);
	/* For programs behind the guard: the opcode that it was. */
	assert_int_equal(nvme_le32(sqe.cdw15), 0x51545300u | fields->opcode);
	assert_unchanged(at + header, link.written[NVME_TCP_FROM_HOST]);
	assert_int_equal(guard_total(STOQ_GUARD_DENIED), denied + 1);
	record = guard_last_record();
	assert_int_equal(record.kind, STOQ_GUARD_RECORD_DENIED);
	assert_int_equal(record.code, fields->opcode);
	assert_int_equal(record.nsid, fields->nsid);
	assert_int_equal(record.slba, fields->slba);
	assert_int_equal(record.cid, fields->cid);
	assert_int_equal(record.status, status);
	assert_int_equal(record.rule, 0);
	complete_refused(fields->cid, status);
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
	complete_refused(9, STATUS_DENIED);
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
			assert_unchanged(at[i], at[i] + 72);
		assert_int_equal(sqe.flags & NVME_SQE_FUSE_MASK, i == 3 ? 1 : i == 4 ? 2 : 0);
	}
	for (size_t i = count; i--;) {
		if (commands[i].refused) {
			complete_refused((uint16_t)i, STATUS_PROTECTED);
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

/* Write Zeroes with NSZ, which zeroes the namespace whatever its range is. */
static size_t write_zeroes(uint16_t cid, bool namespace_too)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE_ZEROES, cid, 1, 100000);
	size_t at = link_write_command(&link, &fields);

	if (namespace_too)
		link.bytes[NVME_TCP_FROM_HOST][at + 58] |= 0x80;
	return at;
}

static void test_write_zeroes_of_a_namespace(void **state)
{
	static const size_t cuts[][2] = {{72, 72}, {20, 72}, {20, 55}, {20, 56}, {20, 57}, {20, 58},
		{20, 59}, {55, 72}, {56, 72}, {57, 72}, {58, 72}, {59, 72}};

	(void)state;
	guard_install("version: 1\ndefault: allow\nrules:\n"
		      "  - {namespace: 1, lba: 0+34, commands: [writes], verdict: deny}\n"
		      "  - {namespace: 1, lba: 100000+90000, commands: [writes], verdict: deny, "
		      "status: Access Denied}\n");
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		const size_t *cut = cuts[i];
		struct nvme_sqe arrived;
		size_t at;

		link_open(&link, 1);
		at = write_zeroes(1, true);
		if (!link_send(&link, NVME_TCP_FROM_HOST, at, at + cut[0]) ||
			(cut[1] > cut[0] &&
				!link_send(&link, NVME_TCP_FROM_HOST, at + cut[0], at + cut[1])) ||
			!link_flush(&link, NVME_TCP_FROM_HOST))
			continue; /* what is there of it is no command */
		arrived = link_command(&link, at);
		assert_true(link_is_refused(&arrived));
		assert_true(arrived.opcode != NVME_NVM_WRITE_ZEROES || arrived.nsid >> 24 ||
			    !nvme_sqe_is_whole_namespace(&arrived));
		if (cut[0] == 72)
			assert_int_equal(guard_last_record().blocks, 0);
	}
	guard_install("version: 1\ndefault: deny\nrules:\n"
		      "  - {commands: [admin], verdict: allow}\n"
		      "  - {namespace: 1, lba: 100000+8, commands: [writes], verdict: allow}\n");
	link_open(&link, 1);
	for (uint16_t cid = 1; cid <= 2; cid++) {
		size_t at = write_zeroes(cid, cid == 2);
		struct nvme_sqe arrived;

		assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
		arrived = link_command(&link, at);
		assert_int_equal(link_is_refused(&arrived), cid == 2);
	}
}

static void test_dsm_ranges(void **state)
{
	struct nvme_dsm_range ranges[2] = {
		{.length_blocks = 8, .slba = 1000}, {.length_blocks = 8, .slba = 2000}};
	struct nvme_sqe sqe = nvme_encode_io(&(struct nvme_io_fields){
		.opcode = NVME_NVM_DATASET_MANAGEMENT,
		.nsid = 1,
		.data_bytes = sizeof(ranges),
		.in_capsule = true,
	});
	struct nvme_sqe arrived;
	size_t at;

	(void)state;
	guard_install("version: 1\ndefault: allow\nrules:\n"
		      "  - {namespace: 1, lba: 0+34, commands: [writes], verdict: deny}\n");
	link_open(&link, 1);
	for (uint16_t cid = 0; cid < 4; cid++) {
		bool touches = cid & 1, seen = cid < 2;
		uint8_t front[NVME_TCP_FRONT_MAX] = {0};

		ranges[1].slba = nvme_to_le64(touches ? 33 : 34);
		sqe.cdw10 = nvme_to_le32(1); /* NR: two */
		sqe.command_id = nvme_to_le16(cid);
		dialog_bytes(&link.dialog, front,
			nvme_tcp_encode_capsule_cmd(
				front, &link.dialog.format, &sqe, sizeof(ranges)));
		dialog_bytes(&link.dialog, ranges, sizeof(ranges));
		at = link_write(&link, NVME_TCP_FROM_HOST);
		/* Cut in the list, it is not to be seen. */
		if (!seen)
			assert_true(link_send(&link, NVME_TCP_FROM_HOST, at, at + 80));
		assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
		arrived = link_command(&link, at);
		assert_int_equal(link_is_refused(&arrived), touches || !seen);
	}
}

static void test_copy_ranges(void **state)
{
	struct nvme_copy_range ranges[2] = {{.slba = 1000}, {.slba = 2000}};
	struct nvme_sqe arrived;

	(void)state;
	guard_install("version: 1\ndefault: allow\nrules:\n"
		      "  - {namespace: 1, lba: 0+34, verdict: deny}\n"
		      "  - {namespace: 3, commands: [reads], verdict: deny}\n");
	link_open(&link, 1);
	for (uint16_t cid = 0; cid < 5; cid++) {
		uint8_t front[NVME_TCP_FRONT_MAX] = {0};
		struct nvme_io_fields fields = {
			.opcode = NVME_NVM_COPY,
			.cid = cid,
			.nsid = 1,
			.slba = cid == 1 ? 33 : 5000, /* the destination */
			.blocks = 2,		      /* ranges */
			.data_bytes = sizeof(ranges),
			.in_capsule = true,
		};
		struct nvme_sqe sqe = nvme_encode_io(&fields);
		size_t at;

		ranges[1].slba = nvme_to_le64(cid == 2 ? 20 : 2000);
		ranges[1].source_nsid = nvme_to_le32(cid == 3 ? 3 : 1);
		ranges[0].source_nsid = nvme_to_le32(1);
		if (cid >= 3) /* descriptor format 2 */
			sqe.cdw12 = nvme_to_le32(nvme_le32(sqe.cdw12) | 2 << 8);
		dialog_bytes(&link.dialog, front,
			nvme_tcp_encode_capsule_cmd(
				front, &link.dialog.format, &sqe, sizeof(ranges)));
		dialog_bytes(&link.dialog, ranges, sizeof(ranges));
		at = link_write(&link, NVME_TCP_FROM_HOST);
		assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
		arrived = link_command(&link, at);
		assert_int_equal(link_is_refused(&arrived), cid >= 1 && cid <= 3);
	}
}

/* A Copy to namespace 1 with two sources in namespace `source`; whether it is refused. Its list may be in a later segment. */
static bool copies(uint16_t cid, uint32_t format, uint32_t source, bool seen)
{
	static const uint32_t longs[] = {NVME_COPY_RANGE_LONG, sizeof(struct nvme_copy_range)};
	uint32_t bytes = longs[format % 2 == 0];
	uint8_t front[NVME_TCP_FRONT_MAX] = {0}, list[2 * NVME_COPY_RANGE_LONG] = {0};
	struct nvme_io_fields fields = link_fields(NVME_NVM_COPY, cid, 1, 5000);
	struct nvme_copy_range range = {
		.source_nsid = nvme_to_le32(source), .slba = nvme_to_le64(1000)};
	struct nvme_sqe sqe;
	size_t at;

	fields.blocks = 2; /* ranges */
	fields.data_bytes = 2 * bytes;
	sqe = nvme_encode_io(&fields);
	sqe.cdw12 |= nvme_to_le32(format << 8);
	memcpy(list, &range, sizeof(range));
	memcpy(list + bytes, &range, sizeof(range));
	dialog_bytes(&link.dialog, front,
		nvme_tcp_encode_capsule_cmd(front, &link.dialog.format, &sqe, 2 * bytes));
	dialog_bytes(&link.dialog, list, 2 * bytes);
	at = link_write(&link, NVME_TCP_FROM_HOST);
	if (!seen)
		assert_true(link_send(&link, NVME_TCP_FROM_HOST, at, at + 80));
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	sqe = link_command(&link, at);
	return link_is_refused(&sqe);
}

/* A list that is not seen may name any namespace, if its format has room for names. */
static void test_copy_from_elsewhere(void **state)
{
	(void)state;
	guard_install("version: 1\ndefault: allow\nrules:\n"
		      "  - {namespace: 3, commands: [reads], verdict: deny}\n");
	link_open(&link, 1);
	for (uint32_t format = 0; format < 6; format++) {
		bool names = format == 2 || format == 3, known = format < 4;
		uint16_t cid = (uint16_t)(format * 4);

		assert_int_equal(copies(cid, format, 2, true), !known);
		assert_int_equal(copies((uint16_t)(cid + 1), format, 2, false), names || !known);
		assert_int_equal(copies((uint16_t)(cid + 2), format, 3, true), names || !known);
		assert_int_equal(copies((uint16_t)(cid + 3), format, 3, false), names || !known);
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
	assert_unchanged(at, at + 72);
	record = guard_last_record();
	assert_int_equal(record.kind, STOQ_GUARD_RECORD_LOGGED);
	assert_int_equal(record.rule, 0);
	assert_int_equal(record.qid, 1);
	assert_int_equal(record.known, 1);
	assert_int_equal(guard_rule_count(0), 1);
	assert_int_equal(guard_total(STOQ_GUARD_LOGGED), logged + 1);
}

/* Rules by host: known by its Connect, wherever that is cut; and a second Connect changes nothing.
 */
static void test_hosts(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_READ, 7, 1, 100);
	struct nvme_sqe sqe;
	size_t at;

	(void)state;
	guard_install("version: 1\ndefault: deny\nrules:\n"
		      "  - {host: '" DIALOG_HOST_NQN "', verdict: allow}\n");
	link_open(&link, 1);
	at = link_write_command(&link, &fields);
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	assert_unchanged(at, at + 72);
	dialog_connect(&link.dialog, 8, 2);
	at = link_write(&link, NVME_TCP_FROM_HOST);
	link.bytes[NVME_TCP_FROM_HOST][at + 72 + 512] = 'x'; /* the host's NQN */
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	sqe = link_command(&link, at);
	assert_true(link_is_refused(&sqe));
	complete_refused(8, NVME_STATUS(0, 0x0c));
	fields.cid++;
	at = link_write_command(&link, &fields);
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	assert_unchanged(at, at + 72);
	/* Another host would be refused from Connect on. */
	guard_install("version: 1\ndefault: deny\nrules:\n  - {host: "
		      "'nqn.2014-08.org.example:other', verdict: allow}\n");
	link_start(&link);
	link_handshake(&link, 1);
	sqe = link_command(&link, 128);
	assert_true(link_is_refused(&sqe));
}

/*
 * Connect whose data comes a segment later: its host is not known when it has to be decided about.
 * What follows it is decided by the name. size: where the first segment ends, in the data.
 */
static void open_in_parts(size_t size)
{
	link_start(&link);
	link_negotiate(&link);
	dialog_connect(&link.dialog, 0, 1);
	link_write(&link, NVME_TCP_FROM_HOST);
	assert_true(link_send(&link, NVME_TCP_FROM_HOST, 128, 128 + 72 + size));
	assert_true(link_send(
		&link, NVME_TCP_FROM_HOST, 128 + 72 + size, link.written[NVME_TCP_FROM_HOST]));
}

static void expect_in_parts(const char *policy, bool connects, bool reads)
{
	static const size_t sizes[] = {0, 1, 511, 600, 1023};

	guard_install(policy);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct nvme_io_fields fields = link_fields(NVME_NVM_READ, 7, 1, 100);
		struct nvme_sqe sqe;
		size_t at;

		open_in_parts(sizes[i]);
		sqe = link_command(&link, 128);
		assert_int_equal(link_is_refused(&sqe), !connects);
		if (!connects) {
			assert_int_equal(guard_last_record().status, NVME_STATUS(2, 0x86));
			continue;
		}
		link_complete(&link, 0);
		at = link_write_command(&link, &fields);
		assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
		sqe = link_command(&link, at);
		assert_int_equal(link_is_refused(&sqe), !reads);
	}
}

static void test_connect_in_parts(void **state)
{
	(void)state;
	/* It may be the host that is refused, and is not the one that is allowed. */
	expect_in_parts("version: 1\ndefault: allow\nrules:\n"
			"  - {host: 'nqn.2014-08.org.example:other', verdict: deny}\n",
		false, false);
	expect_in_parts("version: 1\ndefault: deny\nrules:\n"
			"  - {host: '" DIALOG_HOST_NQN "', verdict: allow}\n",
		false, false);
	/* No rule about hosts holds for Connect itself. */
	expect_in_parts("version: 1\ndefault: allow\nrules:\n"
			"  - {host: '" DIALOG_HOST_NQN "', commands: [reads], verdict: deny}\n",
		true, false);
	expect_in_parts(
		"version: 1\ndefault: allow\nrules:\n"
		"  - {host: 'nqn.2014-08.org.example:other', commands: [reads], verdict: deny}\n",
		true, true);
	/* The policy says to let unknown hosts in: then names decide about what they do. */
	expect_in_parts("version: 1\ndefault: deny\nunknown-host: allow\nrules:\n"
			"  - {host: '" DIALOG_HOST_NQN "', verdict: allow}\n",
		true, true);
	expect_in_parts("version: 1\ndefault: deny\nunknown-host: allow\nrules:\n"
			"  - {host: 'nqn.2014-08.org.example:other', verdict: allow}\n",
		true, false);
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
	assert_unchanged(at, at + 72);
}

/*
 * Connections of before: what user space says of them counts as their Connect. Strictly, they do
 * not pass until they begin again, whosever they are (test_guard_connections.c).
 */
static void test_identity(void **state)
{
	struct stoq_guard_identity identity = {.qid = 1};
	struct nvme_io_fields fields = link_fields(NVME_NVM_READ, 7, 1, 100);
	struct stoq_flow_key key;
	struct nvme_sqe sqe;
	size_t at;

	(void)state;
	strcpy(identity.host, DIALOG_HOST_NQN);
	strcpy(identity.subsystem, DIALOG_SUBSYSTEM_NQN);
	for (int known = 0; known <= 1; known++) {
		guard_install("version: 1\nstrict: false\ndefault: allow\nrules:\n"
			      "  - {host: '" DIALOG_HOST_NQN "', verdict: allow}\n"
			      "  - {host: 'nqn.2014-08.org.example:x', verdict: deny}\n");
		link_start(&link);
		key = link_key(&link);
		identity.host_is_a = 1;
		if (known)
			assert_int_equal(bpf_map_update_elem(
						 bpf_map__fd(the_guard->maps.stoq_guard_identities),
						 &key, &identity, BPF_ANY),
				0);
		at = link_write_command(&link, &fields);
		assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
		sqe = link_command(&link, at);
		assert_int_equal(link_is_refused(&sqe), !known);
	}
}

/* The name is known, the queue is not: what is harmless on one kind of queue may pass on neither.
 */
static void test_unknown_queue(void **state)
{
	static const struct {
		uint8_t opcode;
		bool refused;
	} trials[] = {
		{NVME_ADMIN_IDENTIFY, false},
		{NVME_ADMIN_KEEP_ALIVE, false},
		{NVME_NVM_READ, false},
		{NVME_NVM_WRITE, true},
		{NVME_ADMIN_FORMAT_NVM, true},
	};
	struct stoq_guard_identity identity = {.qid = STOQ_GUARD_QID_UNKNOWN, .host_is_a = 1};
	struct stoq_flow_key key;
	struct nvme_sqe sqe;
	size_t at;

	(void)state;
	strcpy(identity.host, DIALOG_HOST_NQN);
	strcpy(identity.subsystem, DIALOG_SUBSYSTEM_NQN);
	guard_install(
		"version: 1\nstrict: false\ndefault: allow\nrules:\n  - {host: '" DIALOG_HOST_NQN
		"', commands: [writes, destructive], verdict: deny}\n");
	link_start(&link);
	key = link_key(&link);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(the_guard->maps.stoq_guard_identities),
				 &key, &identity, BPF_ANY),
		0);
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		struct nvme_io_fields fields = link_fields(trials[i].opcode, (uint16_t)i, 1, 0);

		fields.in_capsule = false;
		at = link_write_command(&link, &fields);
		assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
		sqe = link_command(&link, at);
		assert_int_equal(link_is_refused(&sqe), trials[i].refused);
	}
	/* It has connected before: its name cannot become another one. */
	dialog_connect(&link.dialog, 9, 1);
	at = link_write(&link, NVME_TCP_FROM_HOST);
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	sqe = link_command(&link, at);
	assert_true(link_is_refused(&sqe));
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
		cmocka_unit_test(test_write_zeroes_of_a_namespace),
		cmocka_unit_test(test_dsm_ranges),
		cmocka_unit_test(test_copy_ranges),
		cmocka_unit_test(test_copy_from_elsewhere),
		cmocka_unit_test(test_vendors_admin_command),
		cmocka_unit_test(test_log_rule),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_connect_in_parts),
		cmocka_unit_test(test_no_policy),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_unknown_queue),
		cmocka_unit_test(test_paths),
	};

	guard_audited = true;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
