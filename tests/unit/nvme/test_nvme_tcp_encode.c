// SPDX-License-Identifier: BSD-2-Clause
#include "nvme/nvme_tcp_check.h"
#include "nvme/nvme_tcp_encode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A front, aligned so that it can be read as a header. */
union front {
	uint8_t bytes[NVME_TCP_FRONT_MAX];
	struct nvme_tcp_hdr hdr;
	struct nvme_tcp_cmd_pdu cmd;
	struct nvme_tcp_data_pdu data;
	struct nvme_tcp_icreq_pdu icreq;
	struct nvme_tcp_term_pdu term;
};

static const struct nvme_tcp_format plain;
static const struct nvme_tcp_format digests = {.header_digest = true, .data_digest = true};

static void assert_valid(const union front *front)
{
	assert_true(nvme_tcp_check_common(&front->hdr));
	assert_true(nvme_tcp_check_header(&front->hdr));
}

/* The bytes on the wire, as Linux sends them. */
static void test_icreq_bytes(void **state)
{
	static const uint8_t expected[16] = {0, 0, 128, 0, 128, 0, 0, 0, 0, 0, 0, 3, 7};
	union front front;

	assert_int_equal(nvme_tcp_encode_icreq(front.bytes, &digests, 7), 128);
	assert_memory_equal(front.bytes, expected, sizeof(expected));
	for (size_t i = sizeof(expected); i < 128; i++)
		assert_int_equal(front.bytes[i], 0);
	assert_valid(&front);
}

static void test_icresp_bytes(void **state)
{
	static const uint8_t expected[16] = {1, 0, 128, 0, 128, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0x40, 0};
	struct nvme_tcp_format format = {.data_alignment = 5};
	union front front;

	assert_int_equal(nvme_tcp_encode_icresp(front.bytes, &format, 0x400000), 128);
	assert_memory_equal(front.bytes, expected, sizeof(expected));
	assert_valid(&front);
}

static void test_write_with_in_capsule_data(void **state)
{
	struct nvme_sqe sqe = nvme_encode_io(&(struct nvme_io_fields){.opcode = NVME_NVM_WRITE,
		.cid = 0x1234,
		.nsid = 1,
		.slba = 0x100000002,
		.blocks = 8,
		.data_bytes = 4096,
		.in_capsule = true});
	static const uint8_t expected[] = {4, 0, 72, 72, 72, 16, 0, 0, /* PLEN 4168 */
		0x01, 0x40, 0x34, 0x12, 1};
	union front front;

	assert_int_equal(nvme_tcp_encode_capsule_cmd(front.bytes, &plain, &sqe, 4096), 72);
	assert_memory_equal(front.bytes, expected, sizeof(expected));
	assert_valid(&front);
	assert_int_equal(nvme_tcp_data_length(&front.hdr), 4096);
	assert_true(nvme_sqe_slba(&front.cmd.sqe) == 0x100000002);
	assert_int_equal(nvme_sqe_block_count(&front.cmd.sqe), 8);
}

static void test_command_without_data_has_no_padding(void **state)
{
	struct nvme_tcp_format format = {
		.header_digest = true, .data_digest = true, .data_alignment = 31};
	struct nvme_sqe sqe = nvme_encode_io(&(struct nvme_io_fields){.opcode = NVME_NVM_FLUSH});
	union front front;

	assert_int_equal(nvme_tcp_encode_capsule_cmd(front.bytes, &format, &sqe, 0), 76);
	assert_int_equal(front.hdr.flags, NVME_TCP_FLAG_HDGST);
	assert_int_equal(front.hdr.pdo, 0);
	assert_int_equal(nvme_le32(front.hdr.plen), 76);
	assert_valid(&front);
}

static void test_digest_and_padding_precede_data(void **state)
{
	struct nvme_tcp_format format = {
		.header_digest = true, .data_digest = true, .data_alignment = 15};
	union front front;
	struct nvme_tcp_data_fields fields = {.type = NVME_TCP_C2H_DATA,
		.flags = NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS,
		.cid = 7,
		.offset = 512,
		.length = 1000};

	memset(&front, 0xff, sizeof(front));
	assert_int_equal(nvme_tcp_encode_data(front.bytes, &format, &fields), 64);
	assert_int_equal(front.hdr.flags, 0xf);
	assert_int_equal(front.hdr.pdo, 64);
	assert_int_equal(nvme_le32(front.hdr.plen), 64 + 1000 + 4);
	assert_int_equal(nvme_digest_load(front.bytes + 24), nvme_crc32c(front.bytes, 24));
	for (int i = 28; i < 64; i++)
		assert_int_equal(front.bytes[i], 0);
	assert_valid(&front);
}

