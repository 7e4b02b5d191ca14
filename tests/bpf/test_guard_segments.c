// SPDX-License-Identifier: BSD-2-Clause
/*
 * What lies below the stream: tags, TCP flags, urgent data, options. A target reads a stream of its
 * own by each of these unless the guard takes it off or drops the packet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bpf/guard_link.h"

#define HOST	   NVME_TCP_FROM_HOST
#define CONTROLLER NVME_TCP_FROM_CONTROLLER
#define AT_FLAGS   13
#define AT_URGENT  18
#define AT_OPTIONS 20

#define POLICY                                                                                     \
	"default: allow\nrules:\n  - {namespace: 1, lba: 0+34, commands: [writes], verdict: "      \
	"deny}\n"

static struct guard_link link;

static void open_link(bool strict)
{
	guard_install(strict ? "version: 1\n" POLICY : "version: 1\nstrict: false\n" POLICY);
	link_open(&link, 1);
}

/* The next bytes of a side, or none, with these flags. */
static struct wire_segment next_segment(enum nvme_tcp_side side, uint8_t flags, size_t bytes)
{
	size_t at = link_arrived(&link, side);

	return (struct wire_segment){
		.from_controller = side == CONTROLLER,
		.sequence = link.first[side] + (uint32_t)at,
		.acknowledged = link.first[!side] + (uint32_t)link_arrived(&link, !side),
		.flags = flags,
		.payload = link.bytes[side] + at,
		.payload_bytes = bytes,
	};
}

static bool run_segment(const struct wire_segment *segment)
{
	uint8_t frame[WIRE_FRAME_MAX];
	size_t length = wire_make(frame, &link.path, segment);

	wire_set_checksum(frame, length, &link.path);
	return guard_run(frame, length, NULL);
}

/* ---- urgent data ---- */

/* What it becomes: the same without the mark, its checksum right. ours: a connection of the
 * guard's. */
static void check_urgent(enum nvme_tcp_side side, size_t bytes, bool ours)
{
	struct wire_segment segment = next_segment(side, WIRE_ACK | WIRE_URG, bytes);
	uint8_t frame[WIRE_FRAME_MAX], out[WIRE_FRAME_MAX];
	size_t tcp = wire_tcp_offset(&link.path), length = wire_make(frame, &link.path, &segment);
	uint64_t before = guard_total(STOQ_GUARD_URGENT);

	frame[tcp + AT_URGENT + 1] = 77;
	wire_set_checksum(frame, length, &link.path);
	assert_true(guard_run(frame, length, out));
	assert_true(wire_has_checksum(out, length, &link.path));
	assert_int_equal(guard_total(STOQ_GUARD_URGENT), before + ours);
	if (ours) {
		assert_int_equal(out[tcp + AT_FLAGS], WIRE_ACK);
		assert_int_equal(out[tcp + AT_URGENT + 1], 0);
		memcpy(frame + tcp + AT_FLAGS - 1, out + tcp + AT_FLAGS - 1, 8);
	}
	assert_memory_equal(out, frame, length);
}

static void test_urgent(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct nvme_io_fields fields = link_fields(NVME_NVM_COMPARE, 1, 1, 0);

		open_link(i & 1);
		link_write_command(&link, &fields);
		check_urgent(HOST, 0, true);
		check_urgent(HOST, 72 + (i & 2 ? 1 : 512), true);
		check_urgent(CONTROLLER, 0, true);
		link.path.controller_port = 80; /* not a port of controllers */
		check_urgent(HOST, 100, false);
	}
}

/* A retransmission whose bytes are changed back, urgent once more. */
static void test_urgent_and_refused(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, 1, 1, 0);
	uint8_t frame[WIRE_FRAME_MAX], out[WIRE_FRAME_MAX];
	size_t payload = wire_payload_offset(&link.path);
	struct wire_segment segment;

	(void)state;
	open_link(true);
	link_write_command(&link, &fields);
	segment = next_segment(HOST, WIRE_ACK | WIRE_URG, 72);
	for (int i = 0; i < 2; i++) {
		size_t length = wire_make(frame, &link.path, &segment);
		struct nvme_sqe sqe;

		wire_set_checksum(frame, length, &link.path);
		assert_true(guard_run(frame, length, out));
		assert_true(wire_has_checksum(out, length, &link.path));
		memcpy(&sqe, out + payload + sizeof(struct nvme_tcp_hdr), sizeof(sqe));
		assert_true(link_is_refused(&sqe));
	}
}

