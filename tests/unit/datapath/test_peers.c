// SPDX-License-Identifier: BSD-2-Clause
/* Which way the datagrams to a peer take, with a kernel of the test's own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/address.h"
#include "datapath/peers.h"

#define SECOND_NS 1000000000ULL

/* What the kernel would say, and how often it was asked. */
struct kernel {
	int code;
	uint8_t mac_end;
	uint32_t mtu;
	unsigned int asked;
};

struct rig {
	struct kernel kernel;
	struct stoq_peers peers;
	struct stoq_address remote, local;
	uint64_t now_ns;
};

static struct stoq_address address(const char *text)
{
	struct stoq_address parsed;

	assert_int_equal(stoq_address_parse(&parsed, text, 0, NULL), 0);
	return parsed;
}

static int ask(void *context, const struct stoq_address *remote, const struct stoq_address *local,
	struct stoq_way *way)
{
	struct kernel *kernel = context;

	kernel->asked++;
	*way = (struct stoq_way){
		.link.remote_mac = {2, 0, 0, 0, 0, kernel->mac_end},
		.source = local->length ? *local : address("192.0.2.1:0"),
		.next_hop = address("192.0.2.254:0"),
		.neighbour_ifindex = 7,
		.mtu = kernel->mtu,
	};
	return kernel->code;
}

static int set_up(void **state)
{
	static struct rig rig;

	rig = (struct rig){
		.kernel = {.mac_end = 2, .mtu = 1500},
		.remote = address("198.51.100.1:4000"),
		.now_ns = 1,
	};
	*state = &rig;
	return stoq_peers_open(&rig.peers, 9292, ask, &rig.kernel);
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	stoq_peers_close(&rig->peers);
	return 0;
}

static bool by_frames(struct rig *rig)
{
	return stoq_peers_by_frames(&rig->peers,
		stoq_peers_get(&rig->peers, &rig->remote, &rig->local, rig->now_ns), rig->now_ns);
}

/* The first datagrams go through the socket; no question is asked for them. */
static void pass_the_first(struct rig *rig)
{
	unsigned int asked = rig->kernel.asked;

	for (int i = 0; i < STOQ_PEERS_FIRST; i++)
		assert_false(by_frames(rig));
	assert_int_equal(rig->kernel.asked, asked);
}

static void the_first_go_through_the_socket(void **state)
{
	struct rig *rig = *state;
	struct stoq_peer *peer;

	pass_the_first(rig);
	assert_true(by_frames(rig));
	assert_true(by_frames(rig));
	assert_int_equal(rig->kernel.asked, 1);
	peer = stoq_peers_get(&rig->peers, &rig->remote, &rig->local, rig->now_ns);
	assert_int_equal(peer->max_payload_bytes, 1500 - 28);
	assert_int_equal(peer->frames.header[5], 2);
	assert_int_equal(stoq_address_port(&peer->way.source), 9292);
}

static void an_unresolved_neighbour_is_asked_for_again(void **state)
{
	struct rig *rig = *state;

	rig->kernel.code = -EAGAIN;
	pass_the_first(rig);
	assert_false(by_frames(rig));
	assert_false(by_frames(rig));
	assert_int_equal(rig->kernel.asked, 1);
	rig->kernel.code = 0;
	rig->now_ns += STOQ_PEERS_RESOLVE_NS;
	assert_true(by_frames(rig));
}

static void a_way_elsewhere_stays_on_the_socket(void **state)
{
	struct rig *rig = *state;
	struct stoq_kernel_event event = {.what = STOQ_KERNEL_ROUTES};

	rig->kernel.code = -EXDEV;
	pass_the_first(rig);
	for (int i = 0; i < 10; i++)
		assert_false(by_frames(rig));
	assert_int_equal(rig->kernel.asked, 1);
	/* Until routes change. */
	rig->kernel.code = 0;
	stoq_peers_event(&rig->peers, &event);
	assert_true(by_frames(rig));
}

static struct stoq_kernel_event neighbour(uint8_t mac_end, bool reachable)
{
	return (struct stoq_kernel_event){
		.what = STOQ_KERNEL_NEIGHBOUR,
		.ifindex = 7,
		.neighbour = address("192.0.2.254:0"),
		.reachable = reachable,
		.mac = {2, 0, 0, 0, 0, mac_end},
	};
}

