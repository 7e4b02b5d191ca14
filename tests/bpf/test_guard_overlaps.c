// SPDX-License-Identifier: BSD-2-Clause

/* Bytes that pass twice, with other contents, or before their turn: what the target reads is what a strict guard has judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bpf/guard_link.h"

#define HOST	   NVME_TCP_FROM_HOST
#define CONTROLLER NVME_TCP_FROM_CONTROLLER

static struct guard_link link;

/* Sends a frame whose TCP checksum is wrong: whatever the guard does with it, the target drops it.
 */
static void send_corrupt(size_t from, const uint8_t *bytes, size_t length)
{
	struct wire_segment segment = {
		.sequence = link.first[HOST] + (uint32_t)from,
		.acknowledged = link.first[CONTROLLER],
		.flags = WIRE_ACK,
		.payload = bytes,
		.payload_bytes = length,
	};
	uint8_t frame[WIRE_FRAME_MAX], out[WIRE_FRAME_MAX];
	size_t frame_bytes = wire_make(frame, &link.path, &segment);

	wire_set_checksum(frame, frame_bytes, &link.path);
	frame[wire_payload_offset(&link.path) - 4] ^= 0x55;
	if (guard_run(frame, frame_bytes, out))
		assert_false(wire_has_checksum(out, frame_bytes, &link.path));
}

/* It does not pass, as other bytes stand there already. */
static void expect_changed(size_t at, const uint8_t *bytes, size_t length)
{
	uint64_t dropped = guard_total(STOQ_GUARD_DROP_CHANGED);

	assert_false(link_send_bytes(&link, HOST, at, bytes, length));
	assert_int_equal(guard_total(STOQ_GUARD_DROP_CHANGED), dropped + 1);
}

/* The same place in the stream, first something harmless, then something that is protected. */
static void test_bad_checksum_first(void **state)
{
	uint8_t evil[1024];
	size_t at, end;

	(void)state;
	link_open_protected(&link);
	at = link_write_next(&link, NVME_NVM_WRITE, 1, 1000);
	end = link.written[HOST];
	memcpy(evil, link.bytes[HOST] + at, end - at);
	evil[48] = 1; /* SLBA 1 */
	evil[49] = 0;
	send_corrupt(at, link.bytes[HOST] + at, end - at);
	expect_changed(at, evil, end - at);
	/* Data is not looked at: the second copy's counts. */
	memcpy(evil, link.bytes[HOST] + at, 72);
	memset(evil + 72, 0x5a, end - at - 72);
	assert_true(link_send_bytes(&link, HOST, at, evil, end - at));
	assert_memory_equal(link.received[HOST] + at, evil, end - at);
}

/*
 * The first copy was corrupt on its way, and was taken for what it said. The right one that follows
 * must not become the corrupt one, with a checksum that fits: it does not pass, and as nothing else
 * will ever come the connection ends.
 */
static void test_corrupt_header_first(void **state)
{
	uint64_t ended = guard_total(STOQ_GUARD_ENDED);
	uint8_t corrupt[1024];
	size_t at, end;

	(void)state;
	link_open_protected(&link);
	at = link_write_next(&link, NVME_NVM_WRITE, 1, 1000);
	end = link.written[HOST];
	memcpy(corrupt, link.bytes[HOST] + at, end - at);
	corrupt[50] ^= 0x10; /* SLBA */
	send_corrupt(at, corrupt, end - at);
	for (int i = 0; i < 3; i++)
		expect_changed(at, link.bytes[HOST] + at, end - at);
	assert_int_equal(link.resets, 0);
	expect_changed(at, link.bytes[HOST] + at, end - at);
	assert_int_equal(link.resets, 1);
	assert_true(link.reset_exact);
	assert_int_equal(guard_total(STOQ_GUARD_ENDED), ended + 1);
	assert_int_equal(link_arrived(&link, HOST), at);
}

