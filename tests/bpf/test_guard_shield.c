// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a host may send next: before, in and behind its Connect; data only as R2Ts ask for them;
 * identifiers and places of commands; lengths. And what a controller may answer. What breaks the
 * rules is dropped for its reason, and the same PDU as it should be passes then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "stoq_guard.skel.h"
#include "tests/bpf/guard_rig.h"

#define HOST	   NVME_TCP_FROM_HOST
#define CONTROLLER NVME_TCP_FROM_CONTROLLER

static struct guard_link link;

static int install(void **state)
{
	(void)state;
	guard_install("version: 1\ndefault: allow\nrules: []\n");
	return 0;
}

/* What was written and not sent yet: does it pass? */
static bool passes(void)
{
	return link_flush(&link, HOST);
}

/* It does not, for this reason, however often it is tried; what was written is forgotten. */
static void expect_dropped(enum stoq_guard_total reason)
{
	size_t at = link_arrived(&link, HOST);
	uint64_t before = guard_total(reason);

	assert_false(passes());
	assert_false(passes());
	assert_int_equal(guard_total(reason), before + 2);
	link.written[HOST] = at;
}

static size_t write_io(uint8_t opcode, uint16_t cid)
{
	struct nvme_io_fields fields = link_fields(opcode, cid, 1, 1000);

	return link_write_command(&link, &fields);
}

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
			write_io(NVME_NVM_READ, 1);
		else
			link_write(&link, HOST);
		expect_dropped(STOQ_GUARD_DROP_SEQUENCE);
	}
}

static void test_nothing_before_icresp(void **state)
{
	(void)state;
	link_start(&link);
	link_syns(&link);
	dialog_icreq(&link.dialog);
	link_write(&link, HOST);
	assert_true(passes());
	dialog_connect(&link.dialog, 0, 1);
	link_write(&link, HOST);
	expect_dropped(STOQ_GUARD_DROP_SEQUENCE);
	dialog_icresp(&link.dialog);
	link_write(&link, CONTROLLER);
	assert_true(link_flush(&link, CONTROLLER));
	dialog_connect(&link.dialog, 0, 1);
	link_write(&link, HOST);
	assert_true(passes());
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
		expect_dropped(STOQ_GUARD_DROP_NEGOTIATION);
		dialog_icreq(&link.dialog);
		at = link_write(&link, HOST);
		link.bytes[HOST][at + 10] = 31; /* as far apart as data may be */
		link.bytes[HOST][at + 11] = 3;
		link.bytes[HOST][at + 12] = 0xff;
		assert_true(passes());
		dialog_icreq(&link.dialog);
		link_write(&link, HOST);
		assert_false(passes());
	}
}

static void test_nothing_before_connect(void **state)
{
	(void)state;
	for (uint16_t qid = 0; qid < 2; qid++) {
		link_start(&link);
		link_negotiate(&link);
		write_io(qid ? NVME_NVM_READ : NVME_ADMIN_IDENTIFY, 1);
		expect_dropped(STOQ_GUARD_DROP_SEQUENCE);
		dialog_connect(&link.dialog, 0, qid);
		link_write(&link, HOST);
		assert_true(passes());
		/* Nor before it has been accepted. */
		write_io(NVME_NVM_READ, 1);
		expect_dropped(STOQ_GUARD_DROP_SEQUENCE);
		link_complete(&link, 0);
		write_io(NVME_NVM_READ, 1);
		assert_true(passes());
	}
}

static void test_nothing_behind_a_failed_connect(void **state)
{
	(void)state;
	link_start(&link);
	link_negotiate(&link);
	dialog_connect(&link.dialog, 0, 1);
	link_write(&link, HOST);
	assert_true(passes());
	dialog_response(&link.dialog, 0, NVME_STATUS(1, 0x84), 0);
	link_write(&link, CONTROLLER);
	assert_true(link_flush(&link, CONTROLLER));
	write_io(NVME_NVM_READ, 1);
	expect_dropped(STOQ_GUARD_DROP_SEQUENCE);
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
	assert_true(passes());
	write_io(NVME_NVM_READ, 1);
	expect_dropped(STOQ_GUARD_DROP_SEQUENCE);
	write_term();
	assert_false(passes());
}

/* ---- data ---- */

