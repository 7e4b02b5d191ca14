// SPDX-License-Identifier: BSD-2-Clause
/* max_memory_bytes: what all connections hold together is bounded, and all of them go on. */
#include "tests/unit/transport/rig.h"

#include "transport/connection.h"
#include "transport/worker.h"

#define CONNECTIONS  8
#define STREAMS	     4 /* of each */
#define STREAM_BYTES 1000000
#define ALL_BYTES    (CONNECTIONS * STREAMS * (uint64_t)STREAM_BYTES)
#define LIMIT_BYTES  (8u << 20)

static const struct stoq_memory_link usual = {.delay_ns = RIG_MS};

static struct rig rig;
static uint8_t data[STREAM_BYTES];
static struct stoq_connection *connections[CONNECTIONS];
static struct stoq_stream *sent[CONNECTIONS * STREAMS], *arrived[CONNECTIONS * STREAMS];
static unsigned int connection_count, arrived_count;

static void keep_connection(struct rig_side *side, struct stoq_connection *connection)
{
	connections[connection_count++ % CONNECTIONS] = connection;
}

static void keep_stream(struct rig_side *side, struct stoq_stream *stream)
{
	arrived[arrived_count++ % (CONNECTIONS * STREAMS)] = stream;
}

static int setup(void **state)
{
	connection_count = arrived_count = 0;
	rig_prepare(&rig, 1);
	rig_fill(data, sizeof(data), 0);
	rig.client.on_connection = keep_connection;
	rig.server.on_stream = keep_stream;
	rig.server.config.max_connections = CONNECTIONS;
	rig.server.config.max_memory_bytes = LIMIT_BYTES;
	return 0;
}

static int teardown(void **state)
{
	rig_stop(&rig);
	return 0;
}

static bool all_connected(struct rig *any)
{
	return any->client.connected == CONNECTIONS && any->server.accepted == CONNECTIONS;
}

static void connect_all(void)
{
	rig_start(&rig);
	rig_set_link(&rig, &usual);
	for (int i = 0; i < CONNECTIONS; i++)
		rig_connect(&rig);
	assert_true(rig_run_until(&rig, all_connected, 10 * RIG_S));
}

static void write_all(enum stoq_stream_kind kind)
{
	for (int i = 0; i < CONNECTIONS * STREAMS; i++) {
		assert_int_equal(stoq_stream_open(connections[i / STREAMS], kind, &sent[i]), 0);
		assert_int_equal(
			stoq_stream_write(sent[i], data, sizeof(data), STOQ_FINISH), sizeof(data));
	}
}

static void resume_all(struct stoq_stream *const *streams, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		stoq_stream_resume(streams[i]);
}

static void expect_all_to_live_within_the_limit(void)
{
	struct stoq_transport_metrics metrics = rig_metrics(&rig.server);

	assert_int_equal(metrics.memory_limit_bytes, LIMIT_BYTES);
	assert_in_range(metrics.memory_used_bytes, 1, LIMIT_BYTES);
	assert_true(metrics.memory_held_back > 0);
	assert_int_equal(metrics.connections_open, CONNECTIONS);
	assert_int_equal(rig.client.closed + rig.server.closed, 0);
}

static bool server_has_all(struct rig *any)
{
	return any->server.finished == CONNECTIONS * STREAMS;
}

static bool client_has_all(struct rig *any)
{
	return any->client.finished == CONNECTIONS * STREAMS;
}

static void end_all(void)
{
	for (int i = 0; i < CONNECTIONS; i++)
		stoq_connection_close(connections[i], 0, "");
	rig_run(&rig, 5 * RIG_S);
	rig_assert_idle(&rig);
	assert_int_equal(rig_metrics(&rig.server).memory_used_bytes, 0);
}

