// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a host may send next: before, in and behind its Connect; lengths; data in capsules. What breaks the
 * rules is dropped for its reason, and the same PDU as it should be passes then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bpf/guard_link.h"

#define HOST	   NVME_TCP_FROM_HOST
#define CONTROLLER NVME_TCP_FROM_CONTROLLER

static struct guard_link link;

static void write_term(void)
{
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};

	dialog_bytes(&link.dialog, front, nvme_tcp_encode_term(front, NVME_TCP_H2C_TERM, 1, 0, 24));
	dialog_bytes(&link.dialog, front, 24);
	link_write(&link, HOST);
}

/* ---- the order of things ---- */

static void test_nothing_before_icreq(void **state)
{
	(void)state;
	for (int what = 0; what < 3; what++) {
		struct nvme_tcp_data_fields data = {
			.type = NVME_TCP_H2C_DATA, .flags = NVME_TCP_FLAG_LAST, .length = 100};

		link_start(&link);
		link_syns(&link);
		if (what == 0)
			dialog_connect(&link.dialog, 0, 1);
		else if (what == 1)
			dialog_data(&link.dialog, &data);
		if (what == 2)
			link_write_io(&link, NVME_NVM_READ, 1);
		else
			link_write(&link, HOST);
		link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_SEQUENCE);
	}
}

static void test_nothing_before_icresp(void **state)
{
	(void)state;
	link_start(&link);
	link_syns(&link);
	dialog_icreq(&link.dialog);
	link_write(&link, HOST);
	assert_true(link_flush(&link, HOST));
	dialog_connect(&link.dialog, 0, 1);
	link_write(&link, HOST);
	link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_SEQUENCE);
	dialog_icresp(&link.dialog);
	link_write(&link, CONTROLLER);
	assert_true(link_flush(&link, CONTROLLER));
	dialog_connect(&link.dialog, 0, 1);
	link_write(&link, HOST);
	assert_true(link_flush(&link, HOST));
}

static void test_icreqs(void **state)
{
	static const struct {
		uint8_t byte, value;
	} changes[] = {
		{8, 1}, {9, 1}, {10, 32}, {10, 255}, {11, 4}, {11, 0x80}, {14, 1}, {15, 0xff}};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		size_t at;

		link_start(&link);
		link_syns(&link);
		dialog_icreq(&link.dialog);
		at = link_write(&link, HOST);
		link.bytes[HOST][at + changes[i].byte] = changes[i].value;
		link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_NEGOTIATION);
		dialog_icreq(&link.dialog);
		at = link_write(&link, HOST);
		link.bytes[HOST][at + 10] = 31; /* as far apart as data may be */
		link.bytes[HOST][at + 11] = 3;
		link.bytes[HOST][at + 12] = 0xff;
		assert_true(link_flush(&link, HOST));
		dialog_icreq(&link.dialog);
		link_write(&link, HOST);
		assert_false(link_flush(&link, HOST));
	}
}

static void test_nothing_before_connect(void **state)
{
	(void)state;
	for (uint16_t qid = 0; qid < 2; qid++) {
		link_start(&link);
		link_negotiate(&link);
		link_write_io(&link, qid ? NVME_NVM_READ : NVME_ADMIN_IDENTIFY, 1);
		link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_SEQUENCE);
		dialog_connect(&link.dialog, 0, qid);
		link_write(&link, HOST);
		assert_true(link_flush(&link, HOST));
		/* Nor before it has been accepted. */
		link_write_io(&link, NVME_NVM_READ, 1);
		link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_SEQUENCE);
		link_complete(&link, 0);
		link_write_io(&link, NVME_NVM_READ, 1);
		assert_true(link_flush(&link, HOST));
	}
}

static void test_nothing_behind_a_failed_connect(void **state)
{
	(void)state;
	link_start(&link);
	link_negotiate(&link);
	dialog_connect(&link.dialog, 0, 1);
	link_write(&link, HOST);
	assert_true(link_flush(&link, HOST));
	dialog_response(&link.dialog, 0, NVME_STATUS(1, 0x84), 0);
	link_write(&link, CONTROLLER);
	assert_true(link_flush(&link, CONTROLLER));
	link_write_io(&link, NVME_NVM_READ, 1);
	link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_SEQUENCE);
}

/* CVE-2023-6121: nvmet printed what stood behind names without a NUL. */
static void test_names_that_do_not_end(void **state)
{
	static const size_t pieces[] = {WIRE_PAYLOAD_MAX, 600, 72, 100};

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		for (size_t name = 256; name <= 512; name += 256) {
			uint64_t dropped = guard_total(STOQ_GUARD_DROP_NEGOTIATION);
			size_t from, end;
			bool passed = true;

			link_start(&link);
			link_negotiate(&link);
			dialog_connect(&link.dialog, 0, 1);
			from = link_write(&link, HOST);
			end = link.written[HOST];
			memset(link.bytes[HOST] + from + 72 + name, 'x', 256);
			for (size_t at = from; at < end && passed; at += pieces[i])
				passed = link_send(&link, HOST, at,
					at + pieces[i] < end ? at + pieces[i] : end);
			assert_false(passed);
			assert_true(link_arrived(&link, HOST) < from + 72 + name + 256);
			assert_int_equal(guard_total(STOQ_GUARD_DROP_NEGOTIATION), dropped + 1);
			assert_false(link_flush(&link, HOST));
		}
}

