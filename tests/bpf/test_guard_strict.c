// SPDX-License-Identifier: BSD-2-Clause

/* Attempts to slip by a strict guard: the target must never see what the guard did not judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "nvme/nvme_tcp_check.h"
#include "stoq_guard.skel.h"
#include "tests/bpf/guard_link.h"

#define POLICY                                                                                     \
	"version: 1\ndefault: allow\nrules:\n"                                                     \
	"  - {namespace: 1, lba: 0+34, commands: [writes], verdict: deny}\n"

#define HOST	   NVME_TCP_FROM_HOST
#define CONTROLLER NVME_TCP_FROM_CONTROLLER

static struct guard_link link;

/* A byte of a header becomes something else: it is dropped, from there on; the right one passes. */
static void check_dropped(size_t at, size_t byte, uint8_t value, enum stoq_guard_total reason)
{
	uint64_t dropped = guard_total(reason);
	uint8_t saved = link.bytes[HOST][at + byte];

	link.bytes[HOST][at + byte] = value;
	assert_false(link_flush(&link, HOST));
	assert_false(link_send(&link, HOST, at, at + 72));
	assert_int_equal(guard_total(reason), dropped + 2);
	link.bytes[HOST][at + byte] = saved;
	assert_true(link_flush(&link, HOST));
	assert_memory_equal(link.received[HOST] + at, link.bytes[HOST] + at, 72);
}

static void test_malformed_pdus(void **state)
{
	static const struct {
		const char *what;
		uint8_t byte, value;
	} changes[] = {
		{"an unknown type", 0, 0x0a},
		{"type 8", 0, 0x08},
		{"a type that controllers send", 0, NVME_TCP_R2T},
		{"an ICReq once more", 2, 128},
		{"a header digest that was not agreed on", 1, NVME_TCP_FLAG_HDGST},
		{"a data digest that was not agreed on", 1, NVME_TCP_FLAG_DDGST},
		{"a flag that there is not", 1, 0x80},
		{"HLEN", 2, 24},
		{"data that does not follow at once", 3, 76},
		{"absurd PLEN", 7, 0x7f},
		{"PLEN 256 more", 5, 4},
		{"PLEN two more: padding", 4, 0x4a},
		{"PLEN 0", 4, 0},
		{"data at an offset", 32, 1},
		{"another SGL type", 47, NVME_SGL_TRANSPORT_DATA_BLOCK},
		{"another SGL length", 40, 1},
		{"data with a command that reads", 8, NVME_NVM_READ},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		size_t at;

		link_open_protected(&link);
		link_write_next(&link, NVME_NVM_READ, 1, 0);
		assert_true(link_flush(&link, HOST));
		at = link_write_next(&link, NVME_NVM_WRITE, 1, 1000);
		check_dropped(at, changes[i].byte, changes[i].value, STOQ_GUARD_DROP_MALFORMED_PDU);
	}
}

/* A controller that wants its data aligned gets it so, and in no other place. */
static void test_aligned_data(void **state)
{
	static const uint8_t alignments[] = {0, 1, 7, 9, 31};

	(void)state;
	for (size_t i = 0; i < sizeof(alignments); i++) {
		struct nvme_tcp_hdr hdr;
		size_t at;

		guard_install(POLICY);
		link_start(&link);
		link.dialog.format.data_alignment = alignments[i];
		link_handshake(&link, 1);
		at = link_write_next(&link, NVME_NVM_WRITE, 1, 1000);
		assert_true(link_flush(&link, HOST));
		memcpy(&hdr, link.received[HOST] + at, sizeof(hdr));
		assert_int_equal(hdr.pdo, nvme_tcp_data_start(72, alignments[i]));
		at = link_write_next(&link, NVME_NVM_READ, 1, 1000);
		assert_true(link_flush(&link, HOST));
		assert_memory_equal(link.received[HOST] + at, link.bytes[HOST] + at, 72);
		/* In another place, of the same length. */
		link.dialog.format.data_alignment = alignments[i] == 31 ? 0 : 31;
		link_write_next(&link, NVME_NVM_WRITE, 1, 1000);
		assert_false(link_flush(&link, HOST));
	}
}