static void test_readers_that_pause(void **state)
{
	struct stoq_transport_metrics metrics;

	rig.server.take_max = 0;
	connect_all();
	write_all(STOQ_UNIDIRECTIONAL);
	rig_run(&rig, 5 * RIG_S);
	metrics = rig_metrics(&rig.server);
	assert_in_range(
		metrics.buffered_receive_bytes, CONNECTIONS * STOQ_BUDGET_WINDOW_MIN, LIMIT_BYTES);
	assert_in_range(metrics.pool_bytes, 0, 2 * LIMIT_BYTES);
	expect_all_to_live_within_the_limit();
	rig.server.take_max = SIZE_MAX;
	resume_all(arrived, arrived_count);
	assert_true(rig_run_until(&rig, server_has_all, 60 * RIG_S));
	assert_int_equal(rig.server.received, ALL_BYTES);
	expect_all_to_live_within_the_limit();
	end_all();
}

/* What the server sends back waits until the client reads: it takes no more than it may hold. */
static void test_writers_whose_peers_do_not_read(void **state)
{
	struct stoq_transport_metrics metrics;

	rig.server.echo = true;
	rig.client.take_max = 0;
	rig.client.config.stream_window_bytes = 65536;
	connect_all();
	write_all(STOQ_BIDIRECTIONAL);
	rig_run(&rig, 5 * RIG_S);
	metrics = rig_metrics(&rig.server);
	assert_in_range(metrics.buffered_send_bytes, 1, LIMIT_BYTES);
	expect_all_to_live_within_the_limit();
	rig.client.take_max = SIZE_MAX;
	resume_all(sent, CONNECTIONS * STREAMS);
	assert_true(rig_run_until(&rig, client_has_all, 60 * RIG_S));
	assert_int_equal(rig.client.received, ALL_BYTES);
	assert_true(rig.server.writable > 0);
	expect_all_to_live_within_the_limit();
	end_all();
}

/* One connection has everything; the other hears of room when that one goes. */
static void test_a_writer_hears_of_memory_that_another_gives_back(void **state)
{
	struct stoq_stream *first, *second;
	ssize_t taken;

	rig.client.config.max_connections = 2;
	rig.client.config.max_memory_bytes = 1u << 20;
	rig.server.take_max = 0;
	rig.server.config.stream_window_bytes = 1024;
	rig.server.config.max_stream_window_bytes = 1024;
	rig_start(&rig);
	rig_set_link(&rig, &usual);
	rig_connected(&rig);
	rig_connect(&rig);
	rig_run(&rig, RIG_S);
	assert_int_equal(stoq_stream_open(connections[0], STOQ_UNIDIRECTIONAL, &first), 0);
	assert_int_equal(stoq_stream_open(connections[1], STOQ_UNIDIRECTIONAL, &second), 0);
	taken = stoq_stream_write(first, data, sizeof(data), 0);
	assert_in_range(taken, STOQ_BUDGET_HELD_MIN, sizeof(data) - 1);
	while (stoq_stream_write(second, data, sizeof(data), 0) > 0)
		;
	assert_int_equal(stoq_stream_room(second), 0);
	rig_run(&rig, RIG_S);
	assert_int_equal(rig.client.writable, 0);
	stoq_connection_close(connections[0], 0, "");
	/* At once, not after the closing period. */
	rig_run(&rig, RIG_MS);
	assert_int_equal(rig_metrics(&rig.client).connections_closing, 1);
	assert_int_equal(rig.client.transport->workers[0]->budget.accounts, 1);
	assert_int_equal(rig.client.writable, 1);
	assert_true(stoq_stream_write(second, data, 65536, 0) == 65536);
}

static struct stoq_budget_account *windows[2];

static void keep_window(struct rig_side *side, struct stoq_connection *connection)
{
	windows[side->accepted - 1] = &connection->account;
}

/* All write as fast as they can. */
static void write_on(struct stoq_stream *const *streams, unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++) {
		for (unsigned int j = 0; j < rig.server.accepted; j++)
			assert_true(stoq_stream_write(streams[j], data, sizeof(data), 0) >= 0);
		rig_run(&rig, RIG_MS);
	}
}

