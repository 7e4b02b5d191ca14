// SPDX-License-Identifier: BSD-2-Clause
/* Data of a host, only as R2Ts ask for them: else they are dropped, and the same PDU as it should be passes then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/bpf/guard_link.h"

#define HOST NVME_TCP_FROM_HOST

static struct guard_link link;

/*
 * nvmet may take the first four bytes of a PDU for a digest, and go on at its PLEN: 00180206h there is the beginning of
 * an H2CData PDU, whose other fields its sender chooses.
 */
static void test_no_header_from_plen(void **state)
{
	/* Of those that are not, the reason is that nothing asked for them. */
	static const struct {
		uint32_t plen;
		enum stoq_guard_total reason;
	} cases[] = {{0x180206, STOQ_GUARD_DROP_MALFORMED_PDU},
		{0x180606, STOQ_GUARD_DROP_MALFORMED_PDU},
		{0x480004, STOQ_GUARD_DROP_MALFORMED_PDU}, {0x180208, STOQ_GUARD_DROP_NO_R2T},
		{0x170206, STOQ_GUARD_DROP_NO_R2T}, {0x480006, STOQ_GUARD_DROP_NO_R2T}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nvme_tcp_data_fields data = link_asked_data(
			5, 9, 0, cases[i].plen - (uint32_t)sizeof(struct nvme_tcp_data_pdu));
		uint8_t front[NVME_TCP_FRONT_MAX] = {0};

		link_open(&link, 1);
		dialog_bytes(&link.dialog, front,
			nvme_tcp_encode_data(front, &link.dialog.format, &data));
		link_write(&link, HOST);
		link_expect_dropped(&link, HOST, cases[i].reason);
	}
}

static void test_data_as_asked_for(void **state)
{
	/* Each differs in one thing from the answer to R2T (cid 5, ttag 9, 0, 1000). */
	static const struct nvme_tcp_data_fields wrong[] = {
		{.cid = 6, .ttag = 9, .length = 1000, .flags = NVME_TCP_FLAG_LAST},
		{.cid = 5 + STOQ_GUARD_R2TS,
			.ttag = 9,
			.length = 1000,
			.flags = NVME_TCP_FLAG_LAST},
		{.cid = 5, .ttag = 8, .length = 1000, .flags = NVME_TCP_FLAG_LAST},
		{.cid = 5, .ttag = 0xffff, .length = 1000, .flags = NVME_TCP_FLAG_LAST},
		{.cid = 5, .ttag = 9, .offset = 4, .length = 996, .flags = NVME_TCP_FLAG_LAST},
		{.cid = 5,
			.ttag = 9,
			.offset = 0xfffffffc,
			.length = 1000,
			.flags = NVME_TCP_FLAG_LAST},
		{.cid = 5, .ttag = 9, .length = 1004, .flags = NVME_TCP_FLAG_LAST},
		{.cid = 5, .ttag = 9, .length = 1000},
		{.cid = 5, .ttag = 9, .length = 500, .flags = NVME_TCP_FLAG_LAST},
	};
	struct nvme_tcp_data_fields data = link_asked_data(5, 9, 0, 1000);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct nvme_tcp_data_fields fields = wrong[i];

		fields.type = NVME_TCP_H2C_DATA;
		link_open(&link, 1);
		link_begin_write(&link, 5, 1000);
		link_write_data(&link, HOST, &data);
		link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_NO_R2T); /* not asked for yet */
		link_r2t(&link, 5, 9, 0, 1000);
		link_write_data(&link, HOST, &fields);
		link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_NO_R2T);
		link_write_data(&link, HOST, &data);
		assert_true(link_flush(&link, HOST));
		link_write_data(&link, HOST, &data); /* once more */
		link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_NO_R2T);
	}
}

/* In many PDUs, each sent twice, and cut wherever a segment may end. */
static void test_data_in_parts(void **state)
{
	(void)state;
	link_open(&link, 1);
	link_begin_write(&link, 5, 4000);
	link_r2t(&link, 5, 0, 0, 4000);
	for (uint32_t offset = 0; offset < 4000; offset += 400) {
		struct nvme_tcp_data_fields data = link_asked_data(5, 0, offset, 400);
		size_t at = link.written[HOST], cut = at + 1 + offset / 400 * 40;

		if (offset < 3600)
			data.flags = 0;
		link_write_data(&link, HOST, &data);
		assert_true(link_send(&link, HOST, at, cut));
		assert_true(link_send(&link, HOST, at, cut));
		assert_true(link_send(&link, HOST, cut, link.written[HOST]));
		assert_true(link_send(&link, HOST, at, link.written[HOST]));
		assert_memory_equal(link.received[HOST] + at, link.bytes[HOST] + at, 424);
	}
}