/* Every alignment and every combination of digests passes the checks and fits the front. */
static void test_every_format_is_valid(void **state)
{
	for (int i = 0; i < 4 * 32; i++) {
		struct nvme_tcp_format format = {
			.header_digest = i & 1, .data_digest = i & 2, .data_alignment = i / 4};
		struct nvme_sqe sqe = nvme_encode_io(
			&(struct nvme_io_fields){.data_bytes = 5000, .in_capsule = true});
		struct nvme_tcp_data_fields fields = {.type = NVME_TCP_H2C_DATA, .length = 1};
		struct nvme_cqe cqe = nvme_encode_cqe(1, 2, NVME_STATUS(2, 0x81));
		union front front;

		assert_true(nvme_tcp_encode_capsule_cmd(front.bytes, &format, &sqe, 5000) <=
			    NVME_TCP_FRONT_MAX);
		assert_int_equal(front.hdr.pdo % ((format.data_alignment + 1) * 4), 0);
		assert_valid(&front);
		assert_true(
			nvme_tcp_encode_data(front.bytes, &format, &fields) <= NVME_TCP_FRONT_MAX);
		assert_valid(&front);
		nvme_tcp_encode_capsule_resp(front.bytes, &format, &cqe);
		assert_valid(&front);
		nvme_tcp_encode_r2t(front.bytes, &format, 1, 2, 3, 4);
		assert_valid(&front);
	}
}

static void test_completion_status(void **state)
{
	struct nvme_cqe cqe = nvme_encode_cqe(9, 3, NVME_STATUS(2, 0x81));

	assert_int_equal(nvme_le16(cqe.status), 0x0502);
	assert_int_equal(nvme_status_code(nvme_le16(cqe.status)), NVME_STATUS(2, 0x81));
	assert_int_equal(nvme_le16(cqe.command_id), 9);
}

static void test_term_carries_the_offender(void **state)
{
	union front front;

	assert_int_equal(
		nvme_tcp_encode_term(front.bytes, NVME_TCP_C2H_TERM, 1, 0x00050004, 128), 24);
	assert_int_equal(nvme_le32(front.hdr.plen), 152);
	assert_int_equal(nvme_le16(front.term.fei_low), 4);
	assert_int_equal(nvme_le16(front.term.fei_high), 5);
	assert_valid(&front);
}

static void test_connect(void **state)
{
	struct nvme_sqe sqe = nvme_encode_connect(&(struct nvme_connect_fields){
		.cid = 3, .qid = 2, .sqsize_zero_based = 127, .kato_ms = 15000});
	const uint8_t *bytes = (const uint8_t *)&sqe;
	union front front;

	assert_int_equal(bytes[0], 0x7f);
	assert_int_equal(bytes[4], NVME_FABRICS_CONNECT);
	assert_int_equal(bytes[42], 2);
	assert_int_equal(bytes[44], 127);
	assert_int_equal(bytes[48] | bytes[49] << 8, 15000);
	nvme_tcp_encode_capsule_cmd(front.bytes, &plain, &sqe, sizeof(struct nvme_connect_data));
	assert_valid(&front);
}

static void test_connect_data(void **state)
{
	static const uint8_t hostid[16] = {1, 2, 3};
	struct nvme_connect_data data;
	char longest[NVME_NQN_MAX + 2];

	memset(longest, 'n', sizeof(longest));
	longest[NVME_NQN_MAX] = 0;
	assert_int_equal(nvme_encode_connect_data(&data, hostid, 0xffff, longest, "host"), 0);
	assert_memory_equal(data.hostid, hostid, 16);
	assert_int_equal(nvme_le16(data.cntlid), 0xffff);
	assert_string_equal(data.subnqn, longest);
	assert_string_equal(data.hostnqn, "host");
	longest[NVME_NQN_MAX] = 'n';
	longest[NVME_NQN_MAX + 1] = 0;
	assert_int_equal(nvme_encode_connect_data(&data, hostid, 1, longest, "host"), -EINVAL);
	assert_int_equal(nvme_encode_connect_data(&data, hostid, 1, "subsystem", longest), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_icreq_bytes),
		cmocka_unit_test(test_icresp_bytes),
		cmocka_unit_test(test_write_with_in_capsule_data),
		cmocka_unit_test(test_command_without_data_has_no_padding),
		cmocka_unit_test(test_digest_and_padding_precede_data),
		cmocka_unit_test(test_every_format_is_valid),
		cmocka_unit_test(test_completion_status),
		cmocka_unit_test(test_term_carries_the_offender),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_connect_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