static void a_new_mac_is_learnt(void **state)
{
	struct rig *rig = *state;
	struct stoq_kernel_event event = neighbour(2, true);
	struct stoq_peer *peer;

	pass_the_first(rig);
	assert_true(by_frames(rig));
	stoq_peers_event(&rig->peers, &event); /* the one it had */
	assert_true(by_frames(rig));
	assert_int_equal(rig->kernel.asked, 1);
	event = neighbour(9, true);
	rig->kernel.mac_end = 9;
	stoq_peers_event(&rig->peers, &event);
	assert_true(by_frames(rig));
	peer = stoq_peers_get(&rig->peers, &rig->remote, &rig->local, rig->now_ns);
	assert_int_equal(peer->frames.header[5], 9);
}

static void a_failed_neighbour_goes_back_to_the_socket(void **state)
{
	struct rig *rig = *state;
	struct stoq_kernel_event event = neighbour(0, false);

	pass_the_first(rig);
	assert_true(by_frames(rig));
	rig->kernel.code = -EAGAIN;
	stoq_peers_event(&rig->peers, &event);
	assert_false(by_frames(rig));
	/* Word of it being there again is enough, no time needs to pass. */
	rig->kernel.code = 0;
	event = neighbour(2, true);
	stoq_peers_event(&rig->peers, &event);
	assert_true(by_frames(rig));
}

static void another_neighbour_changes_nothing(void **state)
{
	struct rig *rig = *state;
	struct stoq_kernel_event event = neighbour(0, false);

	pass_the_first(rig);
	assert_true(by_frames(rig));
	event.neighbour = address("192.0.2.253:0");
	stoq_peers_event(&rig->peers, &event);
	event = neighbour(0, false);
	event.ifindex = 8;
	stoq_peers_event(&rig->peers, &event);
	assert_true(by_frames(rig));
	assert_int_equal(rig->kernel.asked, 1);
}

static void one_takes_the_socket_now_and_then(void **state)
{
	struct rig *rig = *state;
	unsigned int by_socket = 0;

	pass_the_first(rig);
	for (int i = 0; i < 1000; i++) {
		by_socket += !by_frames(rig);
		rig->now_ns += SECOND_NS / 50;
	}
	assert_in_range(by_socket, 3, 4); /* 20 s, one in 5 */
}

static void a_pause_sends_all_through_the_socket(void **state)
{
	struct rig *rig = *state;

	pass_the_first(rig);
	assert_true(by_frames(rig));
	rig->peers.paused = true;
	assert_false(by_frames(rig));
	rig->peers.paused = false;
	assert_true(by_frames(rig));
}

static void answers_use_the_queue_that_was_seen(void **state)
{
	struct rig *rig = *state;
	struct stoq_address local = address("192.0.2.1:9292");

	(void)by_frames(rig); /* known without a local address */
	stoq_peers_seen(&rig->peers, &rig->remote, &local, 3);
	assert_int_equal(
		stoq_peers_get(&rig->peers, &rig->remote, &rig->local, rig->now_ns)->queue, 3);
}

static void a_full_table_forgets_the_oldest(void **state)
{
	struct rig *rig = *state;
	struct stoq_address first = rig->remote;
	char text[64];

	pass_the_first(rig);
	assert_true(by_frames(rig));
	for (int i = 0; i < 100000; i++) {
		snprintf(text, sizeof(text), "10.%d.%d.%d:77", i >> 16, i >> 8 & 255, i & 255);
		rig->remote = address(text);
		rig->now_ns++;
		assert_false(by_frames(rig));
	}
	/* One datagram to each of them: not one look-up. */
	assert_int_equal(rig->kernel.asked, 1);
	rig->remote = first;
	pass_the_first(rig);
	assert_true(by_frames(rig));
}

#define peers_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		peers_test(the_first_go_through_the_socket),
		peers_test(an_unresolved_neighbour_is_asked_for_again),
		peers_test(a_way_elsewhere_stays_on_the_socket),
		peers_test(a_new_mac_is_learnt),
		peers_test(a_failed_neighbour_goes_back_to_the_socket),
		peers_test(another_neighbour_changes_nothing),
		peers_test(one_takes_the_socket_now_and_then),
		peers_test(a_pause_sends_all_through_the_socket),
		peers_test(answers_use_the_queue_that_was_seen),
		peers_test(a_full_table_forgets_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