static void test_overlap_with_other_content(void **state)
{
	uint8_t evil[1024];
	size_t at, end;

	(void)state;
	/* Any part of it, once more, different in every byte. */
	for (size_t from = 0; from < 72; from += 7) {
		for (size_t to = from + 1; to <= 72; to += 9) {
			link_open_protected(&link);
			at = link_write_next(&link, NVME_NVM_WRITE, 1, 1000);
			end = link.written[HOST];
			for (size_t i = 0; i < end - at; i++)
				evil[i] = ~link.bytes[HOST][at + i];
			assert_true(link_flush(&link, HOST));
			memset(link.here[HOST] + at, 0, end - at);
			expect_changed(at + from, evil + from, to - from);
			assert_true(link_flush(&link, HOST));
			assert_memory_equal(
				link.received[HOST] + at, link.bytes[HOST] + at, end - at);
		}
	}
}

/* The first part of a header, then all of it, with another first part. */
static void test_overlap_with_cut_header(void **state)
{
	for (size_t cut = 1; cut < 72; cut++) {
		uint8_t evil[1024];
		size_t at, end;

		(void)state;
		link_open_protected(&link);
		at = link_write_next(&link, NVME_NVM_WRITE, 1, 1000);
		end = link.written[HOST];
		memcpy(evil, link.bytes[HOST] + at, end - at);
		for (size_t i = 0; i < cut; i++)
			evil[i] = 0x55;
		assert_true(link_send(&link, HOST, at, at + cut));
		memset(link.here[HOST] + at, 0, cut);
		expect_changed(at, evil, cut);
		expect_changed(at, evil, end - at);
		assert_true(link_flush(&link, HOST));
		assert_memory_equal(link.received[HOST] + at, link.bytes[HOST] + at, end - at);
	}
}

/* The ranges of a Dataset Management command, and the name in Connect, are kept, too. */
static void test_overlap_with_judged_data(void **state)
{
	struct nvme_dsm_range range = {.length_blocks = 8, .slba = 1000};
	struct nvme_sqe sqe = nvme_encode_io(&(struct nvme_io_fields){
		.opcode = NVME_NVM_DATASET_MANAGEMENT,
		.nsid = 1,
		.data_bytes = sizeof(range),
		.in_capsule = true,
	});
	uint8_t front[NVME_TCP_FRONT_MAX] = {0}, evil[LINK_BYTES] = {0};
	size_t at, end;

	(void)state;
	link_open_protected(&link);
	dialog_bytes(&link.dialog, front,
		nvme_tcp_encode_capsule_cmd(front, &link.dialog.format, &sqe, sizeof(range)));
	dialog_bytes(&link.dialog, &range, sizeof(range));
	at = link_write(&link, HOST);
	end = link.written[HOST];
	assert_true(link_flush(&link, HOST));
	/* Connect, which the link's opening sent, then the ranges. */
	memset(link.here[HOST], 0, LINK_BYTES);
	expect_changed(128, evil, 72 + 1024);
	memcpy(evil, link.bytes[HOST] + 128, 72);
	expect_changed(128, evil, 72 + 1024);
	memcpy(evil, link.bytes[HOST] + at + 10, 62);
	expect_changed(at + 10, evil, end - at - 10);
	assert_true(link_send(&link, HOST, at, end));
}

static void test_out_of_order(void **state)
{
	uint64_t dropped = guard_total(STOQ_GUARD_DROP_DISORDER);
	size_t first, second, end;
	struct nvme_sqe sqe;

	(void)state;
	link_open_protected(&link);
	first = link_write_next(&link, NVME_NVM_READ, 1, 0);
	second = link_write_next(&link, NVME_NVM_WRITE, 1, 1);
	end = link.written[HOST];
	assert_false(link_send(&link, HOST, second, end));
	assert_false(link_send(&link, HOST, first + 1, end));
	assert_int_equal(guard_total(STOQ_GUARD_DROP_DISORDER), dropped + 2);
	assert_true(link_send(&link, HOST, first, second));
	assert_true(link_send(&link, HOST, second, end));
	sqe = link_command(&link, second);
	assert_true(link_is_refused(&sqe));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_checksum_first),
		cmocka_unit_test(test_corrupt_header_first),
		cmocka_unit_test(test_overlap_with_other_content),
		cmocka_unit_test(test_overlap_with_cut_header),
		cmocka_unit_test(test_overlap_with_judged_data),
		cmocka_unit_test(test_out_of_order),
	};

	guard_audited = true;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
