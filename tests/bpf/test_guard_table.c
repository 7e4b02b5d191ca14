// SPDX-License-Identifier: BSD-2-Clause
/* The table of connections: who gets in, who makes way, and what happens when it is full. */
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
#define NAMED                                                                                      \
	"version: 1\ndefault: deny\nrules:\n  - {host: '" DIALOG_HOST_NQN "', verdict: allow}\n"

static struct guard_link link, stranger;

static void check_served(struct guard_link *of)
{
	static uint16_t cid;
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, ++cid, 1, 0);
	size_t at = link_write_command(of, &fields);

	assert_true(link_flush(of, HOST));
	assert_memory_equal(of->received[HOST] + at, of->bytes[HOST] + at, 72);
	of->written[HOST] = at; /* its room is short */
	of->first[HOST] += 584;
	memset(of->here[HOST] + at, 0, 584);
}

/* The ends of a connection that no one else has. */
static void another_stranger(void)
{
	static uint32_t number;

	stranger.path.host_port = 0; /* none of them ends */
	link_start(&stranger);
	stranger.path.host_address = 0x0b000000 + ++number / 60000;
	stranger.path.host_port = (uint16_t)(1024 + number % 60000);
}

/*
 * SYNs, connections that get no further, and garbage: nobody's connection is pushed out, and what
 * they know of its host.
 */
static void check_flood(const char *policy)
{
	uint64_t used;

	guard_install(policy);
	link_open(&link, 1);
	used = guard_room().used;
	for (int i = 0; i < 70000; i++) {
		another_stranger();
		link_flags(&stranger, HOST, WIRE_SYN, 1, 0, 0);
		if (i % 3 == 0)
			link_flags(&stranger, CONTROLLER, WIRE_SYN | WIRE_ACK, 7, 2, 0);
		if (i % 3 == 1)
			link_flags(&stranger, HOST, WIRE_ACK, 2, 8, 300);
		if (i % 10000 == 0)
			check_served(&link);
	}
	assert_int_equal(guard_room().used, used);
	check_served(&link);
	guard_install(policy); /* its name is looked up again */
	check_served(&link);
}

static void test_flood(void **state)
{
	(void)state;
	check_flood(NAMED);
	check_flood("strict: false\n" NAMED);
}

/* Many hosts that are served: 5,202 did not fit once. */
static void test_many(void **state)
{
	static struct guard_link first;
	uint64_t used;

	(void)state;
	guard_install(NAMED);
	link_open(&first, 1);
	used = guard_room().used;
	for (int i = 0; i < 9000; i++) {
		another_stranger();
		link_handshake(&stranger, 1);
	}
	assert_int_equal(guard_room().used, used + 9000);
	check_served(&stranger);
	check_served(&first);
	guard_install(NAMED);
	check_served(&stranger);
	check_served(&first);
}

/* Up to the ICResp; false: it was dropped. */
static bool begin(struct guard_link *of)
{
	link_syns(of);
	dialog_icreq(&of->dialog);
	link_write(of, HOST);
	assert_true(link_flush(of, HOST));
	dialog_icresp(&of->dialog);
	link_write(of, CONTROLLER);
	return link_flush(of, CONTROLLER);
}

/* Full: the next one is refused, and counted once; the others are served. An end makes room. */
static void test_full(void **state)
{
	static struct guard_link last;
	uint64_t refused, dropped = guard_total(STOQ_GUARD_DROP_NO_ROOM);

	(void)state;
	guard_install(NAMED);
	link_open(&link, 1);
	guard_set_limit(guard_room().used + 1);
	refused = guard_room().refused;
	link_open(&last, 1);
	another_stranger();
	assert_false(begin(&stranger));
	assert_false(link_flush(&stranger, CONTROLLER)); /* the target sends it again */
	assert_int_equal(guard_room().refused, refused + 1);
	assert_int_equal(guard_total(STOQ_GUARD_DROP_NO_ROOM), dropped + 2);
	assert_int_equal(guard_room().used, guard_room().limit);
	check_served(&link);
	check_served(&last);
	assert_true(link_flags(&last, CONTROLLER, WIRE_RST, last.first[CONTROLLER] + 152, 0, 0));
	assert_true(link_flush(&stranger, CONTROLLER));
	check_served(&link);
	guard_set_limit(0);
}

/* How long ago both its sides sent something, and whether one has ended. */
static void age(const struct guard_link *of, uint64_t ns, bool finished)
{
	struct stoq_flow_key key = link_key(of);
	struct stoq_flow flow;

	assert_true(link_flow(of, &flow));
	flow.first_seen_ns -= flow.first_seen_ns > ns ? ns : flow.first_seen_ns;
	for (int side = 0; side < NVME_TCP_SIDES; side++)
		flow.side[side].last_seen_ns = 0;
	flow.side[CONTROLLER].finished = finished;
	assert_int_equal(bpf_map_update_elem(
				 bpf_map__fd(the_guard->maps.stoq_flows), &key, &flow, BPF_EXIST),
		0);
}

/* One that ended at one side only, minutes ago, makes room; one that is only idle does not. */
static void test_dead(void **state)
{
	static struct guard_link idle;

	(void)state;
	guard_install(NAMED);
	link_open(&link, 1);
	link_open(&idle, 1);
	guard_set_limit(guard_room().used);
	age(&idle, 130ull * 1000000000, false);
	another_stranger();
	assert_false(begin(&stranger));
	age(&idle, 130ull * 1000000000, true);
	assert_false(link_flush(&stranger, CONTROLLER)); /* not looked for a second time at once */
	guard_set_limit(guard_room().limit);
	assert_true(link_flush(&stranger, CONTROLLER));
	assert_int_equal(guard_room().used, guard_room().limit);
	check_served(&link);
	guard_set_limit(0);
}

/* Not strict, and without its SYNs: what no controller answers takes no room. */
static void test_older(void **state)
{
	uint64_t used;

	(void)state;
	guard_install("version: 1\nstrict: false\ndefault: allow\nrules: []\n");
	used = guard_room().used;
	another_stranger();
	assert_true(link_flags(&stranger, HOST, WIRE_ACK, 2, 8, 300));
	assert_true(link_flags(&stranger, HOST, WIRE_ACK, 302, 8, 300));
	assert_int_equal(guard_room().used, used);
	assert_true(link_flags(&stranger, CONTROLLER, WIRE_ACK, 8, 602, 300));
	assert_int_equal(guard_room().used, used + 1);
	assert_true(link_flags(&stranger, CONTROLLER, WIRE_RST, 308, 602, 0));
	assert_int_equal(guard_room().used, used);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_dead),
		cmocka_unit_test(test_older),
	};

	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
