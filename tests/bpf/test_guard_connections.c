// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a strict guard takes for a connection, and for its end: the target's TCP decides about that,
 * and a host can send whatever it likes. On a storage node, whose host comes in by an interface and
 * whose controller's segments are made there.
 */
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "stoq_guard.skel.h"
#include "tests/bpf/guard_link.h"

#define HOST	   NVME_TCP_FROM_HOST
#define CONTROLLER NVME_TCP_FROM_CONTROLLER
#define POLICY                                                                                     \
	"version: 1\ndefault: allow\nrules:\n  - {namespace: 1, lba: 0+34, commands: [writes], "   \
	"verdict: deny}\n"

static struct guard_link link;
static uint32_t front, back, third; /* interfaces: to hosts, to controllers, to others */

static int setup(void **state)
{
	guard_own_interfaces();
	front = if_nametoindex("front");
	back = if_nametoindex("back");
	third = if_nametoindex("third");
	return guard_setup(state);
}

static void here(uint32_t host_from, uint32_t controller_from, uint32_t controller_hook)
{
	link.place[HOST] = (struct guard_place){.ifindex = front, .from = host_from};
	link.place[CONTROLLER] =
		(struct guard_place){.ifindex = controller_hook, .from = controller_from};
}

static void start_link(void)
{
	guard_install(POLICY);
	link_start(&link);
	here(front, 0, front);
}

static void open_link(void)
{
	start_link();
	link_handshake(&link, 1);
}

/* Each has an identifier of its own, as none of them completes. */
static size_t write_one(uint64_t slba)
{
	static uint16_t cid;
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, ++cid, 1, slba);

	return link_write_command(&link, &fields);
}

/* Until Connect has been answered, nothing else passes. */
static void connect_link(void)
{
	dialog_connect(&link.dialog, 0, 1);
	link_write(&link, HOST);
	assert_true(link_flush(&link, HOST));
	link_complete(&link, 0);
}

/* The connection is followed: an allowed write passes, a denied one is refused. */
static void check_followed(void)
{
	struct nvme_sqe sqe;
	size_t at = write_one(1000);

	assert_true(link_flush(&link, HOST));
	assert_memory_equal(link.received[HOST] + at, link.bytes[HOST] + at, 72);
	at = write_one(0);
	assert_true(link_flush(&link, HOST));
	sqe = link_command(&link, at);
	assert_true(link_is_refused(&sqe));
}

/* Nothing of it passes. */
static void check_nothing_passes(void)
{
	size_t at = write_one(1000), end = link.written[HOST];

	assert_false(link_send(&link, HOST, at, end));
	assert_false(link_send(&link, HOST, at + 1, end));
	assert_false(link_send(&link, HOST, 0, 72));
	link.written[HOST] = at;
}

static uint32_t place_of(enum nvme_tcp_side side, size_t at)
{
	return link.first[side] + (uint32_t)at;
}

/* ---- beginnings ---- */

/* Older than the guard: not even where a PDU begins, nor if it is known who it is. */
static void test_older(void **state)
{
	struct stoq_guard_identity identity = {.qid = 1, .host_is_a = 1};
	struct stoq_flow_key key;

	(void)state;
	start_link();
	key = link_key(&link);
	strcpy(identity.host, DIALOG_HOST_NQN);
	strcpy(identity.subsystem, DIALOG_SUBSYSTEM_NQN);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(the_guard->maps.stoq_guard_identities),
				 &key, &identity, BPF_ANY),
		0);
	check_nothing_passes();
	dialog_response(&link.dialog, 1, 0, 0); /* what the controller sends changes nothing */
	link_write(&link, CONTROLLER);
	assert_true(link_flush(&link, CONTROLLER));
	check_nothing_passes();
}

/* A SYN and ACK to no SYN, or to another one. */
static void test_answer_to_nothing(void **state)
{
	(void)state;
	start_link();
	assert_false(link_flags(&link, CONTROLLER, WIRE_SYN | WIRE_ACK, 100, link.first[HOST], 0));
	dialog_icreq(&link.dialog);
	link_write(&link, HOST);
	assert_false(link_flush(&link, HOST));
	start_link();
	assert_true(link_flags(&link, HOST, WIRE_SYN, link.first[HOST] - 1, 0, 0));
	assert_false(
		link_flags(&link, CONTROLLER, WIRE_SYN | WIRE_ACK, 100, link.first[HOST] + 1, 0));
	dialog_icreq(&link.dialog);
	link_write(&link, HOST);
	assert_false(link_flush(&link, HOST));
}