/* ---- flags ---- */

static void test_flags(void **state)
{
	static const uint8_t odd[] = {0, WIRE_FIN, WIRE_PSH, WIRE_URG,
		WIRE_FIN | WIRE_PSH | WIRE_URG, WIRE_SYN | WIRE_FIN, WIRE_SYN | WIRE_RST,
		WIRE_SYN | WIRE_ACK, WIRE_RST | WIRE_FIN, WIRE_SYN | WIRE_ACK | WIRE_RST,
		WIRE_SYN | WIRE_ACK | WIRE_FIN, WIRE_RST | WIRE_ACK | WIRE_FIN, 0xff};
	static const uint8_t plain[] = {WIRE_ACK, WIRE_ACK | WIRE_PSH, WIRE_SYN,
		WIRE_ACK | WIRE_FIN, WIRE_RST | WIRE_ACK, WIRE_RST};

	(void)state;
	for (size_t i = 0; i < sizeof(odd); i++) {
		uint64_t dropped = guard_total(STOQ_GUARD_DROP_FLAGS);
		struct wire_segment segment;

		open_link(true);
		segment = next_segment(HOST, odd[i], 0);
		assert_false(run_segment(&segment));
		segment = next_segment(HOST, odd[i], 8);
		assert_false(run_segment(&segment));
		assert_int_equal(guard_total(STOQ_GUARD_DROP_FLAGS), dropped + 2);
		open_link(false);
		segment = next_segment(HOST, odd[i], 0);
		assert_true(run_segment(&segment));
	}
	for (size_t i = 0; i < sizeof(plain); i++) {
		struct wire_segment segment;

		open_link(true);
		segment = next_segment(HOST, plain[i], 0);
		assert_true(run_segment(&segment));
	}
}

/* A reset with payload: a target ends, or takes no notice; it reads none of it. */
static void test_reset_with_payload(void **state)
{
	struct wire_segment segment;

	(void)state;
	open_link(true);
	segment = next_segment(HOST, WIRE_RST, 8);
	assert_false(run_segment(&segment));
	segment = next_segment(HOST, WIRE_RST | WIRE_ACK, 8);
	assert_false(run_segment(&segment));
}

/* ---- Multipath TCP ---- */

struct options {
	const char *what; /* for those who read this */
	uint8_t flags;
	uint16_t port;
	uint8_t words;
	uint8_t before[40], after[40];
};

#define MSS	 2, 4, 0x05, 0xb4
#define TIMES	 8, 10, 1, 2, 3, 4, 0, 0, 0, 0
#define CAPABLE4 30, 4, 0x01, 0x01
#define JOIN	 30, 12, 0x10, 5, 1, 2, 3, 4, 5, 6, 7, 8
#define NOP4	 1, 1, 1, 1

static const struct options option_cases[] = {
	{"MP_CAPABLE", WIRE_SYN, 4420, 2, {MSS, CAPABLE4}, {MSS, NOP4}},
	{"MP_CAPABLE of a controller", WIRE_SYN | WIRE_ACK, 4420, 1, {CAPABLE4}, {NOP4}},
	{"MP_JOIN", WIRE_SYN, 8009, 4, {MSS, JOIN}, {MSS, NOP4, NOP4, NOP4}},
	{"behind others", WIRE_SYN, 4420, 6, {MSS, 4, 2, TIMES, 1, 3, 30, 3, 7, 1, 0, 0},
		{MSS, 4, 2, TIMES, 1, 3, 30, 3, 7, 1, 0,
			0}}, /* window scale of length 30: no more */
	{"at odd places", WIRE_SYN, 4420, 5, {1, CAPABLE4, MSS, 30, 3, 0, CAPABLE4, 0},
		{1, NOP4, MSS, 1, 1, 1, NOP4, 0}},
	{"inside of another option", WIRE_SYN, 4420, 2, {254, 8, CAPABLE4, 30, 2},
		{254, 8, CAPABLE4, 30, 2}},
	{"behind the end", WIRE_SYN, 4420, 2, {0, 0, 0, 0, CAPABLE4}, {0, 0, 0, 0, CAPABLE4}},
	{"longer than the header", WIRE_SYN, 4420, 2, {MSS, 30, 5, 1, 1}, {MSS, 30, 5, 1, 1}},
	{"of length 1", WIRE_SYN, 4420, 2, {30, 1, 1, 1, CAPABLE4}, {30, 1, 1, 1, CAPABLE4}},
	{"40 bytes", WIRE_SYN, 4420, 10, {30, 40},
		{NOP4, NOP4, NOP4, NOP4, NOP4, NOP4, NOP4, NOP4, NOP4, NOP4}},
	{"of a connection that goes on", WIRE_ACK, 4420, 1, {CAPABLE4}, {CAPABLE4}},
	{"elsewhere", WIRE_SYN, 80, 2, {MSS, CAPABLE4}, {MSS, CAPABLE4}},
};

