// SPDX-License-Identifier: BSD-2-Clause
/*
 * A guard that comes to enforce a policy strictly: from audit mode, or from a policy that was not strict. What had
 * passed until then has not been looked at, and a host may have prepared for the day: it must not bring it anything.
 */
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/bpf/guard_link.h"

#define HOST	   NVME_TCP_FROM_HOST
#define CONTROLLER NVME_TCP_FROM_CONTROLLER
#define RULES                                                                                      \
	"default: allow\nrules:\n  - {namespace: 1, lba: 0+34, commands: [writes], verdict: deny}\n"
#define STRICT	     "version: 1\n" RULES
#define STRICT_AUDIT "version: 1\nmode: audit\n" RULES
#define OPEN	     "version: 1\ndefault: allow\n"
#define LAX	     "version: 1\nstrict: false\n" RULES

/* The host's bytes that a target's TCP may have got before: they are in front of those that come again. */
#define ICREQ 128

static struct guard_link link;
static uint32_t front;

static int setup(void **state)
{
	guard_own_interfaces();
	front = if_nametoindex("front");
	return guard_setup(state);
}

/* A storage node: its hosts come in by an interface. */
static void start_link(void)
{
	link_start(&link);
	link.place[HOST] = (struct guard_place){.ifindex = front, .from = front};
	link.place[CONTROLLER] = (struct guard_place){.ifindex = front};
}

static void rehearse(void)
{
	guard_install(STRICT);
	guard_replace(true);
}

static void enforce(void)
{
	guard_replace(false);
}

/* A write of blocks that may not be written, or of others. */
static size_t write_one(bool refused)
{
	static uint16_t cid;
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, ++cid, 1, refused ? 0 : 100000);

	return link_write_command(&link, &fields);
}

/* The controller has got all of the host's bytes up to this one. */
static void acknowledge(size_t at)
{
	assert_true(link_flags(&link, CONTROLLER, WIRE_ACK,
		link.first[CONTROLLER] + (uint32_t)link.written[CONTROLLER],
		link.first[HOST] + (uint32_t)at, 0));
}

/* Whatever the host sends behind this place, in whatever pieces: nothing of it gets to the target. */
static void check_stopped(size_t at)
{
	for (size_t length = 1; length <= 80; length++)
		assert_false(link_send(&link, HOST, at, at + length));
	assert_false(link_send(&link, HOST, at, link.written[HOST]));
	assert_false(link_send(&link, HOST, at + 40, link.written[HOST]));
}

/* As IP fragments, which do not tell whose they are: they get to the target if anything lets them pass. */
static bool send_fragments(size_t from, size_t to)
{
	const struct wire_segment segment = {
		.sequence = link.first[HOST] + (uint32_t)from,
		.acknowledged = link.first[CONTROLLER] + (uint32_t)link.written[CONTROLLER],
		.flags = WIRE_ACK,
		.payload = link.bytes[HOST] + from,
		.payload_bytes = to - from,
	};
	uint8_t frame[WIRE_FRAME_MAX];
	size_t length = wire_make(frame, &link.path, &segment);

	frame[14 + 6] |= 0x20; /* more fragments follow */
	return guard_run_at(link.place[HOST], frame, length, NULL);
}

/* ---- good connections go on ---- */

static void test_good_connections(void **state)
{
	size_t at;

	(void)state;
	rehearse();
	start_link();
	link_handshake(&link, 1);
	at = write_one(true);
	assert_true(link_flush(&link, HOST));
	assert_memory_equal(link.received[HOST] + at, link.bytes[HOST] + at, 72);
	acknowledge(link.written[HOST]);
	for (int i = 0; i < 4; i++) {
		struct nvme_sqe sqe;

		guard_replace(i & 1);
		at = write_one(true);
		assert_true(link_flush(&link, HOST));
		sqe = link_command(&link, at);
		assert_int_equal(link_is_refused(&sqe), !(i & 1));
		write_one(false);
		assert_true(link_flush(&link, HOST));
		acknowledge(link.written[HOST]);
	}
}