/* Before the controller has answered, an ICReq passes, however it is cut, and nothing behind it. */
static void test_icreq(void **state)
{
	(void)state;
	for (size_t cut = 1; cut <= 128; cut++) {
		start_link();
		link_syns(&link);
		dialog_icreq(&link.dialog);
		dialog_connect(&link.dialog, 0, 1);
		link_write(&link, HOST);
		assert_false(link_send(&link, HOST, 0, 129));
		for (size_t at = 0; at < 128; at += cut)
			assert_true(link_send(&link, HOST, at, at + cut < 128 ? at + cut : 128));
		assert_true(link_send(&link, HOST, 0, cut)); /* again */
		assert_false(link_send(&link, HOST, 128, 200));
		assert_false(link_send(&link, HOST, 100, 129));
		dialog_icresp(&link.dialog);
		link_write(&link, CONTROLLER);
		assert_true(link_flush(&link, CONTROLLER));
		assert_true(link_flush(&link, HOST));
		link_complete(&link, 0);
		check_followed();
	}
}

/* Something else in its place, in every byte of its header. */
static void test_no_icreq(void **state)
{
	(void)state;
	for (size_t i = 0; i < 8; i++) {
		start_link();
		link_syns(&link);
		dialog_icreq(&link.dialog);
		link_write(&link, HOST);
		link.bytes[HOST][i] ^= 4;
		assert_false(link_send(&link, HOST, 0, 128));
		assert_false(link_send(&link, HOST, i, i + 1));
		link.bytes[HOST][i] ^= 4;
		assert_true(link_send(&link, HOST, 0, 128));
	}
}

/* Data with a SYN, which a target with Fast Open would read. */
static void test_fast_open(void **state)
{
	(void)state;
	start_link();
	assert_false(link_flags(&link, HOST, WIRE_SYN, link.first[HOST] - 1, 0, 72));
	assert_true(link_flags(&link, HOST, WIRE_SYN, link.first[HOST] - 1, 0, 0));
}

/*
 * SYN cookies: the target keeps nothing of its SYN and ACK, so that of several to the same ends
 * either may become the connection. Only the last one's data pass.
 */
static void test_two_answers(void **state)
{
	uint32_t first;

	(void)state;
	start_link();
	first = link.first[HOST];
	link_syns(&link);
	link.first[HOST] = first + 5000;
	link.first[CONTROLLER] += 5000;
	link_syns(&link);
	dialog_icreq(&link.dialog);
	link_write(&link, HOST);
	link.first[HOST] = first;
	link.first[CONTROLLER] -= 5000;
	assert_false(link_flush(&link, HOST));
	link.first[CONTROLLER] += 5000; /* acknowledged as if it were the other */
	assert_false(link_flush(&link, HOST));
	link.first[HOST] = first + 5000;
	assert_true(link_flush(&link, HOST));
	dialog_icresp(&link.dialog);
	link_write(&link, CONTROLLER);
	assert_true(link_flush(&link, CONTROLLER));
	connect_link();
	check_followed();
}

/* ---- the same ends again ---- */

/* What the target reads as a new connection is one for the guard, too: old bytes are new ones. */
static void check_begins_again(bool same_isn)
{
	uint32_t controller = link.first[CONTROLLER];
	uint16_t port = link.path.host_port;
	uint32_t host = link.first[HOST];
	struct nvme_sqe sqe;
	size_t at;

	link.path.host_port = 0; /* the old one does not end */
	link_start(&link);
	link.path.host_port = port;
	here(front, 0, front);
	link.first[HOST] = host;
	link.first[CONTROLLER] = same_isn ? controller : controller + 77777;
	link_syns(&link);
	/* Zeros: of type 0, but no ICReq. */
	assert_false(
		link_flags(&link, HOST, WIRE_ACK, link.first[HOST], link.first[CONTROLLER], 72));
	link_handshake(&link, 1);
	at = write_one(0);
	assert_true(link_flush(&link, HOST));
	sqe = link_command(&link, at);
	assert_true(link_is_refused(&sqe));
}

