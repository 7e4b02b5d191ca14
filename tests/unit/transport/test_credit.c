// SPDX-License-Identifier: BSD-2-Clause
/* Streams that are not read do not stop those of the same connection that are. */
#include "tests/unit/transport/rig.h"

#include "transport/connection.h"

#define STANDING     8
#define WINDOW_BYTES 65536 /* of the connection, and of each stream */
#define DATA_BYTES   (1u << 20)

static const struct stoq_memory_link usual = {.delay_ns = RIG_MS};

static struct rig rig;
static uint8_t data[DATA_BYTES];
static struct stoq_budget_account *account;

static void keep_account(struct rig_side *side, struct stoq_connection *connection)
{
	account = &connection->account;
}

/* The first ones stand still, from their first byte on. */
static void choose(struct rig_side *side, struct stoq_stream *stream)
{
	side->take_max = side->streams_opened <= STANDING ? 0 : SIZE_MAX;
}

static void begin(uint64_t max_window_bytes)
{
	rig_prepare(&rig, 1);
	rig_fill(data, sizeof(data), 0);
	rig.server.config.stream_window_bytes = WINDOW_BYTES;
	rig.server.config.max_stream_window_bytes = WINDOW_BYTES;
	rig.server.config.window_bytes = WINDOW_BYTES;
	rig.server.config.max_window_bytes = max_window_bytes;
	rig.server.on_connection = keep_account;
	rig.server.on_stream = choose;
	rig_start(&rig);
	rig_set_link(&rig, &usual);
	rig_connected(&rig);
}

static struct stoq_stream *write_one(size_t size)
{
	struct stoq_stream *stream;

	assert_int_equal(stoq_stream_open(rig.client.connection, STOQ_BIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, data, size, STOQ_FINISH), size);
	return stream;
}

static bool one_finished(struct rig *any)
{
	return any->server.finished == 1;
}

static int teardown(void **state)
{
	rig_stop(&rig);
	return 0;
}

static void test_streams_that_stand_still(void **state)
{
	struct stoq_stream *standing[STANDING];

	begin(2 * STANDING * WINDOW_BYTES);
	for (int i = 0; i < STANDING; i++) {
		standing[i] = write_one(DATA_BYTES);
		rig_run(&rig, RIG_S);
	}
	/* Each holds what its own window lets come, and the connection has its credit still. */
	assert_int_equal(account->lent_bytes, STANDING * WINDOW_BYTES);
	assert_int_equal(rig.server.received, 0);
	write_one(DATA_BYTES);
	assert_true(rig_run_until(&rig, one_finished, 60 * RIG_S));
	assert_int_equal(rig.server.received, DATA_BYTES);
	/* What was lent comes back when they are not wanted any more. */
	for (int i = 0; i < STANDING; i++)
		stoq_stream_reset(standing[i], 1);
	rig_run(&rig, 5 * RIG_S);
	assert_int_equal(account->lent_bytes, 0);
	assert_int_equal(rig.client.closed + rig.server.closed, 0);
}

static void test_no_more_than_max_window_bytes(void **state)
{
	begin(4 * WINDOW_BYTES);
	for (int i = 0; i < STANDING; i++)
		write_one(DATA_BYTES);
	rig_run(&rig, 5 * RIG_S);
	assert_int_equal(account->window_bytes, 4 * WINDOW_BYTES);
	assert_in_range(rig_metrics(&rig.server).buffered_receive_bytes, 3 * WINDOW_BYTES,
		4 * WINDOW_BYTES);
	assert_int_equal(rig.client.closed + rig.server.closed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_streams_that_stand_still, teardown),
		cmocka_unit_test_teardown(test_no_more_than_max_window_bytes, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