/* A command that says that its data is in the capsule, which has none: targets would read on. */
static void test_data_that_is_not_there(void **state)
{
	struct nvme_sqe sqe = nvme_encode_io(&(struct nvme_io_fields){.opcode = NVME_NVM_WRITE,
		.nsid = 1,
		.slba = 1000,
		.blocks = 1,
		.data_bytes = 512,
		.in_capsule = true});
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};

	(void)state;
	link_open_protected(&link);
	dialog_bytes(&link.dialog, front,
		nvme_tcp_encode_capsule_cmd(front, &link.dialog.format, &sqe, 0));
	link_write(&link, HOST);
	assert_false(link_flush(&link, HOST));
}

static void test_second_icreq(void **state)
{
	(void)state;
	link_open_protected(&link);
	dialog_icreq(&link.dialog);
	link_write(&link, HOST);
	assert_false(link_flush(&link, HOST));
}

/* A write with the identifier 0, for whose data the controller asks. */
static void ask_for_data(uint32_t bytes)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, 0, 1, 1000);

	fields.in_capsule = false;
	fields.data_bytes = bytes;
	link_write_command(&link, &fields);
	assert_true(link_flush(&link, HOST));
	link_r2t(&link, 0, 0, 0, bytes);
}

static void test_h2c_data(void **state)
{
	static const uint8_t lies[] = {3, 4, 16, 17};

	(void)state;
	for (size_t i = 0; i <= sizeof(lies); i++) {
		struct nvme_tcp_data_fields data = {
			.type = NVME_TCP_H2C_DATA, .flags = NVME_TCP_FLAG_LAST, .length = 1000};
		size_t at;

		link_open_protected(&link);
		ask_for_data(1000);
		dialog_data(&link.dialog, &data);
		at = link_write(&link, HOST);
		if (i < sizeof(lies))
			link.bytes[HOST][at + lies[i]] += 4;
		assert_int_equal(link_flush(&link, HOST), i == sizeof(lies));
	}
}

/* Behind a stretch that could not be followed nothing passes until the host is in step again. */
static void test_behind_a_bad_stretch(void **state)
{
	size_t bad, good, end;

	(void)state;
	link_open_protected(&link);
	bad = link_write_next(&link, NVME_NVM_READ, 1, 0);
	good = link_write_next(&link, NVME_NVM_WRITE, 1, 0);
	end = link.written[HOST];
	link.bytes[HOST][bad] = 0xff;
	assert_false(link_send(&link, HOST, bad, end));
	assert_false(link_send(&link, HOST, good, end));
	assert_false(link_send(&link, HOST, bad, good));
	assert_int_equal(link_arrived(&link, HOST), bad);
}

static void send_flags(
	uint8_t flags, bool from_controller, uint32_t sequence, uint32_t acknowledged)
{
	struct wire_segment segment = {
		.from_controller = from_controller,
		.sequence = sequence,
		.acknowledged = acknowledged,
		.flags = flags,
	};
	uint8_t frame[WIRE_FRAME_MAX];

	guard_run(frame, wire_make(frame, &link.path, &segment), NULL);
}

/*
 * SYN, SYN with ACK, FIN, RST from a host in the middle of its connection, each to make the guard
 * believe that a PDU begins in the data of a write. The target takes no notice.
 */
static void test_flags_from_the_host(void **state)
{
	static const uint8_t flags[] = {
		WIRE_SYN, WIRE_SYN | WIRE_ACK, WIRE_FIN | WIRE_ACK, WIRE_RST, WIRE_RST | WIRE_ACK};

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, 1, 1, 1000);
		struct nvme_tcp_hdr cover = {.type = NVME_TCP_H2C_DATA, .hlen = 24, .pdo = 24};
		size_t at, inside, behind, end;
		struct nvme_sqe sqe;

		link_open_protected(&link);
		at = link_write_command(&link, &fields);
		inside = at + 200;
		behind = link_write_next(&link, NVME_NVM_WRITE, 1, 1);
		end = link.written[HOST];
		/* In the data: a header that would hide what follows the data. */
		cover.plen = nvme_to_le32((uint32_t)(end - inside));
		memcpy(link.bytes[HOST] + inside, &cover, sizeof(cover));
		link.bytes[HOST][inside + 16] = (end - inside - 24) & 0xff;
		link.bytes[HOST][inside + 17] = (end - inside - 24) >> 8;
		assert_true(link_send(&link, HOST, at, inside));
		send_flags(flags[i], false, link.first[HOST] + (uint32_t)inside - 1,
			link.first[CONTROLLER]);
		send_flags(flags[i], false, link.first[HOST] + (uint32_t)inside - 1,
			link.first[CONTROLLER]);
		link_send(&link, HOST, inside, end);
		if (link_arrived(&link, HOST) == end) {
			sqe = link_command(&link, behind);
			assert_true(link_is_refused(&sqe));
		}
	}
}