/* The same ISN of the host: the controller's is another one. */
static void test_same_isn(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		open_link();
		check_followed();
		check_begins_again(false);
	}
}

/* Both the same: that takes minutes, after which a SYN and ACK is none that was sent again. */
static void test_both_isns(void **state)
{
	struct stoq_flow_key key;
	struct stoq_flow flow;

	(void)state;
	open_link();
	check_followed();
	assert_true(link_flow(&link, &flow));
	/* Sent again, at once. */
	assert_true(link_flags(&link, CONTROLLER, WIRE_SYN | WIRE_ACK, link.first[CONTROLLER] - 1,
		link.first[HOST], 0));
	check_followed();
	assert_true(link_flow(&link, &flow));
	flow.first_seen_ns =
		flow.first_seen_ns > 274000000000 ? flow.first_seen_ns - 274000000000 : 1;
	key = link_key(&link);
	assert_int_equal(bpf_map_update_elem(
				 bpf_map__fd(the_guard->maps.stoq_flows), &key, &flow, BPF_EXIST),
		0);
	if (flow.first_seen_ns == 1)
		return; /* this machine was booted just now */
	check_begins_again(true);
}

/* ---- ends ---- */

/* A reset that the target may accept ends it; others change nothing. */
static void test_resets(void **state)
{
	static const uint8_t flags[] = {WIRE_RST, WIRE_RST | WIRE_ACK};
	size_t end;

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		open_link();
		end = link.written[HOST];
		assert_true(link_flags(&link, CONTROLLER, WIRE_ACK,
			place_of(CONTROLLER, link.written[CONTROLLER]), place_of(HOST, end), 0));
		link_flags(
			&link, HOST, flags[i], place_of(HOST, end) - 1, place_of(CONTROLLER, 0), 0);
		link_flags(
			&link, HOST, flags[i], place_of(HOST, end) + 1, place_of(CONTROLLER, 0), 0);
		link_flags(&link, HOST, flags[i], place_of(HOST, end) + 0x40000000,
			place_of(CONTROLLER, 0), 0);
		check_followed();
		end = link.written[HOST];
		assert_true(link_flags(
			&link, HOST, flags[i], place_of(HOST, end), place_of(CONTROLLER, 0), 0));
		check_nothing_passes();
		check_begins_again(false);
	}
}

/* Behind a reset in what is not acknowledged, either end may be right: nothing passes. */
static void test_reset_in_between(void **state)
{
	size_t at;

	(void)state;
	open_link();
	at = write_one(1000);
	assert_true(link_flush(&link, HOST));
	assert_true(
		link_flags(&link, HOST, WIRE_RST, place_of(HOST, at), place_of(CONTROLLER, 0), 0));
	check_nothing_passes();
}

/* The controller's reset, and its FIN: nothing of the host's is read after that. */
static void test_ended_by_controller(void **state)
{
	static const uint8_t flags[] = {WIRE_RST, WIRE_RST | WIRE_ACK, WIRE_FIN | WIRE_ACK};

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		open_link();
		check_followed();
		assert_true(link_flags(&link, CONTROLLER, flags[i],
			place_of(CONTROLLER, link.written[CONTROLLER]),
			place_of(HOST, link.written[HOST]), 0));
		check_nothing_passes();
		assert_true(link_flags(&link, HOST, WIRE_ACK, place_of(HOST, link.written[HOST]),
			place_of(CONTROLLER, link.written[CONTROLLER] + 1), 0));
		check_begins_again(false);
	}
}

/* A host's FIN is one when it follows what has passed; the controller may go on. */
static void test_fins(void **state)
{
	struct stoq_flow flow;
	uint64_t used;
	size_t end;

	(void)state;
	start_link();
	used = guard_room().used;
	link_handshake(&link, 1);
	assert_int_equal(guard_room().used, used + 1);
	end = link.written[HOST];
	link_flags(&link, HOST, WIRE_FIN | WIRE_ACK, place_of(HOST, end) + 100,
		place_of(CONTROLLER, 0), 0);
	check_followed();
	end = link.written[HOST];
	assert_true(link_flags(
		&link, HOST, WIRE_FIN | WIRE_ACK, place_of(HOST, end), place_of(CONTROLLER, 0), 0));
	assert_true(link_flow(&link, &flow));
	assert_true(link_flags(&link, CONTROLLER, WIRE_FIN | WIRE_ACK,
		place_of(CONTROLLER, link.written[CONTROLLER]), place_of(HOST, end) + 1, 0));
	assert_false(link_flow(&link, &flow));
	assert_int_equal(guard_room().used, used);
}