static struct nvme_tcp_data_fields answer(
	uint16_t cid, uint16_t ttag, uint32_t offset, uint32_t length)
{
	return (struct nvme_tcp_data_fields){.type = NVME_TCP_H2C_DATA,
		.flags = NVME_TCP_FLAG_LAST,
		.cid = cid,
		.ttag = ttag,
		.offset = offset,
		.length = length};
}

static void write_data(const struct nvme_tcp_data_fields *fields)
{
	dialog_data(&link.dialog, fields);
	link_write(&link, HOST);
}

/* A write whose data are to be asked for. */
static void begin_write(uint16_t cid, uint32_t bytes)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, cid, 1, 1000);

	fields.in_capsule = false;
	fields.data_bytes = bytes;
	link_write_command(&link, &fields);
	assert_true(passes());
}

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
		struct nvme_tcp_data_fields data =
			answer(5, 9, 0, cases[i].plen - (uint32_t)sizeof(struct nvme_tcp_data_pdu));
		uint8_t front[NVME_TCP_FRONT_MAX] = {0};

		link_open(&link, 1);
		dialog_bytes(&link.dialog, front,
			nvme_tcp_encode_data(front, &link.dialog.format, &data));
		link_write(&link, HOST);
		expect_dropped(cases[i].reason);
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
	struct nvme_tcp_data_fields data = answer(5, 9, 0, 1000);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct nvme_tcp_data_fields fields = wrong[i];

		fields.type = NVME_TCP_H2C_DATA;
		link_open(&link, 1);
		begin_write(5, 1000);
		write_data(&data);
		expect_dropped(STOQ_GUARD_DROP_NO_R2T); /* not asked for yet */
		link_r2t(&link, 5, 9, 0, 1000);
		write_data(&fields);
		expect_dropped(STOQ_GUARD_DROP_NO_R2T);
		write_data(&data);
		assert_true(passes());
		write_data(&data); /* once more */
		expect_dropped(STOQ_GUARD_DROP_NO_R2T);
	}
}