static void test_nothing_behind_a_term_request(void **state)
{
	(void)state;
	link_open(&link, 1);
	write_term();
	assert_true(link_flush(&link, HOST));
	link_write_io(&link, NVME_NVM_READ, 1);
	link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_SEQUENCE);
	write_term();
	assert_false(link_flush(&link, HOST));
}

/* ---- lengths ---- */

/* The status with which it is refused; -1: it passes as it is. */
static int try_transfer(uint8_t opcode, uint8_t type, uint32_t length, uint32_t blocks)
{
	struct nvme_sqe sqe = nvme_encode_io(&(struct nvme_io_fields){.opcode = opcode,
		.cid = 5,
		.nsid = 1,
		.slba = 1000,
		.blocks = blocks,
		.data_bytes = length});
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	size_t at;

	sqe.sgl1.type = type;
	dialog_bytes(&link.dialog, front,
		nvme_tcp_encode_capsule_cmd(front, &link.dialog.format, &sqe, 0));
	at = link_write(&link, HOST);
	assert_true(link_flush(&link, HOST));
	sqe = link_command(&link, at);
	dialog_response(&link.dialog, 5, NVME_STATUS(0, 2), 0);
	link_write(&link, CONTROLLER);
	assert_true(link_flush(&link, CONTROLLER));
	return link_is_refused(&sqe) ? guard_last_record().status : -1;
}

static void test_lengths(void **state)
{
	const uint8_t plain = NVME_SGL_TRANSPORT_DATA_BLOCK;

	(void)state;
	link_open(&link, 1);
	/* As found: nvmet allocates 4 GiB for it. */
	assert_int_equal(try_transfer(NVME_NVM_WRITE, plain, 0xfffffffc, 8), 0x0f);
	assert_int_equal(try_transfer(NVME_NVM_READ, plain, 0xfffffffc, 8), 0x0f);
	assert_int_equal(try_transfer(NVME_NVM_COMPARE, plain, 0x80000000, 65536), 0x0f);
	assert_int_equal(try_transfer(NVME_NVM_FLUSH, plain, 0xfffffffc, 1), 0x0f);
	assert_int_equal(try_transfer(NVME_NVM_DATASET_MANAGEMENT, plain, 1 << 26, 1), 0x0f);
	assert_int_equal(try_transfer(NVME_NVM_WRITE, plain, 131076, 1), 0x0f);
	assert_int_equal(try_transfer(NVME_NVM_WRITE, 0x40, 4096, 8), 0x11);
	assert_int_equal(try_transfer(NVME_NVM_READ, 0x31, 4096, 8), 0x11);
	/* What hosts send, and what tools get wrong without harm. */
	assert_int_equal(try_transfer(NVME_NVM_WRITE, plain, 131072, 1), -1);
	assert_int_equal(try_transfer(NVME_NVM_WRITE, plain, 1 << 20, 2048), -1);
	assert_int_equal(try_transfer(NVME_NVM_READ, plain, 32 << 20, 65000), -1);
	assert_int_equal(try_transfer(NVME_NVM_READ, plain, 512, 8), -1);
	assert_int_equal(try_transfer(NVME_NVM_FLUSH, 0, 0, 1), -1);
	assert_int_equal(try_transfer(NVME_NVM_FLUSH, plain, 0, 1), -1);
}

/* ---- data in capsules ---- */

/* The controller's answer to Identify Controller, with this IOCCSZ, in segments of `piece` bytes.
 */
static void identify(struct guard_link *admin, uint32_t ioccsz, size_t piece)
{
	struct nvme_io_fields fields = {
		.opcode = NVME_ADMIN_IDENTIFY, .cid = 3, .data_bytes = 4096};
	struct nvme_tcp_data_fields data = {
		.type = NVME_TCP_C2H_DATA, .flags = NVME_TCP_FLAG_LAST, .cid = 3, .length = 4096};
	struct nvme_sqe sqe = nvme_encode_io(&fields);
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	size_t at;

	sqe.cdw10 = nvme_to_le32(NVME_IDENTIFY_CONTROLLER);
	dialog_bytes(&admin->dialog, front,
		nvme_tcp_encode_capsule_cmd(front, &admin->dialog.format, &sqe, 0));
	link_write(admin, HOST);
	assert_true(link_flush(admin, HOST));
	dialog_data(&admin->dialog, &data);
	dialog_response(&admin->dialog, 3, 0, 0);
	at = link_write(admin, CONTROLLER);
	nvme_digest_store(admin->bytes[CONTROLLER] + at + 24 + NVME_IDENTIFY_IOCCSZ, ioccsz);
	for (size_t end = admin->written[CONTROLLER]; at < end; at += piece)
		assert_true(link_send(admin, CONTROLLER, at, at + piece < end ? at + piece : end));
}