/* What Linux's nvme-tcp sends at a disconnect: a FIN, and a reset behind it. */
static void test_reset_behind_fin(void **state)
{
	static const uint8_t flags[] = {WIRE_RST, WIRE_RST | WIRE_ACK};
	struct stoq_flow flow;
	size_t end;

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		open_link();
		end = link.written[HOST];
		assert_true(link_flags(&link, HOST, WIRE_FIN | WIRE_ACK, place_of(HOST, end),
			place_of(CONTROLLER, 0), 0));
		link_flags(
			&link, HOST, flags[i], place_of(HOST, end) + 2, place_of(CONTROLLER, 0), 0);
		assert_true(link_flow(&link, &flow));
		assert_true(link_flags(&link, HOST, flags[i], place_of(HOST, end) + 1,
			place_of(CONTROLLER, 0), 0));
		assert_false(link_flow(&link, &flow));
		check_nothing_passes();
		check_begins_again(false);
	}
}

/* ---- sides ---- */

/* In the controller's name, from where the host is, or from elsewhere. */
static void forge_from(uint32_t from)
{
	uint64_t dropped = guard_total(STOQ_GUARD_DROP_SIDE);
	struct guard_place right = link.place[CONTROLLER];
	static const uint8_t flags[] = {
		WIRE_ACK, WIRE_SYN | WIRE_ACK, WIRE_FIN | WIRE_ACK, WIRE_RST, WIRE_RST | WIRE_ACK};
	uint32_t next = place_of(CONTROLLER, link.written[CONTROLLER]);

	link.place[CONTROLLER] = (struct guard_place){.ifindex = from, .from = from};
	for (size_t i = 0; i < sizeof(flags); i++) {
		/* A SYN of the host's before it, so that it may be an answer. */
		if (flags[i] & WIRE_SYN)
			assert_true(link_flags(&link, HOST, WIRE_SYN, place_of(HOST, 5000), 0, 0));
		assert_false(
			link_flags(&link, CONTROLLER, flags[i], next, place_of(HOST, 5001), 0));
	}
	assert_false(link_flags(&link, CONTROLLER, WIRE_ACK, next, place_of(HOST, 5000), 24));
	assert_int_equal(guard_total(STOQ_GUARD_DROP_SIDE), dropped + sizeof(flags) + 1);
	link.place[CONTROLLER] = right;
}

static void test_forged(void **state)
{
	(void)state;
	open_link();
	forge_from(front);
	check_followed();
	/* On a router: hosts come by the front, controllers by the back. */
	start_link();
	here(front, back, back);
	link_handshake(&link, 1);
	forge_from(front);
	check_followed();
	/* The same segments once more, as they leave. */
	link.place[HOST].ifindex = back;
	link.place[CONTROLLER].ifindex = front;
	check_followed();
}

/* Who has an interface of its own can speak for a controller no more than others. */
static void test_forged_elsewhere(void **state)
{
	struct guard_place right;

	(void)state;
	for (uint32_t controller = 0; controller <= back; controller += back) {
		start_link();
		here(front, controller, controller ? controller : front);
		link_handshake(&link, 1);
		right = link.place[CONTROLLER];
		link.place[CONTROLLER] = (struct guard_place){.ifindex = third, .from = third};
		assert_false(link_flags(&link, CONTROLLER, WIRE_ACK,
			place_of(CONTROLLER, link.written[CONTROLLER]), place_of(HOST, 9999), 0));
		assert_false(link_flags(&link, CONTROLLER, WIRE_RST,
			place_of(CONTROLLER, link.written[CONTROLLER]), 0, 0));
		link.place[CONTROLLER] = right;
		check_followed();
	}
}

