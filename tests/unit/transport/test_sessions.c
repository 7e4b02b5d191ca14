// SPDX-License-Identifier: BSD-2-Clause
/* How connections are resumed, early data, how many there may be, and what ends them without a
 * word. */
#include "tests/unit/transport/rig.h"

#include "transport/connection.h"

static const struct stoq_memory_link usual = {.delay_ns = RIG_MS};

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

static void start(void)
{
	rig_start(&rig);
	rig_set_link(&rig, &usual);
}

static bool has_session(struct rig *any)
{
	return any->client.session != NULL;
}

/* ---- resuming ---- */

static struct stoq_connection *connect_again(bool early_data)
{
	struct stoq_connect_config config = rig_resume_config(&rig);

	config.early_data = early_data;
	rig.client.connected = rig.server.accepted = 0;
	rig.client.closed = rig.server.closed = 0;
	return rig_connect_as(&rig, &config);
}

static void first_connection(void)
{
	rig_connected(&rig);
	assert_true(rig_run_until(&rig, has_session, 10 * RIG_S));
	stoq_connection_close(rig.client.connection, 0, "");
	rig_run(&rig, 10 * RIG_S);
	rig_assert_idle(&rig);
}

static void expect_refused(const struct stoq_connect_config *config)
{
	struct stoq_connection *connection;

	assert_int_equal(stoq_transport_connect(
				 rig.client.transport, 0, config, rig.now_ns, &connection, NULL),
		-EINVAL);
}

static void test_resumption(void **state)
{
	struct stoq_connection_info info;

	start();
	first_connection();
	connect_again(false);
	assert_true(rig_run_until(&rig, rig_both_connected, 10 * RIG_S));
	stoq_connection_info(rig.client.connection, &info);
	assert_true(info.resumed);
	assert_string_equal(info.peer_name, "server.test");
	stoq_connection_info(rig.server.connection, &info);
	assert_true(info.resumed);
	assert_string_equal(info.peer_name, "client.test");
}

static void test_resumption_does_not_outlive_permission(void **state)
{
	static const char *const others[] = {"somebody.else"};
	struct stoq_error error;

	start();
	first_connection();
	rig.server.config.tls.peer_names = others;
	assert_int_equal(
		stoq_transport_update(rig.server.transport, &rig.server.config, &error), 0);
	connect_again(false);
	assert_true(rig_run_until(&rig, rig_client_closed, 10 * RIG_S));
	assert_int_equal(rig.server.accepted, 0);
	assert_non_null(strstr(rig.client.close.reason, "no peer of this name"));
}

static void test_a_damaged_session_is_refused(void **state)
{
	struct stoq_connect_config config;

	start();
	first_connection();
	config = rig_resume_config(&rig);
	for (size_t i = 0; i < config.session_bytes; i += 13) {
		config.session_bytes = i;
		if (i)
			expect_refused(&config);
		config.session_bytes = rig.client.session_size;
		rig.client.session[i] ^= (uint8_t)(1u << i % 8);
		expect_refused(&config);
		rig.client.session[i] ^= (uint8_t)(1u << i % 8);
	}
	rig_assert_idle(&rig);
	/* As it was it is still good. */
	connect_again(false);
	assert_true(rig_run_until(&rig, rig_both_connected, 10 * RIG_S));
}

/* ---- early data ---- */

static bool server_finished(struct rig *any)
{
	return any->server.finished > 0;
}

static void allow_early_data(void)
{
	rig.server.config.early_data = true;
	rig.client.config.early_data = true;
}

static void write_early(void)
{
	struct stoq_connection *connection = connect_again(true);
	struct stoq_stream *stream;

	rig.server.received = rig.server.finished = 0;
	rig.server.hash = 0;
	assert_int_equal(stoq_stream_open(connection, STOQ_UNIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, "early", 5, STOQ_FINISH), 5);
	assert_true(rig_run_until(&rig, server_finished, 10 * RIG_S));
	assert_true(rig.server.hash == rig_hash(0, (const uint8_t *)"early", 5));
	assert_true(rig_run_until(&rig, rig_both_connected, 10 * RIG_S));
}

static void test_early_data(void **state)
{
	struct stoq_connection_info info;

	allow_early_data();
	start();
	first_connection();
	write_early();
	stoq_connection_info(rig.client.connection, &info);
	assert_true(info.early_data_accepted);
}

/* Nothing that it sends is heard, not even before it is told. */
static void test_early_data_do_not_outlive_permission(void **state)
{
	static const char *const others[] = {"somebody.else"};
	struct stoq_connection *connection;
	struct stoq_stream *stream;

	allow_early_data();
	start();
	first_connection();
	rig.server.config.tls.peer_names = others;
	assert_int_equal(stoq_transport_update(rig.server.transport, &rig.server.config, NULL), 0);
	rig.server.received = rig.server.streams_opened = 0;
	connection = connect_again(true);
	assert_int_equal(stoq_stream_open(connection, STOQ_UNIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, "early", 5, STOQ_FINISH), 5);
	assert_true(rig_run_until(&rig, rig_client_closed, 10 * RIG_S));
	assert_non_null(strstr(rig.client.close.reason, "no peer of this name"));
	assert_int_equal(rig.server.accepted, 0);
	assert_int_equal(rig.server.streams_opened, 0);
	assert_int_equal(rig.server.received, 0);
}