static size_t write_in_capsule(uint8_t opcode, uint32_t bytes)
{
	struct nvme_io_fields fields = link_fields(opcode, 5, 1, 1000);

	fields.in_capsule = true;
	fields.data_bytes = bytes;
	return link_write_command(&link, &fields);
}

static void expect_limit(uint16_t qid, uint32_t limit)
{
	link_open(&link, qid);
	write_in_capsule(qid ? NVME_NVM_WRITE : NVME_ADMIN_SET_FEATURES, limit);
	assert_true(link_flush(&link, HOST));
	link_complete(&link, 5);
	write_in_capsule(qid ? NVME_NVM_WRITE : NVME_ADMIN_SET_FEATURES, limit + 4);
	link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_CAPSULE);
}

/* As much as the controller says in IOCCSZ; it says so to each of its hosts. */
static void test_in_capsule_sizes(void **state)
{
	static const struct {
		uint32_t ioccsz, io, admin;
	} cases[] = {{4 + 8176 / 16, 8176, 8176}, {4 + 2048 / 16, 2048, 2048},
		{4 + 4096 / 16, 4096, 4096}, {4, 1024, 1024}, {4 + 6000 / 16, 6000, 6000}};
	static struct guard_link admin;

	(void)state;
	expect_limit(1, 4096); /* nothing is known yet */
	expect_limit(0, 4096);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		link_open(&admin, 0);
		identify(&admin, cases[i].ioccsz, i & 1 ? 1 + 100 * i : WIRE_PAYLOAD_MAX);
		expect_limit(1, cases[i].io);
		expect_limit(0, cases[i].admin);
	}
}

/* A host cannot make the guard believe that a controller takes more. */
static void test_in_capsule_size_is_not_the_hosts(void **state)
{
	static struct guard_link admin;
	struct nvme_io_fields fields = {.opcode = NVME_ADMIN_IDENTIFY, .cid = 3, .data_bytes = 512};

	(void)state;
	link_open(&admin, 0);
	identify(&admin, 4 + 2048 / 16, WIRE_PAYLOAD_MAX);
	/* Identify that fails, and Identify of which only the beginning is asked for. */
	for (int i = 0; i < 2; i++) {
		struct nvme_tcp_data_fields data = {.type = NVME_TCP_C2H_DATA,
			.flags = NVME_TCP_FLAG_LAST,
			.cid = 3,
			.length = 512};
		struct nvme_sqe sqe = nvme_encode_io(&fields);
		uint8_t front[NVME_TCP_FRONT_MAX] = {0};

		sqe.cdw10 = nvme_to_le32(NVME_IDENTIFY_CONTROLLER);
		dialog_bytes(&admin.dialog, front,
			nvme_tcp_encode_capsule_cmd(front, &admin.dialog.format, &sqe, 0));
		link_write(&admin, HOST);
		assert_true(link_flush(&admin, HOST));
		if (i)
			dialog_data(&admin.dialog, &data);
		dialog_response(&admin.dialog, 3, i ? 0 : NVME_STATUS(0, 2), 0);
		link_write(&admin, CONTROLLER);
		assert_true(link_flush(&admin, CONTROLLER));
	}
	expect_limit(1, 2048);
}

/* ---- not strict ---- */

static void test_not_strict(void **state)
{
	struct nvme_tcp_data_fields data = link_asked_data(5, 9, 0, 1000);

	(void)state;
	guard_install("version: 1\nstrict: false\ndefault: allow\nrules: []\n");
	link_open(&link, 1);
	link_write_data(&link, HOST, &data);
	assert_true(link_flush(&link, HOST));
	link_write_io(&link, NVME_NVM_READ, 5);
	link_write_io(&link, NVME_NVM_READ, 5);
	assert_true(link_flush(&link, HOST));
	link_complete(&link, 5);
	/* When it becomes strict, a connection that it did not follow strictly does not pass. */
	link_complete(&link, 5);
	guard_install_allowing(state);
	link_write_io(&link, NVME_NVM_READ, 6);
	assert_false(link_flush(&link, HOST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_before_icreq, guard_install_allowing),
		cmocka_unit_test_setup(test_nothing_before_icresp, guard_install_allowing),
		cmocka_unit_test_setup(test_icreqs, guard_install_allowing),
		cmocka_unit_test_setup(test_nothing_before_connect, guard_install_allowing),
		cmocka_unit_test_setup(
			test_nothing_behind_a_failed_connect, guard_install_allowing),
		cmocka_unit_test_setup(test_nothing_behind_a_term_request, guard_install_allowing),
		cmocka_unit_test_setup(test_lengths, guard_install_allowing),
		cmocka_unit_test_setup(test_in_capsule_sizes, guard_install_allowing),
		cmocka_unit_test_setup(
			test_in_capsule_size_is_not_the_hosts, guard_install_allowing),
		cmocka_unit_test_setup(test_names_that_do_not_end, guard_install_allowing),
		cmocka_unit_test_setup(test_not_strict, guard_install_allowing),
	};

	guard_audited = true;
	guard_audit_more = UINT64_C(1) << STOQ_GUARD_DROP_MALFORMED_PDU;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
