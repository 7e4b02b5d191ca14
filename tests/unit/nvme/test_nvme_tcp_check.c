// SPDX-License-Identifier: BSD-2-Clause
#include "nvme/nvme_tcp_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int common(__u8 type, __u8 flags, __u8 hlen, __u8 pdo, __u32 plen)
{
	struct nvme_tcp_hdr hdr = {type, flags, hlen, pdo, nvme_to_le32(plen)};

	return nvme_tcp_check_common(&hdr);
}

static void test_types_and_header_lengths(void **state)
{
	static const __u8 hlens[NVME_TCP_PDU_TYPES] = {128, 128, 24, 24, 72, 24, 24, 24, 0, 24};

	for (int type = 0; type < 256; type++) {
		__u8 right = type < NVME_TCP_PDU_TYPES ? hlens[type] : 0;

		assert_int_equal(nvme_tcp_header_length(type), right);
		for (int hlen = 0; hlen < 256; hlen++) {
			int has_data = nvme_tcp_has_data(type);
			int valid = common(type, 0, hlen, has_data ? hlen : 0, hlen + has_data * 4);

			assert_int_equal(valid, right && hlen == right);
		}
	}
}

static void test_senders(void **state)
{
	static const enum nvme_tcp_pdu_type controller[] = {NVME_TCP_ICRESP, NVME_TCP_C2H_TERM,
		NVME_TCP_CAPSULE_RESP, NVME_TCP_C2H_DATA, NVME_TCP_R2T};
	static const enum nvme_tcp_pdu_type host[] = {
		NVME_TCP_ICREQ, NVME_TCP_H2C_TERM, NVME_TCP_CAPSULE_CMD, NVME_TCP_H2C_DATA};

	for (size_t i = 0; i < sizeof(controller) / sizeof(controller[0]); i++)
		assert_int_equal(nvme_tcp_sender(controller[i]), NVME_TCP_FROM_CONTROLLER);
	for (size_t i = 0; i < sizeof(host) / sizeof(host[0]); i++)
		assert_int_equal(nvme_tcp_sender(host[i]), NVME_TCP_FROM_HOST);
}

static void test_flags_each_type_may_have(void **state)
{
	for (int flags = 0; flags < 256; flags++) {
		int start = 24 + (flags & 1 ? 4 : 0), trailer = flags & 2 ? 4 : 0;
		int success_alone = (flags & 8) && !(flags & 4);

		assert_int_equal(common(NVME_TCP_ICREQ, flags, 128, 0, 128), !flags);
		assert_int_equal(common(NVME_TCP_C2H_TERM, flags, 24, 0, 152), !flags);
		assert_int_equal(common(NVME_TCP_CAPSULE_RESP, flags, 24, 0, start), !(flags & ~1));
		assert_int_equal(common(NVME_TCP_R2T, flags, 24, 0, start), !(flags & ~1));
		assert_int_equal(common(NVME_TCP_H2C_DATA, flags, 24, start, start + 512 + trailer),
			!(flags & ~7));
		assert_int_equal(common(NVME_TCP_C2H_DATA, flags, 24, start, start + 512 + trailer),
			!(flags & ~15) && !success_alone);
		assert_int_equal(common(NVME_TCP_CAPSULE_CMD, flags, 72, start + 48,
					 start + 48 + 512 + trailer),
			!(flags & ~3));
	}
}

