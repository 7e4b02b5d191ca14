// SPDX-License-Identifier: BSD-2-Clause
/* Streams that are not read do not stop those of the same connection that are, and credit that is missing does not end it. */
#include "tests/unit/transport/rig.h"

#include "transport/connection.h"
#include "transport/stream.h"

#define STANDING     8
#define WINDOW_BYTES 65536 /* of the connection, and of each stream */
#define DATA_BYTES   (1u << 20)
#define LEFT_BYTES   20000
#define ROUNDS	     16
#define LITTLE_BYTES 1000

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
	/* So that the server gets to work. */
	rig.client.config.keep_alive_ns = RIG_S;
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

/* Streams that stand still have left so much of the connection's window, and other streams go on with that. */
static void test_what_is_left_is_of_use(void **state)
{
	begin(4 * WINDOW_BYTES);
	for (int i = 0; i < 3; i++)
		write_one(WINDOW_BYTES);
	write_one(WINDOW_BYTES - LEFT_BYTES);
	for (int i = 4; i < STANDING; i++)
		write_one(0);
	rig_run(&rig, 5 * RIG_S);
	assert_int_equal(account->window_bytes, 4 * WINDOW_BYTES);
	assert_int_equal(
		rig_metrics(&rig.server).buffered_receive_bytes, 4 * WINDOW_BYTES - LEFT_BYTES);
	write_one(DATA_BYTES);
	rig_run(&rig, 60 * RIG_S);
	assert_int_equal(rig.server.received, DATA_BYTES);
}

/* A window that was large at first, and shrinks because memory is short. */
static void test_a_window_that_shrinks_does_not_stop(void **state)
{
	rig_prepare(&rig, 1);
	rig_fill(data, sizeof(data), 0);
	rig.server.config.window_bytes = rig.server.config.max_window_bytes = 4u << 20;
	rig.server.config.max_connections = 16;
	rig.server.config.max_memory_bytes = 16u << 20;
	rig.server.on_connection = keep_account;
	rig_start(&rig);
	rig_set_link(&rig, &usual);
	rig_connected(&rig);
	assert_int_equal(account->window_bytes, 4u << 20);
	/* As when others have come, and taken the rest. */
	account->budget->limit_bytes = 1u << 20;
	account->budget->accounts += 15;
	for (int i = 0; i < ROUNDS; i++) {
		assert_non_null(rig.client.connection);
		write_one(DATA_BYTES);
		rig_run(&rig, 5 * RIG_S);
	}
	assert_in_range(account->window_bytes, STOQ_BUDGET_WINDOW_MIN, 1u << 20);
	account->budget->accounts -= 15;
	assert_int_equal(rig.server.received, ROUNDS * DATA_BYTES);
}

static struct stoq_stream *with_own_credit(void)
{
	struct stoq_list *streams = &rig.server.connection->streams;

	for (struct stoq_list *link = streams->next; link != streams; link = link->next) {
		struct stoq_stream *stream = STOQ_LIST_ENTRY(link, struct stoq_stream, link);

		if (stream->unread_bytes > stream->lent_bytes + LITTLE_BYTES)
			return stream;
	}
	return NULL;
}

/* A stream that is read slowly: what is taken gives others room, before what was lent to it comes back. */
static void test_what_is_taken_first_gives_room(void **state)
{
	struct stoq_stream *slow;
	uint64_t lent_bytes, unread_bytes;

	begin(4 * WINDOW_BYTES);
	for (int i = 0; i < STANDING; i++)
		write_one(DATA_BYTES);
	rig_run(&rig, 5 * RIG_S);
	slow = with_own_credit();
	assert_non_null(slow);
	lent_bytes = slow->lent_bytes;
	unread_bytes = rig.server.connection->unread_bytes;
	rig.server.take_max = LITTLE_BYTES;
	stoq_stream_resume(slow);
	rig_run(&rig, RIG_MS);
	assert_true(rig.server.connection->unread_bytes < unread_bytes);
	assert_int_equal(slow->lent_bytes, lent_bytes);
	assert_int_equal(account->window_bytes, 4 * WINDOW_BYTES);
}