/* Roles cannot be changed by who seems to answer: both ports a controller's. */
static void test_both_ports_policed(void **state)
{
	(void)state;
	guard_install(POLICY);
	link_start(&link);
	link.path.host_port = 8009;
	link_write_next(&link, NVME_NVM_WRITE, 1, 0);
	assert_false(link_flush(&link, HOST));
}

/* A connection entered in its middle does not pass, wherever its PDUs begin. */
static void test_entered_in_the_middle(void **state)
{
	uint64_t dropped = guard_total(STOQ_GUARD_DROP_UNFOLLOWED);
	size_t at, end;

	(void)state;
	guard_install(POLICY);
	link_start(&link);
	at = link_write_next(&link, NVME_NVM_WRITE, 1, 0);
	end = link.written[HOST];
	assert_false(link_send(&link, HOST, at + 72, end));
	assert_false(link_send(&link, HOST, at + 1, end));
	assert_false(link_send(&link, HOST, at, end));
	assert_int_equal(guard_total(STOQ_GUARD_DROP_UNFOLLOWED), dropped + 3);
}

static bool run_fragment(bool ipv6, uint8_t protocol, uint16_t offset_field)
{
	struct wire_path path = rig_path();
	uint8_t frame[WIRE_FRAME_MAX], payload[200] = {0};
	struct wire_segment segment = {
		.flags = WIRE_ACK, .payload = payload, .payload_bytes = sizeof(payload)};
	size_t length;

	path.ipv6 = ipv6;
	path.ipv6_extensions = 1;
	length = wire_make(frame, &path, &segment);
	if (ipv6) {
		frame[14 + 6] = 44; /* the first extension header becomes a fragment header */
		frame[14 + 40] = protocol;
		frame[14 + 42] = offset_field >> 8;
		frame[14 + 43] = offset_field & 0xff;
	} else {
		frame[14 + 9] = protocol;
		frame[14 + 6] = offset_field >> 8;
		frame[14 + 7] = offset_field & 0xff;
	}
	return guard_run(frame, length, NULL);
}

static void test_fragments(void **state)
{
	(void)state;
	guard_install(POLICY);
	assert_false(run_fragment(false, 6, 0x2000));
	assert_false(run_fragment(false, 6, 0x0009));
	assert_true(run_fragment(false, 17, 0x2000));
	assert_true(run_fragment(false, 17, 0x0009));
	assert_false(run_fragment(true, 6, 0x0001));
	assert_false(run_fragment(true, 6, 0x0100));
	assert_false(run_fragment(true, 60, 0x0100)); /* destination options, then who knows */
	assert_true(run_fragment(true, 17, 0x0100));
}

/* More extension headers than are looked through. */
static void test_ipv6_chain(void **state)
{
	uint8_t frame[200] = {0};

	(void)state;
	guard_install(POLICY);
	frame[12] = 0x86;
	frame[13] = 0xdd;
	frame[14] = 0x60;
	frame[19] = sizeof(frame) - 54;
	frame[20] = 60;
	for (size_t at = 54; at < 54 + 8 * 8; at += 8)
		frame[at] = at < 54 + 7 * 8 ? 60 : 6;
	assert_false(guard_run(frame, sizeof(frame), NULL));
	frame[54 + 3 * 8] = 17; /* UDP behind four of them is nobody's business */
	assert_true(guard_run(frame, sizeof(frame), NULL));
}