static void test_a_newer_connection_gets_its_share(void **state)
{
	struct stoq_stream *streams[2];
	uint64_t alone_bytes;

	rig.server.on_connection = keep_window;
	rig.server.config.max_connections = 2;
	rig_start(&rig);
	rig_set_link(&rig, &usual);
	rig_connected(&rig);
	assert_int_equal(stoq_stream_open(connections[0], STOQ_UNIDIRECTIONAL, &streams[0]), 0);
	write_on(streams, 150);
	alone_bytes = windows[0]->window_bytes;
	assert_in_range(alone_bytes, LIMIT_BYTES / 2, LIMIT_BYTES);
	rig_connect(&rig);
	rig_run(&rig, 10 * RIG_MS);
	assert_int_equal(windows[1]->window_bytes, STOQ_BUDGET_WINDOW_MIN);
	assert_int_equal(stoq_stream_open(connections[1], STOQ_UNIDIRECTIONAL, &streams[1]), 0);
	write_on(streams, 150);
	assert_in_range(windows[1]->window_bytes, LIMIT_BYTES / 8, LIMIT_BYTES / 8 * 5);
	assert_in_range(windows[0]->window_bytes, LIMIT_BYTES / 4, alone_bytes - 1);
	assert_int_equal(rig.client.closed, 0);
}

static void test_datagrams_count(void **state)
{
	static const uint8_t bytes[1000];
	unsigned int taken = 0;

	rig.client.config.max_connections = 1;
	rig.client.config.max_memory_bytes = STOQ_BUDGET_MIN;
	rig.client.config.max_queued_datagrams = 1000;
	rig_start(&rig);
	rig_connected(&rig);
	while (stoq_connection_send_datagram(rig.client.connection, bytes, sizeof(bytes), NULL) ==
		0)
		taken++;
	assert_int_equal(taken, STOQ_BUDGET_HELD_MIN / (sizeof(bytes) + 1));
	rig_run(&rig, RIG_S);
	assert_int_equal(rig.server.datagrams, taken);
	assert_int_equal(
		stoq_connection_send_datagram(rig.client.connection, bytes, sizeof(bytes), NULL),
		0);
}

/* ---- what connections take themselves ---- */

static struct stoq_budget_account *accounts[CONNECTIONS];

static void keep_account(struct rig_side *side, struct stoq_connection *connection)
{
	accounts[(side->accepted - 1) % CONNECTIONS] = &connection->account;
}

/* Their state, TLS and keys are in the minimum, and counted. */
static void test_idle_connections(void **state)
{
	rig.server.on_connection = keep_account;
	connect_all();
	rig_run(&rig, 5 * RIG_S);
	for (int i = 0; i < CONNECTIONS; i++)
		assert_in_range(accounts[i]->own_bytes, 40000, STOQ_BUDGET_OWN_MIN);
	end_all();
}

/* All that comes is lost until loss_ppm is 0. */
static void write_pieces(struct stoq_stream *const *streams, unsigned int flags, uint32_t loss_ppm)
{
	rig_set_link(&rig, &(struct stoq_memory_link){.delay_ns = RIG_MS, .loss_ppm = loss_ppm});
	for (int i = 0; i < STREAMS; i++)
		assert_int_equal(stoq_stream_write(streams[i], data, 1000, flags), 1000);
	rig_run(&rig, 2 * RIG_MS);
}