/* Memory that comes free is lent, although the peer, without credit, sends nothing that would ask for it. */
static void test_free_memory_is_lent_again(void **state)
{
	uint64_t limit_bytes;

	begin(2 * STANDING * WINDOW_BYTES);
	limit_bytes = account->budget->limit_bytes;
	account->budget->limit_bytes = account->budget->used_bytes;
	account->budget->accounts_max = 1;
	for (int i = 0; i < STANDING; i++)
		write_one(DATA_BYTES);
	rig_run(&rig, 5 * RIG_S);
	write_one(DATA_BYTES);
	rig_run(&rig, 5 * RIG_S);
	assert_int_equal(rig.server.received, 0);
	stoq_budget_set(account->budget, limit_bytes, 1);
	assert_true(rig_run_until(&rig, one_finished, 10 * RIG_S));
	assert_int_equal(rig.server.received, DATA_BYTES);
}

/* ---- nothing may be sent, and nothing is in flight ---- */

static void begin_quiet(uint64_t window_bytes, uint64_t stream_window_bytes, uint32_t streams)
{
	rig_prepare(&rig, 1);
	rig_fill(data, sizeof(data), 0);
	rig.server.config.window_bytes = rig.server.config.max_window_bytes = window_bytes;
	rig.server.config.stream_window_bytes = stream_window_bytes;
	rig.server.config.max_stream_window_bytes = stream_window_bytes;
	rig.server.config.max_bidirectional_streams = streams;
	rig.server.take_max = 0;
	rig.client.config.idle_timeout_ns = 5 * RIG_S;
	rig_start(&rig);
	rig_set_link(&rig, &usual);
	rig_connected(&rig);
}

/* RFC 9000, 4.1: whatever the client waits for, it sends something from time to time, and the idle timeout never comes. */
static void expect_alive(void)
{
	ngtcp2_conn_info info;
	uint64_t sent;

	rig_run(&rig, 2 * RIG_S);
	ngtcp2_conn_get_conn_info(rig.client.connection->quic, &info);
	assert_int_equal(info.bytes_in_flight, 0);
	sent = rig_metrics(&rig.client).packets_sent;
	rig_run(&rig, 60 * RIG_S);
	assert_int_equal(rig.client.closed + rig.server.closed, 0);
	/* A ping a second, and no more. */
	assert_in_range(rig_metrics(&rig.client).packets_sent - sent, 50, 130);
}

static void test_blocked_streams_are_no_silence(void **state)
{
	begin_quiet(4u << 20, WINDOW_BYTES, 100);
	write_one(DATA_BYTES);
	expect_alive();
	/* It has all the credit that it needs, and then nothing more to send. */
	rig.server.take_max = SIZE_MAX;
	stoq_stream_resume(rig.server.stream);
	assert_true(rig_run_until(&rig, one_finished, 10 * RIG_S));
	rig_run(&rig, 60 * RIG_S);
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_IDLE);
}

static void test_a_blocked_connection_is_no_silence(void **state)
{
	begin_quiet(WINDOW_BYTES, WINDOW_BYTES, 100);
	for (int i = 0; i < 2; i++)
		write_one(DATA_BYTES);
	expect_alive();
}

static void test_waiting_for_streams_is_no_silence(void **state)
{
	struct stoq_stream *stream;

	begin_quiet(4u << 20, WINDOW_BYTES, 1);
	write_one(1000);
	assert_int_equal(
		stoq_stream_open(rig.client.connection, STOQ_BIDIRECTIONAL, &stream), -EAGAIN);
	expect_alive();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_streams_that_stand_still, teardown),
		cmocka_unit_test_teardown(test_no_more_than_max_window_bytes, teardown),
		cmocka_unit_test_teardown(test_what_is_left_is_of_use, teardown),
		cmocka_unit_test_teardown(test_a_window_that_shrinks_does_not_stop, teardown),
		cmocka_unit_test_teardown(test_what_is_taken_first_gives_room, teardown),
		cmocka_unit_test_teardown(test_free_memory_is_lent_again, teardown),
		cmocka_unit_test_teardown(test_blocked_streams_are_no_silence, teardown),
		cmocka_unit_test_teardown(test_a_blocked_connection_is_no_silence, teardown),
		cmocka_unit_test_teardown(test_waiting_for_streams_is_no_silence, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