static void test_pdu_lengths(void **state)
{
	assert_false(common(NVME_TCP_ICREQ, 0, 128, 0, 127));
	assert_false(common(NVME_TCP_ICRESP, 0, 128, 0, 129));
	assert_false(common(NVME_TCP_H2C_TERM, 0, 24, 0, 23));
	assert_true(common(NVME_TCP_H2C_TERM, 0, 24, 0, 24));
	assert_false(common(NVME_TCP_H2C_TERM, 0, 24, 0, 153));
	assert_false(common(NVME_TCP_CAPSULE_RESP, 0, 24, 0, 28));
	assert_false(common(NVME_TCP_CAPSULE_RESP, 1, 24, 0, 24));
	assert_false(common(NVME_TCP_C2H_DATA, 0, 24, 24, 24)); /* without data */
	assert_false(common(NVME_TCP_C2H_DATA, 2, 24, 24, 28)); /* a digest of nothing */
	assert_true(common(NVME_TCP_C2H_DATA, 0, 24, 24, NVME_TCP_DATA_MAX + 24));
	assert_false(common(NVME_TCP_C2H_DATA, 0, 24, 24, NVME_TCP_DATA_MAX + 1024));
	assert_false(common(NVME_TCP_C2H_DATA, 0, 24, 24, 0xffffffff));
	assert_false(common(NVME_TCP_C2H_DATA, 0, 24, 24, 0));
}

static void test_data_offsets(void **state)
{
	for (int pdo = 0; pdo < 256; pdo++) {
		int aligned = pdo % 4 == 0 && pdo <= NVME_TCP_PDO_MAX;

		assert_int_equal(common(NVME_TCP_C2H_DATA, 0, 24, pdo, 4096), aligned && pdo >= 24);
		assert_int_equal(common(NVME_TCP_C2H_DATA, 1, 24, pdo, 4096), aligned && pdo >= 28);
		assert_int_equal(
			common(NVME_TCP_CAPSULE_CMD, 1, 72, pdo, 4096), aligned && pdo >= 76);
		assert_int_equal(
			common(NVME_TCP_CAPSULE_CMD, 0, 72, pdo, 72), pdo == 0 || pdo == 72);
		assert_int_equal(
			common(NVME_TCP_CAPSULE_CMD, 1, 72, pdo, 76), pdo == 0 || pdo == 76);
	}
}

static void test_data_length(void **state)
{
	struct nvme_tcp_hdr hdr = {NVME_TCP_C2H_DATA, 3, 24, 28, nvme_to_le32(28 + 100 + 4)};

	assert_int_equal(nvme_tcp_data_length(&hdr), 100);
	hdr.flags = 1;
	assert_int_equal(nvme_tcp_data_length(&hdr), 104);
	hdr.type = NVME_TCP_R2T;
	assert_int_equal(nvme_tcp_data_length(&hdr), 0);
}

static void test_lengths_told_twice_must_agree(void **state)
{
	struct nvme_tcp_data_pdu data = {
		.hdr = {NVME_TCP_C2H_DATA, 0, 24, 24, nvme_to_le32(24 + 512)}};
	struct nvme_tcp_cmd_pdu cmd = {
		.hdr = {NVME_TCP_CAPSULE_CMD, 0, 72, 72, nvme_to_le32(72 + 512)},
		.sqe.sgl1.type = NVME_SGL_DATA_BLOCK_OFFSET};

	for (__u32 length = 500; length < 520; length++) {
		/* Up to three bytes of padding are tolerated. */
		int agrees = length > 508 && length <= 512;

		data.data_length = nvme_to_le32(length);
		assert_int_equal(nvme_tcp_check_header(&data.hdr), agrees);
		cmd.sqe.sgl1.length = nvme_to_le32(length);
		assert_int_equal(nvme_tcp_check_header(&cmd.hdr), agrees);
	}
	cmd.sqe.sgl1.length = nvme_to_le32(512);
	cmd.sqe.sgl1.type = NVME_SGL_TRANSPORT_DATA_BLOCK;
	assert_false(nvme_tcp_check_header(&cmd.hdr));
	cmd.hdr.plen = nvme_to_le32(72); /* no in-capsule data: the data comes by R2T */
	cmd.hdr.pdo = 0;
	assert_true(nvme_tcp_check_header(&cmd.hdr));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types_and_header_lengths),
		cmocka_unit_test(test_senders),
		cmocka_unit_test(test_flags_each_type_may_have),
		cmocka_unit_test(test_pdu_lengths),
		cmocka_unit_test(test_data_offsets),
		cmocka_unit_test(test_data_length),
		cmocka_unit_test(test_lengths_told_twice_must_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
