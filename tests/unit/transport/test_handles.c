// SPDX-License-Identifier: BSD-2-Clause
/* Handles of connections, and timers of the program around a transport. */
#include "tests/unit/transport/rig.h"

#include "transport/connection.h"

static struct rig rig;

static int setup(void **state)
{
	rig_prepare(&rig, 1);
	return 0;
}

static int teardown(void **state)
{
	rig_stop(&rig);
	return 0;
}

/* ---- handles ---- */

static struct stoq_connection *found;
static unsigned int calls;

static void note_found(struct stoq_connection *connection, void *argument)
{
	found = connection;
	calls++;
	assert_ptr_equal(argument, &calls);
}

static void post(uint64_t id)
{
	found = (struct stoq_connection *)&rig;
	assert_int_equal(stoq_connection_post(rig.client.transport, id, note_found, &calls), 0);
	rig_run(&rig, RIG_MS);
}

static void test_handles(void **state)
{
	struct stoq_connection *first, *second;
	uint64_t first_id, second_id;

	rig_start_connected(&rig);
	calls = 0;
	first = rig.client.connection;
	first_id = stoq_connection_id(first);
	second = rig_connect(&rig);
	second_id = stoq_connection_id(second);
	assert_true(first_id && second_id && first_id != second_id);
	post(first_id);
	assert_ptr_equal(found, first);
	post(second_id);
	assert_ptr_equal(found, second);
	stoq_connection_close(first, 0, "");
	rig_run(&rig, RIG_MS);
	/* It still says goodbye, but it is over for the application. */
	post(first_id);
	assert_null(found);
	assert_null(stoq_connection_find(rig.client.transport, first_id));
	assert_ptr_equal(stoq_connection_find(rig.client.transport, second_id), second);
	assert_int_equal(calls, 3);
	rig_run(&rig, 5 * RIG_S);
	assert_int_not_equal(stoq_connection_id(rig_connect(&rig)), first_id);
}

static void test_handles_that_cannot_be(void **state)
{
	rig_start_connected(&rig);
	assert_int_equal(stoq_connection_post(rig.client.transport, 0, note_found, NULL), -EINVAL);
	/* Of worker 1, where there is one worker. */
	assert_int_equal(stoq_connection_post(rig.client.transport, 65, note_found, NULL), -EINVAL);
	assert_int_equal(stoq_connection_post(rig.client.transport,
				 stoq_connection_id(rig.client.connection), NULL, NULL),
		-EINVAL);
	assert_null(stoq_connection_find(rig.client.transport, 0));
	assert_null(stoq_connection_find(rig.client.transport, UINT64_MAX));
}

static uint64_t posted_id;
static int post_status;

static void on_closed_post(struct stoq_connection *connection, void *user)
{
	assert_ptr_equal(stoq_connection_find(rig.client.transport, posted_id), connection);
	post_status = stoq_connection_post(rig.client.transport, posted_id, note_found, &calls);
}

/* In closed() it is found; what is posted there comes when it is gone. */
static void test_handle_in_closed(void **state)
{
	rig.client.config.callbacks.closed = on_closed_post;
	rig_start_connected(&rig);
	posted_id = stoq_connection_id(rig.client.connection);
	found = rig.client.connection;
	stoq_connection_close(rig.client.connection, 0, "");
	rig_run(&rig, RIG_S);
	assert_int_equal(post_status, 0);
	assert_null(found);
}

/* ---- timers ---- */

static struct stoq_alarm *second_alarm;
static unsigned int rings;

static void ring(void *argument)
{
	rings++;
	if (argument)
		stoq_alarm_cancel(second_alarm);
}

static void ring_again(void *argument)
{
	rings++;
	assert_int_equal(
		stoq_alarm_set(rig.client.transport, 0, rig.now_ns, ring_again, NULL, NULL), 0);
}

static void test_alarms(void **state)
{
	struct stoq_transport *transport;
	struct stoq_alarm *alarm;

	rig_start(&rig);
	transport = rig.client.transport;
	rings = 0;
	assert_int_equal(stoq_alarm_set(transport, 0, rig.now_ns + RIG_S, ring, NULL, &alarm), 0);
	assert_true(stoq_transport_next_ns(transport, 0) == rig.now_ns + RIG_S);
	rig_run(&rig, RIG_S - 1);
	assert_int_equal(rings, 0);
	rig_run(&rig, RIG_MS);
	assert_int_equal(rings, 1);
	assert_int_equal(stoq_alarm_set(transport, 0, rig.now_ns + RIG_S, ring, NULL, &alarm), 0);
	stoq_alarm_cancel(alarm);
	stoq_alarm_cancel(NULL);
	rig_run(&rig, 2 * RIG_S);
	assert_int_equal(rings, 1);
	/* Both are due at once, and the first cancels the second. */
	assert_int_equal(stoq_alarm_set(transport, 0, rig.now_ns + 1, ring, &rig, NULL), 0);
	assert_int_equal(
		stoq_alarm_set(transport, 0, rig.now_ns + 2, ring, NULL, &second_alarm), 0);
	rig_run(&rig, RIG_S);
	assert_int_equal(rings, 2);
	/* What is left when the transport is destroyed is dropped. */
	assert_int_equal(stoq_alarm_set(transport, 0, rig.now_ns + RIG_S, ring, NULL, NULL), 0);
}

/* One that sets itself for now comes once a round. */
static void test_alarm_that_is_always_due(void **state)
{
	rig_start(&rig);
	rings = 0;
	assert_int_equal(
		stoq_alarm_set(rig.client.transport, 0, rig.now_ns, ring_again, NULL, NULL), 0);
	for (unsigned int i = 1; i < 5; i++) {
		assert_int_equal(stoq_transport_process(rig.client.transport, 0, rig.now_ns), 0);
		assert_int_equal(rings, i);
	}
}

static void test_alarms_that_cannot_be(void **state)
{
	rig_start(&rig);
	assert_int_equal(stoq_alarm_set(rig.client.transport, 1, 0, ring, NULL, NULL), -EINVAL);
	assert_int_equal(stoq_alarm_set(rig.client.transport, 0, 0, NULL, NULL, NULL), -EINVAL);
	assert_int_equal(
		stoq_alarm_set(rig.client.transport, 0, STOQ_NEVER, ring, NULL, NULL), -EINVAL);
}

#define with_rig(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_handles),
		with_rig(test_handles_that_cannot_be),
		with_rig(test_handle_in_closed),
		with_rig(test_alarms),
		with_rig(test_alarm_that_is_always_due),
		with_rig(test_alarms_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
