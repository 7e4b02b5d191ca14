// SPDX-License-Identifier: BSD-2-Clause
/* What other threads post to a worker: bounded, in order, and nothing is left lying. */
#include <poll.h>

#include "tests/unit/transport/rig.h"

#include "datapath/address.h"
#include "transport/inbox.h"
#include "transport/transport.h"

static struct rig rig;
static unsigned int called;

static int setup(void **state)
{
	called = 0;
	rig_prepare(&rig, 1);
	rig_start_side(&rig.server);
	return 0;
}

static int teardown(void **state)
{
	rig_stop(&rig);
	return 0;
}

static bool has_work(void)
{
	struct pollfd wait = {
		.fd = stoq_transport_descriptor(rig.server.transport, 0), .events = POLLIN};

	return poll(&wait, 1, 0) == 1;
}

static void process(void)
{
	rig.now_ns += RIG_MS;
	assert_int_equal(stoq_transport_process(rig.server.transport, 0, rig.now_ns), 0);
}

static void count(void *argument)
{
	assert_int_equal(*(unsigned int *)argument, called++);
}

static void test_calls_run_in_order_until_it_is_full(void **state)
{
	static unsigned int numbers[STOQ_INBOX_ITEMS];

	for (unsigned int i = 0; i < STOQ_INBOX_ITEMS; i++) {
		numbers[i] = i;
		assert_int_equal(
			stoq_transport_post(rig.server.transport, 0, count, &numbers[i]), 0);
	}
	assert_int_equal(stoq_transport_post(rig.server.transport, 0, count, NULL), -EAGAIN);
	assert_true(has_work());
	process();
	assert_int_equal(called, STOQ_INBOX_ITEMS);
	process();
	assert_false(has_work());
}

static void test_there_is_no_such_worker(void **state)
{
	const struct stoq_connect_config config = rig_connect_config(&rig);
	struct stoq_connection *connection;
	struct stoq_error error;

	assert_int_equal(stoq_transport_post(rig.server.transport, 1, count, NULL), -EINVAL);
	assert_int_equal(stoq_transport_connect(
				 rig.server.transport, 7, &config, rig.now_ns, &connection, &error),
		-EINVAL);
	assert_non_null(strstr(error.text, "no worker 7: they count from 0, and there are 1"));
}

/* As a busy other thread does: whenever one is taken, another one comes. */
static void call_again(void *argument)
{
	called++;
	if (called <= STOQ_INBOX_ITEMS)
		assert_int_equal(stoq_transport_post(rig.server.transport, 0, call_again, NULL), 0);
}

static void test_what_is_left_of_a_round_wakes_the_worker(void **state)
{
	for (unsigned int i = 0; i < STOQ_INBOX_ITEMS; i++)
		assert_int_equal(stoq_transport_post(rig.server.transport, 0, call_again, NULL), 0);
	process();
	assert_int_equal(called, STOQ_INBOX_ITEMS);
	assert_true(has_work());
	process();
	assert_int_equal(called, 2 * STOQ_INBOX_ITEMS);
}

/* ---- the end ---- */

static struct stoq_transport *pair; /* with two workers */
static int posted, connected;

static void ask_everything(void *argument)
{
	struct stoq_transport_metrics metrics;

	called++;
	stoq_transport_metrics(pair, &metrics);
	posted = stoq_transport_post(pair, 0, ask_everything, NULL);
}

static void connect_again(struct stoq_connection *connection, void *user)
{
	const struct stoq_connect_config config = rig_connect_config(&rig);
	unsigned int worker = stoq_connection_worker(connection);
	struct stoq_connection *next;

	connected = stoq_transport_connect(pair, worker, &config, rig.now_ns, &next, NULL);
	ask_everything(NULL);
}

/* Both workers are there as long as callbacks come, and nothing begins any more. */
static void test_callbacks_of_the_end(void **state)
{
	static const char *const texts[] = {"192.0.2.11:5001", "192.0.2.12:5002"};
	const struct stoq_connect_config config = rig_connect_config(&rig);
	struct stoq_datapath *datapaths[2];
	struct stoq_connection *connection;
	struct stoq_address address;

	rig.client.config.workers = 2;
	rig.client.config.callbacks.closed = connect_again;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stoq_address_parse(&address, texts[i], 0, NULL), 0);
		assert_int_equal(stoq_memory_open(rig.network, &address, &datapaths[i]), 0);
	}
	assert_int_equal(stoq_transport_create_on(&rig.client.config, datapaths, &pair, NULL), 0);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(stoq_transport_post(pair, i, ask_everything, NULL), 0);
		assert_int_equal(
			stoq_transport_connect(pair, i, &config, rig.now_ns, &connection, NULL), 0);
	}
	stoq_transport_destroy(pair);
	assert_int_equal(called, 4);
	assert_int_equal(posted, -ESHUTDOWN);
	assert_int_equal(connected, -ESHUTDOWN);
}

#define with_rig(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_calls_run_in_order_until_it_is_full),
		with_rig(test_there_is_no_such_worker),
		with_rig(test_what_is_left_of_a_round_wakes_the_worker),
		with_rig(test_callbacks_of_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
