// SPDX-License-Identifier: BSD-2-Clause
/*
 * What lasts: thousands of connections, one after the other, and a day of one connection with new
 * keys every ten seconds, as 10 Gbit/s need them. No memory and no descriptor may stay.
 */
#include <dirent.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>

#include "tests/unit/transport/rig.h"

/* The sanitizers look at each of them closely. */
#ifdef __SANITIZE_ADDRESS__
#define CONNECTIONS 1000
#else
#define CONNECTIONS 10000
#endif
#define WARM_UP		200
#define FULL_HANDSHAKES 10 /* one of so many; the others resume the one before */
#define DAY_S		86400
#define KEY_LIFE_S	10
#define MESSAGE_BYTES	3000

static struct rig rig;

/* 0 where the allocator does not tell. */
static size_t memory_used(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static unsigned int open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static int setup(void **state)
{
	rig_prepare(&rig, 1);
	rig.server.echo = true;
	return 0;
}

static int teardown(void **state)
{
	rig_stop(&rig);
	return 0;
}

/* ---- connections ---- */

static bool answered(struct rig *any)
{
	return any->client.received == MESSAGE_BYTES || any->client.closed;
}

static void connect_once(bool resume)
{
	struct stoq_connect_config config = {
		.remote = &rig.server.address.sa,
		.remote_length = rig.server.address.length,
		.name = "server.test",
		.session = resume ? rig.client.session : NULL,
		.session_bytes = resume ? rig.client.session_size : 0,
	};
	struct stoq_error error;

	rig.client.connected = rig.server.accepted = 0;
	rig.client.closed = rig.server.closed = 0;
	if (stoq_transport_connect(
		    rig.client.transport, 0, &config, rig.now_ns, &rig.client.connection, &error))
		fail_msg("%s", error.text);
	if (!rig_run_until(&rig, rig_both_connected, 10 * RIG_S))
		fail_msg("not connected: '%s'", rig.client.close.reason);
}

static void exchange(void)
{
	static uint8_t message[MESSAGE_BYTES];
	struct stoq_stream *stream;

	rig.client.received = 0;
	assert_int_equal(stoq_stream_open(rig.client.connection, STOQ_BIDIRECTIONAL, &stream), 0);
	assert_int_equal(
		stoq_stream_write(stream, message, sizeof(message), STOQ_FINISH), sizeof(message));
	assert_true(rig_run_until(&rig, answered, 10 * RIG_S));
	assert_int_equal(rig.client.received, MESSAGE_BYTES);
}

/* By turns each side closes, or the client goes and leaves the server to its idle timeout. */
static void part(unsigned int turn)
{
	if (turn % 3)
		stoq_connection_close(rig.client.connection, turn, "next");
	else
		stoq_connection_close(rig.server.connection, turn, "next");
	assert_true(rig_run_until(&rig, rig_both_closed, 60 * RIG_S));
}

static void test_connections(void **state)
{
	size_t memory = 0;
	unsigned int descriptors = 0;

	rig_start(&rig);
	for (unsigned int i = 0; i < CONNECTIONS; i++) {
		connect_once(i % FULL_HANDSHAKES != 0);
		exchange();
		part(i);
		if (i + 1 != WARM_UP)
			continue;
		rig_run(&rig, 60 * RIG_S);
		memory = memory_used();
		descriptors = open_descriptors();
	}
	rig_run(&rig, 60 * RIG_S);
	rig_assert_idle(&rig);
	assert_int_equal(open_descriptors(), descriptors);
	assert_true(memory_used() <= memory + (64u << 10));
	assert_int_equal(rig_metrics(&rig.server).connections_accepted, CONNECTIONS);
	assert_int_equal(rig_metrics(&rig.server).connections_failed, 0);
	assert_true(rig_metrics(&rig.server).connections_resumed >
		    CONNECTIONS - 2 * CONNECTIONS / FULL_HANDSHAKES);
}

/* ---- a day ---- */

/* Keys are counted when they are made, which is some packets before they are used. */
static void expect_updates(const struct stoq_connection *connection, uint64_t count)
{
	struct stoq_connection_info info;

	stoq_connection_info(connection, &info);
	assert_in_range(info.key_updates, count - 1, count + 1);
}

static void test_a_day_of_key_updates(void **state)
{
	size_t memory = 0;

	rig_start(&rig);
	connect_once(false);
	for (unsigned int i = 0; i < DAY_S / KEY_LIFE_S; i++) {
		struct stoq_connection *who = i % 2 ? rig.client.connection : rig.server.connection;

		/* The answer to the first has the peer's new keys, the second is sent with ours. */
		exchange();
		exchange();
		rig_run(&rig, KEY_LIFE_S * RIG_S / 2);
		/* What comes in is when the next keys are made. */
		exchange();
		rig_run(&rig, KEY_LIFE_S * RIG_S / 2);
		assert_int_equal(stoq_connection_update_keys(who), 0);
		if (i == 100)
			memory = memory_used();
	}
	exchange();
	expect_updates(rig.client.connection, DAY_S / KEY_LIFE_S);
	expect_updates(rig.server.connection, DAY_S / KEY_LIFE_S);
	assert_int_equal(rig_metrics(&rig.client).packets_retransmitted, 0);
	assert_true(memory_used() <= memory + (64u << 10));
	part(1);
	rig_run(&rig, 60 * RIG_S);
	rig_assert_idle(&rig);
}

#define with_rig(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_connections),
		with_rig(test_a_day_of_key_updates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