static void test_data_with_gaps_count(void **state)
{
	uint64_t before;

	rig.server.on_connection = keep_account;
	rig.server.echo = true;
	rig.client.config.path_mtu_discovery = false;
	rig.client.config.max_udp_payload_bytes = 1200;
	rig_start(&rig);
	rig_connected(&rig);
	rig_run(&rig, RIG_S);
	for (int i = 0; i < STREAMS; i++)
		assert_int_equal(stoq_stream_open(connections[0], STOQ_BIDIRECTIONAL, &sent[i]), 0);
	before = accounts[0]->own_bytes;
	write_pieces(sent, 0, 1000000);
	assert_int_equal(accounts[0]->own_bytes, before);
	write_pieces(sent, STOQ_FINISH, 0);
	assert_int_equal(rig.server.received, 0);
	assert_true(accounts[0]->own_bytes > before + STREAMS * 8192);
	before = accounts[0]->own_bytes;
	rig_run(&rig, 5 * RIG_S);
	assert_int_equal(rig.server.received, STREAMS * 2000);
	assert_true(accounts[0]->own_bytes < before - STREAMS * 8192);
}

/* A few bytes of each of many streams are left unread: that takes more than the minimum. */
static void test_above_the_limit_new_connections_are_refused(void **state)
{
	struct stoq_stream *stream;

	rig.server.take_max = 0;
	rig.server.config.max_connections = 3;
	rig.server.config.max_memory_bytes = 3 * STOQ_BUDGET_MIN;
	rig_start(&rig);
	rig_connected(&rig);
	rig_connect(&rig);
	rig_run(&rig, RIG_S);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(stoq_stream_open(connections[0], STOQ_UNIDIRECTIONAL, &stream), 0);
		assert_int_equal(stoq_stream_write(stream, "x", 1, 0), 1);
	}
	rig_run(&rig, RIG_S);
	assert_in_range(rig_metrics(&rig.server).memory_used_bytes, 3 * STOQ_BUDGET_MIN,
		4 * STOQ_BUDGET_MIN);
	rig_connect(&rig);
	rig_run(&rig, RIG_S);
	assert_int_equal(rig.client.closed, 1);
	assert_string_equal(rig.client.close.reason, "max_memory_bytes are in use");
	assert_int_equal(rig_metrics(&rig.server).connections_open, 2);
	assert_int_equal(rig.server.closed, 0);
	/* One goes, another may come. */
	stoq_connection_close(connections[0], 0, "");
	rig_run(&rig, RIG_S);
	rig_connect(&rig);
	rig_run(&rig, RIG_S);
	assert_int_equal(rig_metrics(&rig.server).connections_open, 2);
	assert_int_equal(rig.client.closed, 2);
}

/* As pieces of one byte with gaps of one byte would. */
static void test_who_takes_everything_is_closed(void **state)
{
	struct stoq_stream *stream;

	rig.server.on_connection = keep_account;
	/* So many that 32 KiB for each would be more than all. */
	rig.server.config.max_bidirectional_streams = UINT16_MAX;
	connect_all();
	/* Beyond what its streams may need. */
	stoq_budget_add_own(accounts[0], 64u << 20);
	for (int i = 0; i < CONNECTIONS; i++) {
		assert_int_equal(stoq_stream_open(connections[i], STOQ_UNIDIRECTIONAL, &stream), 0);
		assert_int_equal(stoq_stream_write(stream, data, 100, STOQ_FINISH), 100);
	}
	rig_run(&rig, RIG_S);
	assert_int_equal(rig.server.closed, 1);
	assert_int_equal(rig.server.close.origin, STOQ_CLOSE_LOCAL);
	assert_non_null(strstr(rig.server.close.reason, "takes more than its share"));
	assert_int_equal(rig.client.close.code, NGTCP2_INTERNAL_ERROR);
	assert_in_range(rig.server.finished, CONNECTIONS - 1, CONNECTIONS);
	assert_in_range(rig_metrics(&rig.server).memory_used_bytes, 1, LIMIT_BYTES);
	rig_run(&rig, 5 * RIG_S);
	rig_connect(&rig);
	rig_run(&rig, RIG_S);
	assert_int_equal(rig_metrics(&rig.server).connections_open, CONNECTIONS);
}

/* ---- limits that are too small ---- */

