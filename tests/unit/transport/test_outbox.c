// SPDX-License-Identifier: BSD-2-Clause
/* Packets to many peers in one round: each arrives once, whole. */
#include "tests/unit/transport/rig.h"

#include <stdio.h>

#include "datapath/address.h"
#include "transport/worker.h"

#define PEERS 40 /* more than there are buffers */

static struct rig rig;
static struct stoq_datapath *peers[PEERS];
static struct stoq_address addresses[PEERS];
static uint8_t arrived[STOQ_DATAGRAM_MAX_BYTES];

static int setup(void **state)
{
	char text[32];

	rig_prepare(&rig, 1);
	rig_start_side(&rig.server);
	for (int i = 0; i < PEERS; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d:4433", 100 + i);
		assert_int_equal(stoq_address_parse(&addresses[i], text, 0, NULL), 0);
		assert_int_equal(stoq_memory_open(rig.network, &addresses[i], &peers[i]), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < PEERS; i++)
		stoq_datapath_close(peers[i]);
	rig_stop(&rig);
	return 0;
}

static struct stoq_worker *worker(void)
{
	return rig.server.transport->workers[0];
}

static void put(int peer, uint8_t filling, size_t size)
{
	uint8_t *packet = stoq_outbox_reserve(worker(), 1200);

	assert_non_null(packet);
	memset(packet, filling, size);
	stoq_outbox_commit(worker(), NULL, size, &rig.server.address, &addresses[peer], 0);
}

static void expect(int peer, uint8_t filling, size_t size)
{
	struct stoq_batch datagram = {.data = arrived, .capacity = sizeof(arrived)};

	assert_int_equal(stoq_datapath_receive(peers[peer], &datagram, 1, rig.now_ns), 1);
	assert_int_equal(datagram.size, size);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(arrived[i], filling);
}

static void expect_nothing_more(void)
{
	struct stoq_batch datagram = {.data = arrived, .capacity = sizeof(arrived)};

	for (int i = 0; i < PEERS; i++)
		assert_int_equal(stoq_datapath_receive(peers[i], &datagram, 1, rig.now_ns), 0);
}

static void test_one_packet_for_each_of_many_peers(void **state)
{
	for (int i = 0; i < PEERS; i++)
		put(i, (uint8_t)i, 40 + (size_t)i);
	assert_in_range(worker()->outbox.count, 1, STOQ_OUTBOX_BUFFERS);
	stoq_outbox_flush(worker());
	for (int i = 0; i < PEERS; i++)
		expect(i, (uint8_t)i, 40 + (size_t)i);
	expect_nothing_more();
}

/* The memory network joins packets as GRO does, so that three of a size come as one buffer. */
static void test_packets_of_a_peer_are_joined(void **state)
{
	for (int i = 0; i < 3; i++)
		put(0, 7, 100);
	put(0, 7, 50);
	/* The short one ended the buffer. */
	put(0, 8, 50);
	put(1, 9, 100);
	assert_int_equal(worker()->outbox.count, 3);
	stoq_outbox_flush(worker());
	expect(0, 7, 350);
	expect(0, 8, 50);
	expect(1, 9, 100);
	expect_nothing_more();
}

#define with_rig(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_one_packet_for_each_of_many_peers),
		with_rig(test_packets_of_a_peer_are_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