/* In two pieces: the one that makes the header whole does not pass, nor does it at another try. */
static void test_wrong_data_in_pieces(void **state)
{
	struct nvme_tcp_data_fields data = link_asked_data(5, 9, 0, 1000);

	(void)state;
	for (size_t cut = 1; cut < 24; cut++) {
		size_t at;

		link_open(&link, 1);
		link_begin_write(&link, 5, 1000);
		link_r2t(&link, 5, 8, 0, 1000);
		at = link.written[HOST];
		link_write_data(&link, HOST, &data);
		assert_true(link_send(&link, HOST, at, at + cut));
		assert_false(link_send(&link, HOST, at + cut, link.written[HOST]));
		assert_false(link_send(&link, HOST, at + cut, at + 24));
		assert_false(link_send(&link, HOST, at, link.written[HOST]));
	}
}

/* No longer than the controller takes in one PDU: ICResp said 131,072 bytes. */
static void test_maxh2cdata(void **state)
{
	struct nvme_tcp_data_fields data = link_asked_data(5, 0, 0, 131072 + 4);
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	size_t at;

	(void)state;
	link_open(&link, 1);
	link_begin_write(&link, 5, 131072 + 4);
	link_r2t(&link, 5, 0, 0, 131072 + 4);
	dialog_bytes(&link.dialog, front, nvme_tcp_encode_data(front, &link.dialog.format, &data));
	at = link_write(&link, HOST);
	link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_NO_R2T);
	data.length = 131072;
	data.flags = 0;
	dialog_bytes(&link.dialog, front, nvme_tcp_encode_data(front, &link.dialog.format, &data));
	assert_int_equal(link_write(&link, HOST), at);
	assert_true(link_flush(&link, HOST));
}

/* An R2T goes with its command: another one with its identifier has none. */
static void test_data_of_a_command_that_is_done(void **state)
{
	struct nvme_tcp_data_fields data = link_asked_data(5, 9, 0, 1000);

	(void)state;
	link_open(&link, 1);
	link_begin_write(&link, 5, 1000);
	link_r2t(&link, 5, 9, 0, 1000);
	link_complete(&link, 5);
	link_write_data(&link, HOST, &data);
	link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_NO_R2T);
	link_begin_write(&link, 5, 1000);
	link_write_data(&link, HOST, &data);
	link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_NO_R2T);
	link_r2t(&link, 5, 9, 0, 1000);
	link_write_data(&link, HOST, &data);
	assert_true(link_flush(&link, HOST));
}

/* Several R2Ts for one command at once: with one tag, and with a tag each. */
static void test_several_r2ts(void **state)
{
	(void)state;
	for (uint16_t step = 0; step < 2; step++) {
		link_open(&link, 1);
		link_begin_write(&link, 5, 3000);
		for (uint16_t i = 0; i < 3; i++)
			link_r2t(&link, 5, 7 + i * step, i * 1000, 1000);
		for (uint16_t i = 0; i < 3; i++) {
			struct nvme_tcp_data_fields data =
				link_asked_data(5, 7 + i * step, i * 1000, 1000);

			link_write_data(&link, HOST, &data);
			assert_true(link_flush(&link, HOST));
			link_write_data(&link, HOST, &data);
			link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_NO_R2T);
		}
	}
}

/* More writes at once than there are places in a flow, with identifiers that share them. */
static void test_many_r2ts(void **state)
{
	static const uint16_t strides[] = {1, STOQ_GUARD_R2TS, STOQ_OWN_SLOTS, 257};

	(void)state;
	for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
		link_open(&link, 1);
		for (uint16_t n = 1; n <= 100; n++)
			link_begin_write(&link, n * strides[i], 100);
		for (uint16_t n = 1; n <= 100; n++)
			link_r2t(&link, n * strides[i], n, 0, 100);
		for (uint16_t n = 100; n; n--) {
			struct nvme_tcp_data_fields data =
				link_asked_data(n * strides[i], n, 0, 100);

			link_write_data(&link, HOST, &data);
			assert_true(link_flush(&link, HOST));
			link_complete(&link, n * strides[i]);
			link_write_data(&link, HOST, &data);
			link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_NO_R2T);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_no_header_from_plen, guard_install_allowing),
		cmocka_unit_test_setup(test_data_as_asked_for, guard_install_allowing),
		cmocka_unit_test_setup(test_data_in_parts, guard_install_allowing),
		cmocka_unit_test_setup(test_wrong_data_in_pieces, guard_install_allowing),
		cmocka_unit_test_setup(test_maxh2cdata, guard_install_allowing),
		cmocka_unit_test_setup(test_data_of_a_command_that_is_done, guard_install_allowing),
		cmocka_unit_test_setup(test_several_r2ts, guard_install_allowing),
		cmocka_unit_test_setup(test_many_r2ts, guard_install_allowing),
	};

	guard_audited = true;
	guard_audit_more = UINT64_C(1) << STOQ_GUARD_DROP_MALFORMED_PDU;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