static void test_too_little_for_all_connections(void **state)
{
	struct stoq_error error;

	rig_start(&rig);
	rig.server.config.max_memory_bytes = CONNECTIONS * (uint64_t)STOQ_BUDGET_MIN - 1;
	assert_int_equal(
		stoq_transport_update(rig.server.transport, &rig.server.config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "8 connections need 2097152 at least"));
}

static void update(struct rig_side *side, uint64_t max_memory_bytes)
{
	side->config.max_connections = 2;
	side->config.max_memory_bytes = max_memory_bytes;
	assert_int_equal(stoq_transport_update(side->transport, &side->config, NULL), 0);
	rig_run(&rig, RIG_MS);
}

static void test_a_lowered_limit_refuses_new_connections(void **state)
{
	struct stoq_connect_config config = rig_connect_config(&rig);
	struct stoq_connection *connection;
	struct stoq_error error;

	rig.server.config.max_memory_bytes = 64u << 20;
	rig_start(&rig);
	rig_connected(&rig);
	update(&rig.server, 2 * STOQ_BUDGET_MIN);
	rig_connect(&rig);
	rig_run(&rig, RIG_S);
	assert_int_equal(rig.client.closed, 1);
	assert_int_equal(rig.client.close.code, NGTCP2_CONNECTION_REFUSED);
	assert_string_equal(rig.client.close.reason, "max_memory_bytes are in use");
	assert_non_null(strstr(rig.server.log, "a connection was refused: max_memory_bytes"));
	assert_int_equal(rig_metrics(&rig.server).connections_refused, 1);
	assert_int_equal(rig.server.closed, 0);

	update(&rig.client, 2 * STOQ_BUDGET_MIN);
	assert_int_equal(stoq_transport_connect(
				 rig.client.transport, 0, &config, rig.now_ns, &connection, &error),
		-EAGAIN);
	assert_non_null(strstr(error.text, "max_memory_bytes (524288) are in use"));

	update(&rig.client, 64u << 20);
	update(&rig.server, 64u << 20);
	rig_connected(&rig);
}

/* Early data go by the window of the time before: without memory for it they come again. */
static bool has_session(struct rig *any)
{
	return any->client.session != NULL;
}

static void test_early_data_wait_when_there_is_no_memory(void **state)
{
	struct stoq_connection_info info;
	struct stoq_connect_config config;
	struct stoq_stream *stream;

	rig.server.config.early_data = rig.client.config.early_data = true;
	rig.server.config.max_memory_bytes = 64u << 20;
	rig_start(&rig);
	rig_set_link(&rig, &usual);
	rig_connected(&rig);
	assert_true(rig_run_until(&rig, has_session, 10 * RIG_S));
	update(&rig.server, 6u << 20);
	config = rig_resume_config(&rig);
	config.early_data = true;
	assert_int_equal(
		stoq_stream_open(rig_connect_as(&rig, &config), STOQ_UNIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, data, 200000, STOQ_FINISH), 200000);
	rig_run(&rig, 5 * RIG_S);
	assert_int_equal(rig.client.closed, 0);
	assert_int_equal(rig.server.received, 200000);
	stoq_connection_info(rig.client.connection, &info);
	assert_true(info.resumed);
	assert_false(info.early_data_accepted);
}

#define with_rig(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_readers_that_pause),
		with_rig(test_writers_whose_peers_do_not_read),
		with_rig(test_a_writer_hears_of_memory_that_another_gives_back),
		with_rig(test_a_newer_connection_gets_its_share),
		with_rig(test_datagrams_count),
		with_rig(test_idle_connections),
		with_rig(test_data_with_gaps_count),
		with_rig(test_above_the_limit_new_connections_are_refused),
		with_rig(test_who_takes_everything_is_closed),
		with_rig(test_too_little_for_all_connections),
		with_rig(test_a_lowered_limit_refuses_new_connections),
		with_rig(test_early_data_wait_when_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
