// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tunnel/lane_header.h"

static struct stoq_lane_header sample(void)
{
	struct stoq_lane_header header = {.queue = 0x0102030405060708, .lane = 0};

	strcpy(header.target, "disk-1.example:2");
	return header;
}

static void the_bytes_are_those_of_the_description(void **state)
{
	static const uint8_t expected[] = {'S', 'T', 'Q', 'L', 1, 0, 0, 16, 1, 2, 3, 4, 5, 6, 7, 8,
		'd', 'i', 's', 'k', '-', '1', '.', 'e', 'x', 'a', 'm', 'p', 'l', 'e', ':', '2'};
	struct stoq_lane_header header = sample();
	uint8_t out[STOQ_LANE_HEADER_MAX];

	assert_int_equal(stoq_lane_header_encode(out, &header), sizeof(expected));
	assert_memory_equal(out, expected, sizeof(expected));
}

static void what_was_written_is_read_and_every_cut_is_too_short(void **state)
{
	struct stoq_lane_header header = sample(), read;
	uint8_t out[STOQ_LANE_HEADER_MAX + 3];
	size_t size = stoq_lane_header_encode(out, &header);
	const uint8_t *data = out;

	for (size_t cut = 0; cut < size; cut++) {
		assert_int_equal(stoq_lane_header_decode(&data, out + cut, &read), -EAGAIN);
		assert_ptr_equal(data, out);
	}
	assert_int_equal(stoq_lane_header_decode(&data, out + size + 3, &read), 0);
	assert_ptr_equal(data, out + size);
	assert_true(read.queue == header.queue);
	assert_int_equal(read.lane, 0);
	assert_false(read.bytes);
	assert_string_equal(read.target, header.target);
}

static int decode_with(size_t place, uint8_t value)
{
	struct stoq_lane_header header = sample();
	uint8_t out[STOQ_LANE_HEADER_MAX] = {0};
	const uint8_t *data = out;

	stoq_lane_header_encode(out, &header);
	out[place] = value;
	return stoq_lane_header_decode(&data, out + sizeof(out), &header);
}

static void what_is_no_header_is_refused(void **state)
{
	assert_int_equal(decode_with(0, 's'), -EBADMSG);
	assert_int_equal(decode_with(4, 2), -EPROTONOSUPPORT);
	assert_int_equal(decode_with(5, 0x01), 0);
	assert_int_equal(decode_with(5, 0x02), -EBADMSG);
	assert_int_equal(decode_with(6, STOQ_LANES_MAX), -EBADMSG);
	/* A target's name belongs to lane 0. */
	assert_int_equal(decode_with(6, 1), -EBADMSG);
	assert_int_equal(decode_with(7, STOQ_LANE_TARGET_MAX + 1), -EBADMSG);
	assert_int_equal(decode_with(16, 0), -EBADMSG);
	assert_int_equal(decode_with(16, '/'), -EBADMSG);
	assert_int_equal(decode_with(20, ' '), -EBADMSG);
}

static void names_of_targets(void **state)
{
	char name[STOQ_LANE_TARGET_MAX + 2];

	memset(name, 'a', sizeof(name));
	name[STOQ_LANE_TARGET_MAX] = '\0';
	assert_true(stoq_lane_target_valid(name));
	name[STOQ_LANE_TARGET_MAX] = 'a';
	name[STOQ_LANE_TARGET_MAX + 1] = '\0';
	assert_false(stoq_lane_target_valid(name));
	assert_true(stoq_lane_target_valid(""));
	assert_false(stoq_lane_target_valid("a b"));
	assert_false(stoq_lane_target_valid("\xc3\xa4"));
}

static void records(void **state)
{
	uint8_t out[STOQ_LANE_RECORD_MAX];
	struct nvme_tcp_hdr hdr;
	struct stoq_lane_times times = {0x0102030405060708, 9}, read;

	assert_int_equal(stoq_lane_record_encode_lanes(out, 8), 8);
	memcpy(&hdr, out, sizeof(hdr));
	assert_true(stoq_lane_record_valid(&hdr));
	assert_int_equal(stoq_lane_record_lanes(&hdr), 8);
	assert_memory_equal(out, "\xf0\x08\x08\x00\x08\x00\x00\x00", 8);
	assert_int_equal(stoq_lane_record_encode_times(out, &times), 24);
	memcpy(&hdr, out, sizeof(hdr));
	assert_true(stoq_lane_record_valid(&hdr));
	stoq_lane_record_times(out, &read);
	assert_memory_equal(&read, &times, sizeof(times));
	assert_memory_equal(out + 8, "\x08\x07\x06\x05\x04\x03\x02\x01\x09", 9);
	assert_int_equal(stoq_lane_record_encode_targets(out, "a=b\n", 4), 12);
	memcpy(&hdr, out, sizeof(hdr));
	assert_true(stoq_lane_record_valid(&hdr));
}

static bool valid_with(uint8_t type, uint8_t flags, uint32_t plen)
{
	struct nvme_tcp_hdr hdr = {
		.type = type, .flags = flags, .hlen = 8, .plen = nvme_to_le32(plen)};

	return stoq_lane_record_valid(&hdr);
}

static void what_is_no_record(void **state)
{
	assert_true(valid_with(STOQ_LANE_RECORD_LANES, 2, 8));
	assert_false(valid_with(STOQ_LANE_RECORD_LANES, 1, 8));
	assert_false(valid_with(STOQ_LANE_RECORD_LANES, STOQ_LANES_MAX + 1, 8));
	assert_false(valid_with(STOQ_LANE_RECORD_LANES, 2, 9));
	assert_false(valid_with(STOQ_LANE_RECORD_TIMES, 0, 23));
	assert_false(valid_with(STOQ_LANE_RECORD_TIMES, 1, 24));
	assert_false(valid_with(STOQ_LANE_RECORD_TARGETS, 0, 8));
	assert_true(valid_with(STOQ_LANE_RECORD_TARGETS, 0, STOQ_LANE_RECORD_MAX));
	assert_false(valid_with(STOQ_LANE_RECORD_TARGETS, 0, STOQ_LANE_RECORD_MAX + 1));
	assert_false(valid_with(0xf3, 0, 24));
	assert_false(valid_with(NVME_TCP_R2T, 0, 24));
}

static void every_code_has_a_text(void **state)
{
	for (uint64_t code = 0; code < STOQ_LANE_CODES; code++)
		assert_non_null(stoq_lane_code_text(code));
	assert_non_null(stoq_lane_code_text(UINT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bytes_are_those_of_the_description),
		cmocka_unit_test(what_was_written_is_read_and_every_cut_is_too_short),
		cmocka_unit_test(what_is_no_header_is_refused),
		cmocka_unit_test(names_of_targets),
		cmocka_unit_test(records),
		cmocka_unit_test(what_is_no_record),
		cmocka_unit_test(every_code_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