/* ---- what was prepared ---- */

/* A refused command of which the most has passed before. */
static void test_a_command_that_is_cut(void **state)
{
	(void)state;
	for (size_t cut = 1; cut < 72; cut++) {
		struct nvme_sqe sqe;
		size_t at;

		rehearse();
		start_link();
		link_handshake(&link, 1);
		at = write_one(true);
		assert_true(link_send(&link, HOST, at, at + cut));
		enforce();
		if (!link_send(&link, HOST, at + cut, link.written[HOST]))
			continue;
		sqe = link_command(&link, at);
		assert_true(link_is_refused(&sqe));
	}
}

/* A packet that would have been dropped, and then silence. */
static void test_a_packet_and_silence(void **state)
{
	uint8_t garbage[96];
	struct stoq_flow flow;
	size_t at;

	(void)state;
	rehearse();
	start_link();
	link_handshake(&link, 1);
	memset(garbage, 0xa5, sizeof(garbage));
	dialog_bytes(&link.dialog, garbage, sizeof(garbage));
	at = link_write(&link, HOST);
	assert_true(link_send(&link, HOST, at, link.written[HOST]));
	assert_true(link_flow(&link, &flow));
	assert_int_equal(flow.guard.whole, 0); /* else `on --replace` does not name it */
	enforce();
	check_stopped(write_one(false));
}

/* A segment that leaves a gap, before the ICResp: the target has it, and reads it when the gap is filled. */
static void hide_before_icresp(bool audit)
{
	size_t at, end;

	guard_install(audit ? STRICT : LAX);
	guard_replace(audit);
	start_link();
	link_syns(&link);
	dialog_icreq(&link.dialog);
	link_write(&link, HOST);
	assert_true(link_send(&link, HOST, 0, ICREQ));
	dialog_connect(&link.dialog, 0, 1);
	at = link_write(&link, HOST);
	end = link.written[HOST];
	assert_true(link_send(&link, HOST, at + 8, end));
	guard_install(STRICT);
	enforce();
	link_send(&link, HOST, 0, ICREQ);
	dialog_icresp(&link.dialog);
	link_write(&link, CONTROLLER);
	link_send(&link, CONTROLLER, 0, link.written[CONTROLLER]);
	assert_false(link_send(&link, HOST, at, at + 8));
}

static void test_hidden_before_icresp(void **state)
{
	(void)state;
	hide_before_icresp(true);
	hide_before_icresp(false);
}

/* Fragments: the target has acknowledged what is in them. */
static void test_fragments(void **state)
{
	size_t at;

	(void)state;
	rehearse();
	start_link();
	link_handshake(&link, 1);
	at = write_one(false);
	assert_true(send_fragments(at, link.written[HOST]));
	acknowledge(link.written[HOST]);
	enforce();
	check_stopped(write_one(true));
}

/* When an ICReq came is known to 17 ms. */
static void wait_a_moment(void)
{
	const struct timespec moment = {.tv_nsec = 1 << STOQ_NEWCOMER_TIME_SHIFT};

	nanosleep(&moment, NULL);
}

/* The same, with a gap before them, which is filled now. */
static void hide_in_fragments(bool audit, bool opened)
{
	size_t at;

	guard_install(STRICT);
	guard_replace(true);
	start_link();
	if (opened) {
		link_handshake(&link, 1);
		at = write_one(true);
	} else {
		link_syns(&link);
		dialog_icreq(&link.dialog);
		link_write(&link, HOST);
		assert_true(link_flush(&link, HOST));
		dialog_connect(&link.dialog, 0, 1);
		at = link_write(&link, HOST);
	}
	if (!audit) {
		guard_install(LAX);
		guard_replace(false);
	}
	assert_true(send_fragments(at + 8, link.written[HOST]));
	guard_install(STRICT);
	enforce();
	if (!opened) {
		dialog_icresp(&link.dialog);
		link_write(&link, CONTROLLER);
		link_send(&link, CONTROLLER, 0, link.written[CONTROLLER]);
	}
	assert_false(link_send(&link, HOST, at, at + 8));
	/* One that begins after that is not meant. */
	wait_a_moment();
	start_link();
	link_handshake(&link, 1);
	write_one(false);
	assert_true(link_flush(&link, HOST));
}

