// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many connections, opened and closed: everything that they took is given back. A day's worth of
 * key updates. And what idle connections take, compared with what is counted for them.
 */
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>

#include "tests/unit/transport/rig.h"

#include "transport/connection.h"
#include "transport/worker.h"

#define CONNECTIONS 10000
#define AT_ONCE	    50
#define IDLE	    500
#define KEY_UPDATES 8640 /* at 10 Gbit/s a key lasts 10 s */

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

static struct stoq_connection *opened[AT_ONCE];
static unsigned int opened_count;

static void remember(struct rig_side *side, struct stoq_connection *connection)
{
	opened[opened_count++] = connection;
}

static bool all_closed(struct rig *rig)
{
	return rig->client.closed == rig->client.connected &&
	       rig->server.closed == rig->server.accepted;
}

static void round_of_connections(struct rig *rig)
{
	opened_count = 0;
	for (unsigned int i = 0; i < AT_ONCE; i++)
		rig_connect(rig);
	rig_run(rig, 100 * RIG_MS);
	assert_int_equal(opened_count, AT_ONCE);
	for (unsigned int i = 0; i < AT_ONCE; i++) {
		struct stoq_stream *stream;

		assert_int_equal(stoq_stream_open(opened[i], STOQ_BIDIRECTIONAL, &stream), 0);
		assert_int_equal(stoq_stream_write(stream, "hello", 5, STOQ_FINISH), 5);
		stoq_connection_shutdown(opened[i]);
	}
	assert_true(rig_run_until(rig, all_closed, 10 * RIG_S));
	/* The closing periods. */
	rig_run(rig, 2 * RIG_S);
}

static void test_connections_come_and_go(void **state)
{
	struct stoq_transport_metrics metrics;
	unsigned int descriptors;
	size_t held = 0;
	struct rig rig;

	rig_prepare(&rig, 1);
	rig.server.echo = true;
	rig.server.config.retry = STOQ_RETRY_NEVER;
	rig.client.on_connection = remember;
	rig_start(&rig);
	descriptors = open_descriptors();
	rig_set_link(&rig, &(struct stoq_memory_link){.delay_ns = RIG_MS});
	for (unsigned int i = 0; i < CONNECTIONS / AT_ONCE; i++) {
		round_of_connections(&rig);
		rig_assert_idle(&rig);
		/* After a while nothing is added any more: what is kept for reuse is there. */
		if (i == CONNECTIONS / AT_ONCE / 4)
			held = mallinfo2().uordblks;
	}
	assert_in_range(mallinfo2().uordblks, 0, held + held / 20 + 65536);
	metrics = rig_metrics(&rig.server);
	assert_int_equal(metrics.connections_accepted, CONNECTIONS);
	assert_int_equal(metrics.connections_closed, CONNECTIONS);
	assert_int_equal(metrics.connections_failed, 0);
	assert_int_equal(open_descriptors(), descriptors);
	assert_int_equal(rig.server.transport->workers[0]->cids.count, 0);
	assert_int_equal(rig.client.transport->workers[0]->cids.count, 0);
	rig_stop(&rig);
}

/* It has to wait until the update before is acknowledged, and a while longer. */
static bool keys_updated(struct rig *rig)
{
	return stoq_connection_update_keys(rig->client.connection) == 0;
}

static void test_a_day_of_key_updates(void **state)
{
	struct stoq_connection_info info;
	struct stoq_stream *stream;
	size_t held = 0;
	struct rig rig;

	rig_prepare(&rig, 2);
	rig_start(&rig);
	rig_set_link(&rig, &(struct stoq_memory_link){.delay_ns = RIG_MS / 10});
	rig_connected(&rig);
	assert_int_equal(stoq_stream_open(rig.client.connection, STOQ_BIDIRECTIONAL, &stream), 0);
	for (unsigned int i = 0; i < KEY_UPDATES; i++) {
		assert_int_equal(stoq_stream_write(stream, "data", 4, 0), 4);
		rig_run(&rig, 20 * RIG_MS);
		assert_true(rig_run_until(&rig, keys_updated, 5 * RIG_S));
		if (i == KEY_UPDATES / 4)
			held = mallinfo2().uordblks;
	}
	rig_run(&rig, RIG_S);
	assert_in_range(mallinfo2().uordblks, 0, held + held / 20 + 65536);
	assert_int_equal(rig.server.received, KEY_UPDATES * 4);
	stoq_connection_info(rig.server.connection, &info);
	/* The last ones count when their successors are ready. */
	assert_in_range(info.key_updates, KEY_UPDATES - 2, KEY_UPDATES);
	rig_stop(&rig);
}

static size_t heap_bytes(void)
{
	struct mallinfo2 heap = mallinfo2();

	return heap.uordblks + heap.hblkhd;
}

/* AddressSanitizer's allocator does not tell. */
static bool heap_is_told(void)
{
	size_t before = heap_bytes();
	void *volatile block = malloc(1u << 20);
	bool told = heap_bytes() >= before + (1u << 20);

	free(block);
	return told;
}

static uint64_t counted_bytes(const struct rig_side *side)
{
	const struct stoq_worker *worker = side->transport->workers[0];
	const struct stoq_list *link;
	uint64_t bytes = 0;

	for (link = worker->connections.next; link != &worker->connections; link = link->next)
		bytes += STOQ_LIST_ENTRY(link, struct stoq_connection, link)->account.own_bytes;
	return bytes;
}

static void test_idle_connections_take_what_is_counted(void **state)
{
	uint64_t counted;
	struct rig rig;
	size_t held;

	if (!heap_is_told()) {
		print_message("skipped: the heap of this build does not tell its size\n");
		skip();
	}
	rig_prepare(&rig, 3);
	rig.server.config.retry = STOQ_RETRY_NEVER;
	rig.server.config.idle_timeout_ns = rig.client.config.idle_timeout_ns = 0;
	rig_start(&rig);
	rig_set_link(&rig, &(struct stoq_memory_link){.delay_ns = RIG_MS});
	/* With the first, all comes that is made once. */
	rig_connected(&rig);
	rig_run(&rig, 5 * RIG_S);
	held = heap_bytes();
	counted = counted_bytes(&rig.client) + counted_bytes(&rig.server);
	for (unsigned int i = 0; i < IDLE; i++) {
		rig_connect(&rig);
		rig_run(&rig, 5 * RIG_MS);
	}
	rig_run(&rig, 5 * RIG_S);
	assert_int_equal(rig.server.accepted, IDLE + 1);
	held = heap_bytes() - held;
	counted = counted_bytes(&rig.client) + counted_bytes(&rig.server) - counted;
	print_message("an end of an idle connection takes %zu bytes, and %zu are counted\n",
		held / 2 / IDLE, (size_t)counted / 2 / IDLE);
	assert_in_range(counted, held - held / 10, held + held / 10);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections_come_and_go),
		cmocka_unit_test(test_a_day_of_key_updates),
		cmocka_unit_test(test_idle_connections_take_what_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