/* A false acknowledgement of bytes that the target did not take: others in their place do not
 * pass. */
static void test_false_acknowledgement(void **state)
{
	struct guard_place right;
	size_t at, end;

	(void)state;
	open_link();
	at = write_one(1000);
	end = link.written[HOST];
	link.loses = true; /* its checksum is wrong, say */
	assert_true(link_flush(&link, HOST));
	link.loses = false;
	right = link.place[CONTROLLER];
	link.place[CONTROLLER] = (struct guard_place){.ifindex = front, .from = front};
	assert_false(link_flags(&link, CONTROLLER, WIRE_ACK,
		place_of(CONTROLLER, link.written[CONTROLLER]), place_of(HOST, end), 0));
	link.place[CONTROLLER] = right;
	link.written[HOST] = at;
	write_one(0);
	assert_false(link_send(&link, HOST, at, end));
}

/* A SYN and ACK from where the SYN came from, and an ICResp in the controller's name. */
static void test_forged_beginning(void **state)
{
	struct guard_place right;

	(void)state;
	start_link();
	assert_true(link_flags(&link, HOST, WIRE_SYN, link.first[HOST] - 1, 0, 0));
	right = link.place[CONTROLLER];
	link.place[CONTROLLER] = link.place[HOST];
	assert_false(link_flags(&link, CONTROLLER, WIRE_SYN | WIRE_ACK, link.first[CONTROLLER] - 1,
		link.first[HOST], 0));
	link.place[CONTROLLER] = right;
	link_syns(&link);
	dialog_icreq(&link.dialog);
	link_write(&link, HOST);
	assert_true(link_flush(&link, HOST));
	dialog_icresp(&link.dialog);
	link_write(&link, CONTROLLER);
	link.place[CONTROLLER] = link.place[HOST];
	assert_false(link_flush(&link, CONTROLLER));
	link.place[CONTROLLER] = right;
	assert_true(link_flush(&link, CONTROLLER));
	connect_link();
	check_followed();
}

/* On loopback, where all come from the same place, both ends are this machine's. */
static void test_loopback(void **state)
{
	(void)state;
	guard_install(POLICY);
	link_open(&link, 1);
	if (guard_strictness == STOQ_GUARD_STRICT_ALWAYS)
		check_followed();
	else
		assert_true(link_flush(&link, HOST));
}

/* ---- from not strict to strict ---- */

/* What was not strictly followed from its beginning is not strict by a reload. */
static void test_reload(void **state)
{
	(void)state;
	guard_install("version: 1\nstrict: false\ndefault: allow\nrules: []\n");
	link_start(&link);
	here(front, 0, front);
	link_handshake(&link, 1);
	write_one(1000);
	assert_true(link_flush(&link, HOST));
	guard_install(POLICY);
	check_nothing_passes();
	/* And back. */
	open_link();
	write_one(1000);
	assert_true(link_flush(&link, HOST));
	guard_install("version: 1\nstrict: false\ndefault: allow\nrules: []\n");
	write_one(1000);
	assert_true(link_flush(&link, HOST));
	guard_install(POLICY);
	check_nothing_passes();
}

static int run(enum stoq_guard_strictness strictness)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_older),
		cmocka_unit_test(test_answer_to_nothing),
		cmocka_unit_test(test_icreq),
		cmocka_unit_test(test_no_icreq),
		cmocka_unit_test(test_fast_open),
		cmocka_unit_test(test_two_answers),
		cmocka_unit_test(test_same_isn),
		cmocka_unit_test(test_both_isns),
		cmocka_unit_test(test_resets),
		cmocka_unit_test(test_reset_in_between),
		cmocka_unit_test(test_ended_by_controller),
		cmocka_unit_test(test_fins),
		cmocka_unit_test(test_reset_behind_fin),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_forged_elsewhere),
		cmocka_unit_test(test_false_acknowledgement),
		cmocka_unit_test(test_forged_beginning),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_reload),
	};

	guard_strictness = strictness;
	return cmocka_run_group_tests(tests, setup, guard_teardown);
}

/* With --strict ingress, the default, and with --strict always. */
int main(void)
{
	return run(STOQ_GUARD_STRICT_INGRESS) | run(STOQ_GUARD_STRICT_ALWAYS);
}
