// SPDX-License-Identifier: BSD-2-Clause

/* Commands with several ranges, or whose range is not all that they touch: Dataset Management, Copy, Write Zeroes with NSZ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bpf/guard_link.h"

static struct guard_link link;

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_zeroes_of_a_namespace),
		cmocka_unit_test(test_dsm_ranges),
		cmocka_unit_test(test_copy_ranges),
		cmocka_unit_test(test_copy_from_elsewhere),
	};

	guard_audited = true;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