static void check_options(const struct options *options)
{
	struct wire_segment segment = {.from_controller = options->flags == (WIRE_SYN | WIRE_ACK),
		.sequence = 100,
		.flags = options->flags};
	uint8_t frame[WIRE_FRAME_MAX], out[WIRE_FRAME_MAX];
	size_t tcp, length;

	link_start(&link);
	link.path.tcp_option_words = options->words;
	link.path.controller_port = options->port;
	tcp = wire_tcp_offset(&link.path);
	if (segment.from_controller) { /* it answers one */
		struct wire_segment syn = {.sequence = 6, .flags = WIRE_SYN};

		segment.acknowledged = 7;
		guard_run(frame, wire_make(frame, &link.path, &syn), NULL);
	}
	length = wire_make(frame, &link.path, &segment);
	memcpy(frame + tcp + AT_OPTIONS, options->before, options->words * 4u);
	wire_set_checksum(frame, length, &link.path);
	assert_true(guard_run(frame, length, out));
	assert_true(wire_has_checksum(out, length, &link.path));
	assert_memory_equal(out + tcp + AT_OPTIONS, options->after, options->words * 4u);
	assert_memory_equal(out, frame, tcp + 16);
}

static void test_multipath(void **state)
{
	(void)state;
	for (int strict = 0; strict < 2; strict++) {
		guard_install(
			strict ? "version: 1\n" POLICY : "version: 1\nstrict: false\n" POLICY);
		for (size_t i = 0; i < sizeof(option_cases) / sizeof(option_cases[0]); i++) {
			check_options(&option_cases[i]);
		}
	}
}

/* ---- tags ---- */

/*
 * Tags with VID 0, which Linux takes off without a VLAN device, however many: what is behind them
 * is of the same connection, or it does not pass.
 */
static void test_priority_tags(void **state)
{
	(void)state;
	for (uint8_t tags = 0; tags < 14; tags++) {
		uint64_t dropped = guard_total(STOQ_GUARD_DROP_TAGS);
		struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, 1, 1, 0);
		struct nvme_sqe sqe;
		size_t at;

		open_link(true);
		at = link_write_command(&link, &fields);
		link.path.priority_tags = tags;
		if (link_flush(&link, HOST)) {
			sqe = link_command(&link, at);
			assert_true(link_is_refused(&sqe));
			assert_true(tags <= 8);
		} else {
			assert_true(tags > 8);
			assert_int_equal(guard_total(STOQ_GUARD_DROP_TAGS), dropped + 1);
		}
		link.path.priority_tags = 0;
	}
}

/* Behind the tag of a VLAN such tags change nothing: it is that VLAN's. */
static void test_priority_tag_inside(void **state)
{
	struct wire_segment segment;
	uint8_t frame[WIRE_FRAME_MAX];
	size_t length;
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, 1, 1, 0);

	(void)state;
	open_link(true);
	link_write_command(&link, &fields);
	segment = next_segment(HOST, WIRE_ACK, 72);
	link.path.vlan_tags = 2;
	link.path.vlan_id = 0;
	length = wire_make(frame, &link.path, &segment); /* VLAN 100, then VID 0 */
	wire_set_checksum(frame, length, &link.path);
	assert_false(guard_run(frame, length, NULL));
}

static void test_tags_not_strict(void **state)
{
	static const uint8_t payload[80];
	struct wire_segment segment = {
		.flags = WIRE_ACK, .payload = payload, .payload_bytes = sizeof(payload)};

	(void)state;
	open_link(false);
	link.path.priority_tags = 12;
	assert_true(run_segment(&segment));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urgent),
		cmocka_unit_test(test_urgent_and_refused),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_reset_with_payload),
		cmocka_unit_test(test_multipath),
		cmocka_unit_test(test_priority_tags),
		cmocka_unit_test(test_priority_tag_inside),
		cmocka_unit_test(test_tags_not_strict),
	};

	guard_audited = true;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