static void test_early_data_are_off_by_default(void **state)
{
	struct stoq_connect_config config;
	struct stoq_connection *connection;
	struct stoq_stream *stream;

	start();
	first_connection();
	config = rig_resume_config(&rig);
	config.early_data = true;
	expect_refused(&config);
	connection = connect_again(false);
	assert_int_equal(stoq_stream_open(connection, STOQ_UNIDIRECTIONAL, &stream), -ENOTCONN);
}

/* The server has lost its ticket key: early data are refused, and sent once more. */
static void test_refused_early_data_are_sent_again(void **state)
{
	struct stoq_connection_info info;

	allow_early_data();
	start();
	first_connection();
	rig_stop_side(&rig.server);
	rig_start_side(&rig.server);
	rig_set_link(&rig, &usual);
	write_early();
	stoq_connection_info(rig.client.connection, &info);
	assert_false(info.early_data_accepted);
	assert_false(info.resumed);
	assert_int_equal(rig.server.received, 5);
}

/* Whatever the window is, below and above what a peer gets at first: early data as large as that are taken, and the rest follows. */
static void test_early_data_and_small_windows(void **state)
{
	static const uint64_t windows[] = {1024, 4096, 12000, 16384, 20000, 65536, 100000};
	static uint8_t data[150000];

	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		struct stoq_connection_info info;
		struct stoq_stream *stream;

		if (i) {
			teardown(NULL);
			setup(NULL);
		}
		allow_early_data();
		rig.server.config.window_bytes = rig.server.config.max_window_bytes = windows[i];
		start();
		first_connection();
		rig.server.received = rig.server.finished = 0;
		assert_int_equal(
			stoq_stream_open(connect_again(true), STOQ_UNIDIRECTIONAL, &stream), 0);
		assert_int_equal(
			stoq_stream_write(stream, data, sizeof(data), STOQ_FINISH), sizeof(data));
		assert_true(rig_run_until(&rig, server_finished, 60 * RIG_S));
		assert_int_equal(rig.server.received, sizeof(data));
		stoq_connection_info(rig.client.connection, &info);
		assert_true(info.early_data_accepted);
	}
}

/* ---- first packets ---- */

static void test_retry_always(void **state)
{
	rig.server.config.retry = STOQ_RETRY_ALWAYS;
	start();
	rig_connected(&rig);
	assert_int_equal(rig_metrics(&rig.server).retries_sent, 1);
	/* The token of that connection saves the next one the Retry. */
	assert_true(rig_run_until(&rig, has_session, 10 * RIG_S));
	stoq_connection_close(rig.client.connection, 0, "");
	rig_run(&rig, RIG_S);
	connect_again(false);
	assert_true(rig_run_until(&rig, rig_both_connected, 10 * RIG_S));
	assert_int_equal(rig_metrics(&rig.server).retries_sent, 1);
}

static void test_more_than_max_connections_are_refused(void **state)
{
	rig.server.config.max_connections = 2;
	start();
	for (int i = 0; i < 3; i++)
		rig_connect(&rig);
	rig_run(&rig, 5 * RIG_S);
	assert_int_equal(rig.server.accepted, 2);
	assert_int_equal(rig.client.connected, 2);
	assert_int_equal(rig.client.closed, 1);
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_PEER_TRANSPORT);
	assert_int_equal(rig.client.close.code, NGTCP2_CONNECTION_REFUSED);
}

/* ---- the end without a word ---- */

static void connect_for_5_idle_seconds(void)
{
	rig.client.config.idle_timeout_ns = 5 * RIG_S;
	start();
	rig_connected(&rig);
}

static void expect_idle_end(unsigned int seconds)
{
	rig_run(&rig, seconds * RIG_S);
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_IDLE);
	assert_int_equal(rig.server.close.origin, STOQ_CLOSE_IDLE);
	rig_assert_idle(&rig);
}

static void test_idle_timeout(void **state)
{
	connect_for_5_idle_seconds();
	rig_run(&rig, 4 * RIG_S);
	assert_non_null(rig.client.connection);
	expect_idle_end(3);
}

static void test_keep_alive(void **state)
{
	rig.client.config.keep_alive_ns = 2 * RIG_S;
	connect_for_5_idle_seconds();
	rig_run(&rig, 60 * RIG_S);
	assert_int_equal(rig.client.closed, 0);
	assert_int_equal(rig.server.closed, 0);
	/* Turned off while it runs. */
	rig.client.config.keep_alive_ns = 0;
	assert_int_equal(stoq_transport_update(rig.client.transport, &rig.client.config, NULL), 0);
	expect_idle_end(10);
}

static void test_nobody_answers(void **state)
{
	rig.client.config.handshake_timeout_ns = 3 * RIG_S;
	start();
	rig_set_link(&rig, &(struct stoq_memory_link){.loss_ppm = 1000000});
	rig_connect(&rig);
	rig_run(&rig, 4 * RIG_S);
	assert_int_equal(rig.client.closed, 1);
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_HANDSHAKE_TIMEOUT);
	rig_assert_idle(&rig);
}

#define with_rig(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_resumption),
		with_rig(test_resumption_does_not_outlive_permission),
		with_rig(test_a_damaged_session_is_refused),
		with_rig(test_early_data),
		with_rig(test_early_data_do_not_outlive_permission),
		with_rig(test_early_data_are_off_by_default),
		with_rig(test_refused_early_data_are_sent_again),
		with_rig(test_early_data_and_small_windows),
		with_rig(test_retry_always),
		with_rig(test_more_than_max_connections_are_refused),
		with_rig(test_idle_timeout),
		with_rig(test_keep_alive),
		with_rig(test_nobody_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