/* In many PDUs, each sent twice, and cut wherever a segment may end. */
static void test_data_in_parts(void **state)
{
	(void)state;
	link_open(&link, 1);
	begin_write(5, 4000);
	link_r2t(&link, 5, 0, 0, 4000);
	for (uint32_t offset = 0; offset < 4000; offset += 400) {
		struct nvme_tcp_data_fields data = answer(5, 0, offset, 400);
		size_t at = link.written[HOST], cut = at + 1 + offset / 400 * 40;

		if (offset < 3600)
			data.flags = 0;
		write_data(&data);
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
	struct nvme_tcp_data_fields data = answer(5, 9, 0, 1000);

	(void)state;
	for (size_t cut = 1; cut < 24; cut++) {
		size_t at;

		link_open(&link, 1);
		begin_write(5, 1000);
		link_r2t(&link, 5, 8, 0, 1000);
		at = link.written[HOST];
		write_data(&data);
		assert_true(link_send(&link, HOST, at, at + cut));
		assert_false(link_send(&link, HOST, at + cut, link.written[HOST]));
		assert_false(link_send(&link, HOST, at + cut, at + 24));
		assert_false(link_send(&link, HOST, at, link.written[HOST]));
	}
}

/* No longer than the controller takes in one PDU: ICResp said 131,072 bytes. */
static void test_maxh2cdata(void **state)
{
	struct nvme_tcp_data_fields data = answer(5, 0, 0, 131072 + 4);
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	size_t at;

	(void)state;
	link_open(&link, 1);
	begin_write(5, 131072 + 4);
	link_r2t(&link, 5, 0, 0, 131072 + 4);
	dialog_bytes(&link.dialog, front, nvme_tcp_encode_data(front, &link.dialog.format, &data));
	at = link_write(&link, HOST);
	expect_dropped(STOQ_GUARD_DROP_NO_R2T);
	data.length = 131072;
	data.flags = 0;
	dialog_bytes(&link.dialog, front, nvme_tcp_encode_data(front, &link.dialog.format, &data));
	assert_int_equal(link_write(&link, HOST), at);
	assert_true(passes());
}

/* An R2T goes with its command: another one with its identifier has none. */
static void test_data_of_a_command_that_is_done(void **state)
{
	struct nvme_tcp_data_fields data = answer(5, 9, 0, 1000);

	(void)state;
	link_open(&link, 1);
	begin_write(5, 1000);
	link_r2t(&link, 5, 9, 0, 1000);
	link_complete(&link, 5);
	write_data(&data);
	expect_dropped(STOQ_GUARD_DROP_NO_R2T);
	begin_write(5, 1000);
	write_data(&data);
	expect_dropped(STOQ_GUARD_DROP_NO_R2T);
	link_r2t(&link, 5, 9, 0, 1000);
	write_data(&data);
	assert_true(passes());
}

/* Several R2Ts for one command at once: with one tag, and with a tag each. */
static void test_several_r2ts(void **state)
{
	(void)state;
	for (uint16_t step = 0; step < 2; step++) {
		link_open(&link, 1);
		begin_write(5, 3000);
		for (uint16_t i = 0; i < 3; i++)
			link_r2t(&link, 5, 7 + i * step, i * 1000, 1000);
		for (uint16_t i = 0; i < 3; i++) {
			struct nvme_tcp_data_fields data = answer(5, 7 + i * step, i * 1000, 1000);

			write_data(&data);
			assert_true(passes());
			write_data(&data);
			expect_dropped(STOQ_GUARD_DROP_NO_R2T);
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
			begin_write(n * strides[i], 100);
		for (uint16_t n = 1; n <= 100; n++)
			link_r2t(&link, n * strides[i], n, 0, 100);
		for (uint16_t n = 100; n; n--) {
			struct nvme_tcp_data_fields data = answer(n * strides[i], n, 0, 100);

			write_data(&data);
			assert_true(passes());
			link_complete(&link, n * strides[i]);
			write_data(&data);
			expect_dropped(STOQ_GUARD_DROP_NO_R2T);
		}
	}
}

/* ---- identifiers and places ---- */

static void test_identifiers(void **state)
{
	static const uint16_t cids[] = {5, 5 + STOQ_OWN_SLOTS, 5 + 2 * STOQ_OWN_SLOTS, 0xffff};

	(void)state;
	link_open(&link, 1);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof(cids) / sizeof(cids[0]); i++) {
			size_t at = write_io(NVME_NVM_WRITE_UNCORRECTABLE, cids[i]);

			assert_true(passes());
			assert_true(link_send(&link, HOST, at, at + 72)); /* TCP sends it again */
			write_io(NVME_NVM_FLUSH, cids[i]);
			expect_dropped(STOQ_GUARD_DROP_CID_IN_USE);
		}
		for (size_t i = 0; i < sizeof(cids) / sizeof(cids[0]); i++) {
			size_t n = round == 1 ? sizeof(cids) / sizeof(cids[0]) - 1 - i : i;

			write_io(NVME_NVM_FLUSH, cids[n]);
			expect_dropped(STOQ_GUARD_DROP_CID_IN_USE);
			link_complete(&link, cids[n]);
		}
	}
}

/* Namespaces with large numbers: their commands are kept elsewhere. */
static void test_identifiers_of_far_namespaces(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_READ, 5, 70000, 0);

	(void)state;
	link_open(&link, 1);
	for (int round = 0; round < 3; round++) {
		link_write_command(&link, &fields);
		assert_true(passes());
		link_write_command(&link, &fields);
		expect_dropped(STOQ_GUARD_DROP_CID_IN_USE);
		write_io(NVME_NVM_READ, 5);
		expect_dropped(STOQ_GUARD_DROP_CID_IN_USE);
		link_complete(&link, 5);
	}
}

/* SPDK's host shuts a controller down: it uses the identifiers of its event requests again. */
static void test_identifiers_of_event_requests(void **state)
{
	(void)state;
	link_open(&link, 0);
	write_io(NVME_ADMIN_ASYNC_EVENT_REQUEST, 5);
	assert_true(passes());
	for (int i = 0; i < 3; i++) {
		write_io(NVME_ADMIN_KEEP_ALIVE, 5);
		assert_true(passes());
		write_io(NVME_ADMIN_KEEP_ALIVE, 5);
		expect_dropped(STOQ_GUARD_DROP_CID_IN_USE);
		link_complete(&link, 5);
	}
}