static void test_hidden_in_fragments(void **state)
{
	(void)state;
	hide_in_fragments(true, true);
	hide_in_fragments(true, false);
	hide_in_fragments(false, true);
	hide_in_fragments(false, false);
}

/* While nobody policed, as after a filter was taken away: what came meanwhile is not early, but done. */
static void test_bytes_that_were_not_seen(void **state)
{
	size_t at;

	(void)state;
	guard_install(STRICT);
	start_link();
	link_handshake(&link, 1);
	write_one(true); /* does not pass here */
	acknowledge(link.written[HOST]);
	at = write_one(true);
	check_stopped(at);
}

/*
 * A command with a wrong checksum, which the target does not take: it comes again when it is not allowed any more, and the target
 * has not seen it.
 */
static void send_late(const char *policy)
{
	size_t at, arrived;

	guard_install(policy);
	guard_replace(strcmp(policy, STRICT_AUDIT) == 0);
	start_link();
	link_handshake(&link, 1);
	acknowledge(link.written[HOST]);
	at = write_one(true);
	arrived = link_arrived(&link, HOST);
	link.loses = true;
	assert_true(link_send(&link, HOST, at, link.written[HOST]));
	link.loses = false;
	guard_install(STRICT);
	enforce();
	assert_false(link_send(&link, HOST, at, link.written[HOST]));
	assert_false(link_send(&link, HOST, at + 20, at + 72));
	assert_int_equal(link_arrived(&link, HOST), arrived);
	assert_true(link.resets > 0);
}

static void test_sent_late(void **state)
{
	(void)state;
	send_late(STRICT_AUDIT);
	send_late(OPEN);
}

/* An allowed one that was lost comes again, and goes on. */
static void test_allowed_late(void **state)
{
	size_t at;

	(void)state;
	rehearse();
	start_link();
	link_handshake(&link, 1);
	at = write_one(false);
	link.loses = true;
	assert_true(link_send(&link, HOST, at, link.written[HOST]));
	link.loses = false;
	enforce();
	assert_true(link_send(&link, HOST, at, link.written[HOST]));
	write_one(false);
	assert_true(link_flush(&link, HOST));
}

/* ---- what is left of refusals ---- */

/* The completion of a refused command is let pass in audit mode; its identifier is used again. */
static void test_an_identifier_again(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, 77, 1, 0);
	struct nvme_cqe cqe;
	size_t at;

	(void)state;
	guard_install(STRICT);
	enforce();
	start_link();
	link_handshake(&link, 1);
	link_write_command(&link, &fields);
	assert_true(link_flush(&link, HOST));
	guard_replace(true);
	link_complete(&link, 77);
	guard_replace(false);
	fields.slba = 100000;
	link_write_command(&link, &fields);
	assert_true(link_flush(&link, HOST));
	at = link.written[CONTROLLER];
	link_complete(&link, 77);
	cqe = link_response(&link, at);
	assert_int_equal(nvme_status_code(nvme_le16(cqe.status)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_connections),
		cmocka_unit_test(test_a_command_that_is_cut),
		cmocka_unit_test(test_a_packet_and_silence),
		cmocka_unit_test(test_hidden_before_icresp),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_hidden_in_fragments),
		cmocka_unit_test(test_bytes_that_were_not_seen),
		cmocka_unit_test(test_sent_late),
		cmocka_unit_test(test_allowed_late),
		cmocka_unit_test(test_an_identifier_again),
	};

	guard_strictness = STOQ_GUARD_STRICT_INGRESS;
	return cmocka_run_group_tests(tests, setup, guard_teardown);
}
