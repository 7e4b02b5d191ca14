// SPDX-License-Identifier: BSD-2-Clause
/* What a controller may answer. What breaks the rules is dropped for its reason, and the same PDU as it should be passes then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/bpf/guard_link.h"

#define HOST	   NVME_TCP_FROM_HOST
#define CONTROLLER NVME_TCP_FROM_CONTROLLER

static struct guard_link link;

static void write_r2t(uint16_t cid, uint32_t offset, uint32_t length)
{
	dialog_r2t(&link.dialog, cid, 0, offset, length);
	link_write(&link, CONTROLLER);
}

static void write_response(uint16_t cid, uint16_t status)
{
	dialog_response(&link.dialog, cid, status, 0);
	link_write(&link, CONTROLLER);
}

/* Responses, data and R2Ts for commands that there are not: hosts have used freed requests. */
static void test_answers_to_nothing(void **state)
{
	static const uint16_t cids[] = {6, 5 + STOQ_OWN_SLOTS, 0x1005, 0xffff};
	struct nvme_tcp_data_fields data = {
		.type = NVME_TCP_C2H_DATA, .flags = NVME_TCP_FLAG_LAST, .length = 512};

	(void)state;
	for (size_t i = 0; i < sizeof(cids) / sizeof(cids[0]); i++) {
		link_open(&link, 1);
		link_write_io(&link, NVME_NVM_FLUSH, 5);
		assert_true(link_flush(&link, HOST));
		write_response(cids[i], 0);
		link_expect_dropped(&link, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER);
		data.cid = cids[i];
		link_write_data(&link, CONTROLLER, &data);
		link_expect_dropped(&link, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER);
		write_r2t(cids[i], 0, 512);
		link_expect_dropped(&link, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER);
		write_response(5, 0);
		write_response(5, 0); /* the second one */
		assert_false(link_flush(&link, CONTROLLER));
	}
}

/* Data of a read: in order, as many as it asked for, before it says that it has succeeded. */
static void test_answers_to_reads(void **state)
{
	static const struct {
		uint32_t offset, length;
		uint8_t flags;
	} wrong[] = {{0, 516, 0}, {4, 508, 0}, {0xfffffffc, 512, 0}, {512, 4, 0}, {508, 8, 0},
		{0, 508, NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS}};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct nvme_tcp_data_fields data = {.type = NVME_TCP_C2H_DATA,
			.flags = wrong[i].flags,
			.cid = 5,
			.offset = wrong[i].offset,
			.length = wrong[i].length};

		link_open(&link, 1);
		link_write_io(&link, NVME_NVM_READ, 5);
		assert_true(link_flush(&link, HOST));
		link_write_data(&link, CONTROLLER, &data);
		link_expect_dropped(&link, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER);
		write_r2t(5, 0, 512); /* it would send its memory */
		link_expect_dropped(&link, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER);
		write_response(5, 0); /* CVE-2026-89480 */
		link_expect_dropped(&link, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER);
		data = (struct nvme_tcp_data_fields){
			.type = NVME_TCP_C2H_DATA, .cid = 5, .length = 256};
		link_write_data(&link, CONTROLLER, &data);
		assert_true(link_flush(&link, CONTROLLER));
		write_response(5, 0);
		link_expect_dropped(&link, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER);
		data.offset = 256;
		data.flags = NVME_TCP_FLAG_LAST;
		link_write_data(&link, CONTROLLER, &data);
		write_response(5, 0);
		assert_true(link_flush(&link, CONTROLLER));
		/* Or it fails, with no data at all. */
		link_write_io(&link, NVME_NVM_READ, 5);
		assert_true(link_flush(&link, HOST));
		write_response(5, NVME_STATUS(0, 4));
		assert_true(link_flush(&link, CONTROLLER));
	}
}

/* CVE-2026-89973: data for a write. R2Ts of no length, and beyond the write. */
static void test_answers_to_writes(void **state)
{
	static const uint32_t wrong[][2] = {{0, 0}, {0, 516}, {512, 4}, {0xfffffffc, 8}, {4, 512}};
	struct nvme_tcp_data_fields data = {
		.type = NVME_TCP_C2H_DATA, .flags = NVME_TCP_FLAG_LAST, .cid = 5, .length = 512};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		link_open(&link, 1);
		link_begin_write(&link, 5, 512);
		link_write_data(&link, CONTROLLER, &data);
		link_expect_dropped(&link, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER);
		write_r2t(5, wrong[i][0], wrong[i][1]);
		link_expect_dropped(&link, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER);
		link_r2t(&link, 5, 0, 0, 512);
		link_complete(&link, 5);
	}
}

/* CVE-2025-21927: HLEN 255, beside which the header's digest is looked for. */
static void test_malformed_answers(void **state)
{
	static const struct {
		uint8_t byte, value;
	} changes[] = {{2, 255}, {2, 0}, {0, 0x08}, {0, NVME_TCP_CAPSULE_CMD}, {4, 0}, {7, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		for (int digests = 0; digests < 2; digests++) {
			size_t at;

			link_start(&link);
			link.dialog.format.header_digest = digests;
			link_handshake(&link, 1);
			link_write_io(&link, NVME_NVM_FLUSH, 5);
			assert_true(link_flush(&link, HOST));
			write_response(5, 0);
			at = link_arrived(&link, CONTROLLER);
			link.bytes[CONTROLLER][at + changes[i].byte] = changes[i].value;
			link_expect_dropped(&link, CONTROLLER, STOQ_GUARD_DROP_MALFORMED_PDU);
			write_response(5, 0);
			assert_true(link_flush(&link, CONTROLLER));
		}
}

static void test_icresps(void **state)
{
	static const struct {
		uint8_t byte, value;
	} changes[] = {{8, 1}, {10, 32}, {11, 4}, {14, 0}, {12, 2}};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		size_t at;

		link_start(&link);
		link_syns(&link);
		dialog_icreq(&link.dialog);
		link_write(&link, HOST);
		assert_true(link_flush(&link, HOST));
		dialog_icresp(&link.dialog);
		at = link_write(&link, CONTROLLER);
		link.bytes[CONTROLLER][at + changes[i].byte] = changes[i].value;
		link_expect_dropped(&link, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER);
		dialog_icresp(&link.dialog);
		link_write(&link, CONTROLLER);
		assert_true(link_flush(&link, CONTROLLER));
		dialog_icresp(&link.dialog);
		link_write(&link, CONTROLLER);
		link_expect_dropped(&link, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_answers_to_nothing, guard_install_allowing),
		cmocka_unit_test_setup(test_answers_to_reads, guard_install_allowing),
		cmocka_unit_test_setup(test_answers_to_writes, guard_install_allowing),
		cmocka_unit_test_setup(test_malformed_answers, guard_install_allowing),
		cmocka_unit_test_setup(test_icresps, guard_install_allowing),
	};

	guard_audited = true;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