/* SUCCESS with the last data of a read completes it, too. */
static void test_identifiers_and_success(void **state)
{
	struct nvme_tcp_data_fields data = {.type = NVME_TCP_C2H_DATA,
		.flags = NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS,
		.cid = 5,
		.length = 512};

	(void)state;
	link_open(&link, 1);
	for (int round = 0; round < 3; round++) {
		data.cid = round == 2 ? 5 + STOQ_OWN_SLOTS : 5;
		write_io(NVME_NVM_READ, data.cid);
		assert_true(passes());
		dialog_data(&link.dialog, &data);
		link_write(&link, CONTROLLER);
		assert_true(link_flush(&link, CONTROLLER));
	}
}

/* Connect said 128 places. */
static void test_places(void **state)
{
	(void)state;
	for (uint16_t stride = 1; stride < 4; stride++) {
		link_open(&link, 1);
		for (uint16_t i = 0; i < 128; i++) {
			write_io(NVME_NVM_FLUSH, i * stride);
			assert_true(passes());
		}
		for (int round = 0; round < 3; round++) {
			write_io(NVME_NVM_FLUSH, 60000);
			expect_dropped(STOQ_GUARD_DROP_QUEUE_FULL);
			link_complete(&link, 7 * stride);
			write_io(NVME_NVM_FLUSH, 7 * stride);
			assert_true(passes());
		}
	}
}

/* Event requests wait for ever, and take no place. */
static void test_places_and_events(void **state)
{
	(void)state;
	link_open(&link, 0);
	for (uint16_t i = 0; i < 16; i++) {
		write_io(NVME_ADMIN_ASYNC_EVENT_REQUEST, 1000 + i);
		assert_true(passes());
	}
	for (int i = 0; i < 300; i++) {
		write_io(NVME_ADMIN_KEEP_ALIVE, 1);
		assert_true(passes());
		link_complete(&link, 1);
	}
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
	assert_true(passes());
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
	assert_true(passes());
	link_complete(&link, 5);
	write_in_capsule(qid ? NVME_NVM_WRITE : NVME_ADMIN_SET_FEATURES, limit + 4);
	expect_dropped(STOQ_GUARD_DROP_CAPSULE);
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

/* ---- what a controller may send ---- */

static void write_answer(const struct nvme_tcp_data_fields *fields)
{
	dialog_data(&link.dialog, fields);
	link_write(&link, CONTROLLER);
}

/* What the controller has written does not pass, and is forgotten. */
static void expect_no_answer(enum stoq_guard_total reason)
{
	size_t at = link_arrived(&link, CONTROLLER);
	uint64_t before = guard_total(reason);

	assert_false(link_flush(&link, CONTROLLER));
	assert_false(link_flush(&link, CONTROLLER));
	assert_int_equal(guard_total(reason), before + 2);
	link.written[CONTROLLER] = at;
}

static void write_r2t(uint16_t cid, uint32_t offset, uint32_t length)
{
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};

	dialog_bytes(&link.dialog, front,
		nvme_tcp_encode_r2t(front, &link.dialog.format, cid, 0, offset, length));
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
		write_io(NVME_NVM_FLUSH, 5);
		assert_true(passes());
		write_response(cids[i], 0);
		expect_no_answer(STOQ_GUARD_DROP_CONTROLLER);
		data.cid = cids[i];
		write_answer(&data);
		expect_no_answer(STOQ_GUARD_DROP_CONTROLLER);
		write_r2t(cids[i], 0, 512);
		expect_no_answer(STOQ_GUARD_DROP_CONTROLLER);
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
		write_io(NVME_NVM_READ, 5);
		assert_true(passes());
		write_answer(&data);
		expect_no_answer(STOQ_GUARD_DROP_CONTROLLER);
		write_r2t(5, 0, 512); /* it would send its memory */
		expect_no_answer(STOQ_GUARD_DROP_CONTROLLER);
		write_response(5, 0); /* CVE-2026-89480 */
		expect_no_answer(STOQ_GUARD_DROP_CONTROLLER);
		data = (struct nvme_tcp_data_fields){
			.type = NVME_TCP_C2H_DATA, .cid = 5, .length = 256};
		write_answer(&data);
		assert_true(link_flush(&link, CONTROLLER));
		write_response(5, 0);
		expect_no_answer(STOQ_GUARD_DROP_CONTROLLER);
		data.offset = 256;
		data.flags = NVME_TCP_FLAG_LAST;
		write_answer(&data);
		write_response(5, 0);
		assert_true(link_flush(&link, CONTROLLER));
		/* Or it fails, with no data at all. */
		write_io(NVME_NVM_READ, 5);
		assert_true(passes());
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
		begin_write(5, 512);
		write_answer(&data);
		expect_no_answer(STOQ_GUARD_DROP_CONTROLLER);
		write_r2t(5, wrong[i][0], wrong[i][1]);
		expect_no_answer(STOQ_GUARD_DROP_CONTROLLER);
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
			write_io(NVME_NVM_FLUSH, 5);
			assert_true(passes());
			write_response(5, 0);
			at = link_arrived(&link, CONTROLLER);
			link.bytes[CONTROLLER][at + changes[i].byte] = changes[i].value;
			expect_no_answer(STOQ_GUARD_DROP_MALFORMED_PDU);
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
		assert_true(passes());
		dialog_icresp(&link.dialog);
		at = link_write(&link, CONTROLLER);
		link.bytes[CONTROLLER][at + changes[i].byte] = changes[i].value;
		expect_no_answer(STOQ_GUARD_DROP_CONTROLLER);
		dialog_icresp(&link.dialog);
		link_write(&link, CONTROLLER);
		assert_true(link_flush(&link, CONTROLLER));
		dialog_icresp(&link.dialog);
		link_write(&link, CONTROLLER);
		expect_no_answer(STOQ_GUARD_DROP_CONTROLLER);
	}
}