static void test_tls(void **state)
{
	static const uint8_t client_hello[200] = {0x16, 3, 1, 0, 195};

	(void)state;
	guard_install(POLICY);
	link_start(&link);
	dialog_bytes(&link.dialog, client_hello, sizeof(client_hello));
	link_write(&link, HOST);
	send_flags(WIRE_SYN, false, link.first[HOST] - 1, 0);
	send_flags(WIRE_SYN | WIRE_ACK, true, link.first[CONTROLLER] - 1, link.first[HOST]);
	assert_false(link_flush(&link, HOST));
	assert_false(link_flush(&link, HOST));
	assert_int_equal(guard_last_record().kind, STOQ_GUARD_RECORD_DROPPED);
}

/* Nothing is acknowledged: at some point no more passes, and goes on when it is. */
static void test_backlog(void **state)
{
	uint64_t dropped = guard_total(STOQ_GUARD_DROP_BACKLOG);
	struct nvme_tcp_data_fields data = {.type = NVME_TCP_H2C_DATA, .length = 4};
	size_t base = 0, sent = 0;
	uint32_t first, offset = 0;

	(void)state;
	link_open_protected(&link);
	ask_for_data(1 << 20);
	base = link.written[HOST];
	first = link.first[HOST] + (uint32_t)base;
	/* The link's memory is short: the same place again and again, at moving sequence numbers.
	 */
	for (int i = 0; i < 100; i++)
		dialog_data(&link.dialog, &data);
	link_write(&link, HOST);
	for (;;) {
		link.first[HOST] = first + (uint32_t)(sent - base);
		for (size_t i = 0; i < 100; i++, offset += 4)
			nvme_digest_store(link.bytes[HOST] + base + 28 * i + 12, offset);
		if (!link_send(&link, HOST, base, base + 2800))
			break;
		sent += 2800;
		assert_true(sent < 8192 * 28 + 2800);
	}
	assert_true(sent > 8000 * 28);
	assert_int_equal(guard_total(STOQ_GUARD_DROP_BACKLOG), dropped + 1);
	assert_false(link_send(&link, HOST, base, base + 2800));
	/* The controller acknowledges all that passed. */
	send_flags(WIRE_ACK, true, link.first[CONTROLLER] + 152, link.first[HOST] + (uint32_t)base);
	assert_true(link_send(&link, HOST, base, base + 2800));
}

/* What was kept of unacknowledged bytes is gone: they pass no more, others do once it is
 * acknowledged. */
static void test_lost_patches(void **state)
{
	size_t at, end, next;

	(void)state;
	link_open_protected(&link);
	at = link_write_next(&link, NVME_NVM_WRITE, 1, 0);
	end = link.written[HOST];
	assert_true(link_flush(&link, HOST));
	guard_empty_chunks();
	assert_false(link_send(&link, HOST, at, end));
	next = link_write_next(&link, NVME_NVM_READ, 1, 0);
	assert_false(link_flush(&link, HOST));
	send_flags(WIRE_ACK, true, link.first[CONTROLLER] + 152, link.first[HOST] + (uint32_t)end);
	assert_true(link_flush(&link, HOST));
	assert_memory_equal(link.received[HOST] + next, link.bytes[HOST] + next, 72);
}

/* Not strict: what cannot be followed passes, and other protocols always do. */
static void test_not_strict(void **state)
{
	static const uint8_t junk[300] = {0xff};

	(void)state;
	guard_install("version: 1\nstrict: false\ndefault: deny\nrules: []\n");
	link_start(&link);
	dialog_bytes(&link.dialog, junk, sizeof(junk));
	link_write(&link, HOST);
	assert_true(link_flush(&link, HOST));
	guard_install(POLICY);
	link_start(&link);
	link.path.controller_port = 80;
	dialog_bytes(&link.dialog, junk, sizeof(junk));
	link_write(&link, HOST);
	assert_true(link_flush(&link, HOST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_malformed_pdus),
		cmocka_unit_test(test_aligned_data),
		cmocka_unit_test(test_data_that_is_not_there),
		cmocka_unit_test(test_second_icreq),
		cmocka_unit_test(test_h2c_data),
		cmocka_unit_test(test_behind_a_bad_stretch),
		cmocka_unit_test(test_flags_from_the_host),
		cmocka_unit_test(test_both_ports_policed),
		cmocka_unit_test(test_entered_in_the_middle),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_ipv6_chain),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_backlog),
		cmocka_unit_test(test_lost_patches),
		cmocka_unit_test(test_not_strict),
	};

	guard_audited = true;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