/* ---- not strict ---- */

static void test_not_strict(void **state)
{
	struct nvme_tcp_data_fields data = answer(5, 9, 0, 1000);

	(void)state;
	guard_install("version: 1\nstrict: false\ndefault: allow\nrules: []\n");
	link_open(&link, 1);
	write_data(&data);
	assert_true(passes());
	write_io(NVME_NVM_READ, 5);
	write_io(NVME_NVM_READ, 5);
	assert_true(passes());
	link_complete(&link, 5);
	/* When it becomes strict, a connection that it did not follow strictly does not pass. */
	link_complete(&link, 5);
	install(state);
	write_io(NVME_NVM_READ, 6);
	assert_false(passes());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_before_icreq, install),
		cmocka_unit_test_setup(test_nothing_before_icresp, install),
		cmocka_unit_test_setup(test_icreqs, install),
		cmocka_unit_test_setup(test_nothing_before_connect, install),
		cmocka_unit_test_setup(test_nothing_behind_a_failed_connect, install),
		cmocka_unit_test_setup(test_nothing_behind_a_term_request, install),
		cmocka_unit_test_setup(test_no_header_from_plen, install),
		cmocka_unit_test_setup(test_data_as_asked_for, install),
		cmocka_unit_test_setup(test_data_in_parts, install),
		cmocka_unit_test_setup(test_wrong_data_in_pieces, install),
		cmocka_unit_test_setup(test_maxh2cdata, install),
		cmocka_unit_test_setup(test_data_of_a_command_that_is_done, install),
		cmocka_unit_test_setup(test_several_r2ts, install),
		cmocka_unit_test_setup(test_many_r2ts, install),
		cmocka_unit_test_setup(test_identifiers, install),
		cmocka_unit_test_setup(test_identifiers_of_far_namespaces, install),
		cmocka_unit_test_setup(test_identifiers_of_event_requests, install),
		cmocka_unit_test_setup(test_identifiers_and_success, install),
		cmocka_unit_test_setup(test_places, install),
		cmocka_unit_test_setup(test_places_and_events, install),
		cmocka_unit_test_setup(test_lengths, install),
		cmocka_unit_test_setup(test_in_capsule_sizes, install),
		cmocka_unit_test_setup(test_in_capsule_size_is_not_the_hosts, install),
		cmocka_unit_test_setup(test_names_that_do_not_end, install),
		cmocka_unit_test_setup(test_answers_to_nothing, install),
		cmocka_unit_test_setup(test_answers_to_reads, install),
		cmocka_unit_test_setup(test_answers_to_writes, install),
		cmocka_unit_test_setup(test_malformed_answers, install),
		cmocka_unit_test_setup(test_icresps, install),
		cmocka_unit_test_setup(test_not_strict, install),
	};

	guard_audited = true;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
