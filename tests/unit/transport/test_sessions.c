// SPDX-License-Identifier: BSD-2-Clause
/* Who may connect, how connections are resumed, and what ends them without a word. */
#include "tests/unit/transport/rig.h"

#include <time.h>
#include <unistd.h>

#include "datapath/address.h"
#include "transport/connection.h"

static const struct stoq_memory_link usual = {.delay_ns = RIG_MS};

static void start(struct rig *rig)
{
	rig_start(rig);
	rig_set_link(rig, &usual);
}

static bool client_closed(struct rig *rig)
{
	return rig->client.closed > 0;
}

static bool has_session(struct rig *rig)
{
	return rig->client.session != NULL;
}

/* ---- names ---- */

static void test_a_name_that_is_not_allowed(void **state)
{
	static const char *const others[] = {"somebody.else", "*.example.org"};
	struct rig rig;

	rig_prepare(&rig, 1);
	rig.server.config.tls.peer_names = others;
	rig.server.config.tls.peer_name_count = 2;
	start(&rig);
	rig_connect(&rig);
	assert_true(rig_run_until(&rig, client_closed, 10 * RIG_S));
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_PEER_TRANSPORT);
	assert_non_null(strstr(rig.client.close.reason, "no peer of this name is allowed"));
	assert_non_null(strstr(rig.server.log, "client.test"));
	/* The application never heard of it. */
	assert_int_equal(rig.server.accepted, 0);
	assert_int_equal(rig.server.closed, 0);
	rig_run(&rig, 10 * RIG_S);
	assert_int_equal(rig_metrics(&rig.server).connections_failed, 1);
	rig_assert_idle(&rig);
	rig_stop(&rig);
}

static void test_the_server_has_another_name(void **state)
{
	struct stoq_connection *connection;
	struct rig rig;

	rig_prepare(&rig, 2);
	start(&rig);
	const struct stoq_connect_config config = {
		.remote = &rig.server.address.sa,
		.remote_length = rig.server.address.length,
		.name = "bank.test",
	};
	assert_int_equal(stoq_transport_connect(
				 rig.client.transport, 0, &config, rig.now_ns, &connection, NULL),
		0);
	assert_true(rig_run_until(&rig, client_closed, 10 * RIG_S));
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_TRANSPORT);
	assert_non_null(strstr(rig.client.close.reason, "bank.test"));
	rig_stop(&rig);
}

static void test_insecure_is_said_aloud(void **state)
{
	struct rig rig;

	rig_prepare(&rig, 3);
	rig.server.config.tls.insecure = true;
	rig.client.config.tls.insecure = true;
	start(&rig);
	assert_int_equal(rig.server.warnings, 1);
	assert_non_null(strstr(rig.server.log, "insecure"));
	rig_connected(&rig);
	rig_stop(&rig);
}

static void test_reload_keeps_what_is_good(void **state)
{
	struct stoq_error error = {0};
	struct rig rig;
	char folder[] = "/tmp/stoq-reload-XXXXXX", key[64];

	rig_prepare(&rig, 4);
	assert_non_null(mkdtemp(folder));
	snprintf(key, sizeof(key), "%s/key.pem", folder);
	assert_int_equal(link(rig_file("server.test/key.pem"), key), 0);
	rig.server.config.tls.key_file = key;
	start(&rig);
	rig_connected(&rig);
	assert_int_equal(stoq_transport_reload_certificates(rig.server.transport, &error), 0);
	unlink(key);
	assert_int_equal(stoq_transport_reload_certificates(rig.server.transport, &error), -ENOENT);
	assert_non_null(strstr(error.text, key));
	rig_run(&rig, RIG_S);
	assert_non_null(rig.server.connection);
	rig.server.accepted = rig.client.connected = 0;
	rig_connected(&rig);
	rig_stop(&rig);
	rmdir(folder);
}

/* ---- resuming ---- */

static struct stoq_connection *connect_again(struct rig *rig, bool early_data)
{
	struct stoq_connection *connection;
	struct stoq_error error;
	const struct stoq_connect_config config = {
		.remote = &rig->server.address.sa,
		.remote_length = rig->server.address.length,
		.name = "server.test",
		.session = rig->client.session,
		.session_bytes = rig->client.session_size,
		.early_data = early_data,
	};

	rig->client.connected = rig->server.accepted = 0;
	rig->client.closed = rig->server.closed = 0;
	if (stoq_transport_connect(
		    rig->client.transport, 0, &config, rig->now_ns, &connection, &error))
		fail_msg("%s", error.text);
	return connection;
}

static void first_connection(struct rig *rig)
{
	rig_connected(rig);
	assert_true(rig_run_until(rig, has_session, 10 * RIG_S));
	stoq_connection_close(rig->client.connection, 0, "");
	rig_run(rig, 10 * RIG_S);
	rig_assert_idle(rig);
}

static void test_resumption(void **state)
{
	struct stoq_connection_info info;
	struct rig rig;

	rig_prepare(&rig, 10);
	start(&rig);
	first_connection(&rig);
	connect_again(&rig, false);
	assert_true(rig_run_until(&rig, rig_both_connected, 10 * RIG_S));
	stoq_connection_info(rig.client.connection, &info);
	assert_true(info.resumed);
	assert_string_equal(info.peer_name, "server.test");
	stoq_connection_info(rig.server.connection, &info);
	assert_true(info.resumed);
	assert_string_equal(info.peer_name, "client.test");
	rig_stop(&rig);
}

static void test_resumption_does_not_outlive_permission(void **state)
{
	static const char *const others[] = {"somebody.else"};
	struct stoq_error error;
	struct rig rig;

	rig_prepare(&rig, 11);
	start(&rig);
	first_connection(&rig);
	rig.server.config.tls.peer_names = others;
	assert_int_equal(
		stoq_transport_update(rig.server.transport, &rig.server.config, &error), 0);
	connect_again(&rig, false);
	assert_true(rig_run_until(&rig, client_closed, 10 * RIG_S));
	assert_int_equal(rig.server.accepted, 0);
	assert_non_null(strstr(rig.client.close.reason, "no peer of this name"));
	rig_stop(&rig);
}

static void test_a_damaged_session_is_refused_or_ignored(void **state)
{
	struct stoq_connection *connection;
	struct rig rig;

	rig_prepare(&rig, 12);
	start(&rig);
	first_connection(&rig);
	const struct stoq_connect_config config = {
		.remote = &rig.server.address.sa,
		.remote_length = rig.server.address.length,
		.name = "server.test",
		.session = rig.client.session,
		.session_bytes = rig.client.session_size - 1,
	};
	assert_int_equal(stoq_transport_connect(
				 rig.client.transport, 0, &config, rig.now_ns, &connection, NULL),
		-EINVAL);
	for (size_t i = 0; i < 40; i++)
		rig.client.session[rig.client.session_size - 1 - i] ^= 0x55;
	connect_again(&rig, false);
	assert_true(rig_run_until(&rig, rig_both_connected, 10 * RIG_S));
	rig_stop(&rig);
}

/* ---- early data ---- */

static bool server_finished(struct rig *rig)
{
	return rig->server.finished > 0;
}

static void write_early(struct rig *rig)
{
	struct stoq_connection *connection = connect_again(rig, true);
	struct stoq_stream *stream;

	rig->server.received = rig->server.finished = 0;
	rig->server.hash = 0;
	assert_int_equal(stoq_stream_open(connection, STOQ_UNIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, "early", 5, STOQ_FINISH), 5);
	assert_true(rig_run_until(rig, server_finished, 10 * RIG_S));
	assert_true(rig->server.hash == rig_hash(0, (const uint8_t *)"early", 5));
	assert_true(rig_run_until(rig, rig_both_connected, 10 * RIG_S));
}

static void test_early_data(void **state)
{
	struct stoq_connection_info info;
	struct rig rig;

	rig_prepare(&rig, 20);
	rig.server.config.early_data = true;
	rig.client.config.early_data = true;
	start(&rig);
	first_connection(&rig);
	write_early(&rig);
	stoq_connection_info(rig.client.connection, &info);
	assert_true(info.early_data_accepted);
	rig_stop(&rig);
}

static void test_early_data_are_off_by_default(void **state)
{
	struct stoq_connection *connection;
	struct stoq_stream *stream;
	struct rig rig;

	rig_prepare(&rig, 21);
	start(&rig);
	first_connection(&rig);
	const struct stoq_connect_config config = {
		.remote = &rig.server.address.sa,
		.remote_length = rig.server.address.length,
		.name = "server.test",
		.session = rig.client.session,
		.session_bytes = rig.client.session_size,
		.early_data = true,
	};
	assert_int_equal(stoq_transport_connect(
				 rig.client.transport, 0, &config, rig.now_ns, &connection, NULL),
		-EINVAL);
	connection = connect_again(&rig, false);
	assert_int_equal(stoq_stream_open(connection, STOQ_UNIDIRECTIONAL, &stream), -ENOTCONN);
	rig_stop(&rig);
}

/* The server has lost its ticket key: early data are refused, and sent once more. */
static void test_refused_early_data_are_sent_again(void **state)
{
	struct stoq_connection_info info;
	struct rig rig;

	rig_prepare(&rig, 22);
	rig.server.config.early_data = true;
	rig.client.config.early_data = true;
	start(&rig);
	first_connection(&rig);
	rig_stop_side(&rig.server);
	rig_start_side(&rig.server);
	rig_set_link(&rig, &usual);
	write_early(&rig);
	stoq_connection_info(rig.client.connection, &info);
	assert_false(info.early_data_accepted);
	assert_false(info.resumed);
	assert_int_equal(rig.server.received, 5);
	rig_stop(&rig);
}

/* ---- first packets ---- */

struct recorder {
	struct rig *rig;
	uint8_t packet[1500];
	uint32_t size;
	struct stoq_address from, to;
};

static bool record(void *context, struct stoq_datagram *datagram)
{
	struct recorder *recorder = context;

	if (!recorder->size && datagram->size <= sizeof(recorder->packet)) {
		memcpy(recorder->packet, datagram->data, datagram->size);
		recorder->size = datagram->size;
		recorder->from = recorder->rig->client.address;
		recorder->to = datagram->remote;
	}
	return true;
}

static void replay(struct rig *rig, struct recorder *recorder, const struct stoq_address *from)
{
	const struct stoq_datagram datagram = {
		.local = *from,
		.remote = recorder->to,
		.data = recorder->packet,
		.size = recorder->size,
		.segment_size = recorder->size,
	};

	stoq_memory_inject(rig->network, &datagram, rig->now_ns);
}

static void test_retry_always(void **state)
{
	struct rig rig;

	rig_prepare(&rig, 30);
	rig.server.config.retry = STOQ_RETRY_ALWAYS;
	start(&rig);
	rig_connected(&rig);
	assert_int_equal(rig_metrics(&rig.server).retries_sent, 1);
	/* The token of that connection saves the next one the Retry. */
	assert_true(rig_run_until(&rig, has_session, 10 * RIG_S));
	stoq_connection_close(rig.client.connection, 0, "");
	rig_run(&rig, RIG_S);
	connect_again(&rig, false);
	assert_true(rig_run_until(&rig, rig_both_connected, 10 * RIG_S));
	assert_int_equal(rig_metrics(&rig.server).retries_sent, 1);
	rig_stop(&rig);
}

/* Forged first packets from everywhere: bounded memory, little sent back, and room for real ones.
 */
static void test_flood_of_first_packets(void **state)
{
	struct recorder recorder = {0};
	struct stoq_transport_metrics metrics;
	struct rig rig;

	rig_prepare(&rig, 31);
	rig.server.config.handshake_timeout_ns = 1000 * RIG_S;
	start(&rig);
	recorder.rig = &rig;
	stoq_memory_set_filter(rig.client.datapath, record, &recorder);
	rig_connected(&rig);
	stoq_memory_set_filter(rig.client.datapath, NULL, NULL);
	metrics = rig_metrics(&rig.server);
	const uint64_t sent_before = metrics.bytes_sent, received_before = metrics.bytes_received;
	for (uint32_t i = 0; i < 5000; i++) {
		struct stoq_address from = recorder.from;

		from.in.sin_addr.s_addr = htonl(0x0a000000 + i);
		/* Another connection ID: what it protects is wrong then, which shows only later. */
		memcpy(recorder.packet + 6, &i, sizeof(i));
		replay(&rig, &recorder, &from);
		rig_run(&rig, RIG_MS / 100);
	}
	metrics = rig_metrics(&rig.server);
	assert_true(metrics.connections_handshaking <= 1024);
	assert_true(
		metrics.bytes_sent - sent_before <= 3 * (metrics.bytes_received - received_before));
	rig.client.connected = rig.server.accepted = 0;
	rig_connected(&rig);
	rig_stop(&rig);
}

static void test_replayed_first_packet(void **state)
{
	struct recorder recorder = {0};
	struct stoq_transport_metrics metrics;
	struct stoq_address elsewhere;
	struct rig rig;

	rig_prepare(&rig, 32);
	start(&rig);
	recorder.rig = &rig;
	stoq_memory_set_filter(rig.client.datapath, record, &recorder);
	rig_connected(&rig);
	stoq_memory_set_filter(rig.client.datapath, NULL, NULL);
	stoq_connection_close(rig.client.connection, 0, "");
	rig_run(&rig, 10 * RIG_S);
	metrics = rig_metrics(&rig.server);
	const uint64_t sent_before = metrics.bytes_sent;
	assert_int_equal(stoq_address_parse(&elsewhere, "203.0.113.5:1234", 0, NULL), 0);
	replay(&rig, &recorder, &elsewhere);
	rig_run(&rig, 60 * RIG_S);
	metrics = rig_metrics(&rig.server);
	/* It began a handshake that nobody finished: at most three times what came went out. */
	assert_true(metrics.bytes_sent - sent_before <= 3ull * recorder.size);
	assert_int_equal(rig.server.accepted, 1);
	rig_assert_idle(&rig);
	rig_stop(&rig);
}

static void test_more_than_max_connections_are_refused(void **state)
{
	struct rig rig;

	rig_prepare(&rig, 33);
	rig.server.config.max_connections = 2;
	start(&rig);
	for (int i = 0; i < 3; i++)
		rig_connect(&rig);
	rig_run(&rig, 5 * RIG_S);
	assert_int_equal(rig.server.accepted, 2);
	assert_int_equal(rig.client.connected, 2);
	assert_int_equal(rig.client.closed, 1);
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_PEER_TRANSPORT);
	assert_int_equal(rig.client.close.code, NGTCP2_CONNECTION_REFUSED);
	rig_stop(&rig);
}

static void test_other_versions(void **state)
{
	struct recorder recorder = {0};
	struct rig rig;

	rig_prepare(&rig, 34);
	start(&rig);
	recorder.rig = &rig;
	stoq_memory_set_filter(rig.client.datapath, record, &recorder);
	rig_connected(&rig);
	stoq_memory_set_filter(rig.client.datapath, NULL, NULL);
	memcpy(recorder.packet + 1, "\x1a\x2a\x3a\x4a", 4);
	replay(&rig, &recorder, &recorder.from);
	recorder.size = 1199; /* too small to be answered */
	replay(&rig, &recorder, &recorder.from);
	rig_run(&rig, RIG_S);
	assert_int_equal(rig_metrics(&rig.server).version_negotiations_sent, 1);
	rig_stop(&rig);
}

/* ---- the end without a word ---- */

static void test_idle_timeout(void **state)
{
	struct rig rig;

	rig_prepare(&rig, 40);
	rig.client.config.idle_timeout_ns = 5 * RIG_S;
	start(&rig);
	rig_connected(&rig);
	rig_run(&rig, 4 * RIG_S);
	assert_non_null(rig.client.connection);
	rig_run(&rig, 3 * RIG_S);
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_IDLE);
	assert_int_equal(rig.server.close.origin, STOQ_CLOSE_IDLE);
	rig_assert_idle(&rig);
	rig_stop(&rig);
}

static void test_keep_alive(void **state)
{
	struct rig rig;

	rig_prepare(&rig, 41);
	rig.client.config.idle_timeout_ns = 5 * RIG_S;
	rig.client.config.keep_alive_ns = 2 * RIG_S;
	start(&rig);
	rig_connected(&rig);
	rig_run(&rig, 60 * RIG_S);
	assert_int_equal(rig.client.closed, 0);
	assert_int_equal(rig.server.closed, 0);
	/* Turned off while it runs. */
	rig.client.config.keep_alive_ns = 0;
	assert_int_equal(stoq_transport_update(rig.client.transport, &rig.client.config, NULL), 0);
	rig_run(&rig, 10 * RIG_S);
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_IDLE);
	rig_stop(&rig);
}

static void test_nobody_answers(void **state)
{
	struct rig rig;

	rig_prepare(&rig, 42);
	rig.client.config.handshake_timeout_ns = 3 * RIG_S;
	start(&rig);
	rig_set_link(&rig, &(struct stoq_memory_link){.loss_ppm = 1000000});
	rig_connect(&rig);
	rig_run(&rig, 4 * RIG_S);
	assert_int_equal(rig.client.closed, 1);
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_HANDSHAKE_TIMEOUT);
	rig_assert_idle(&rig);
	rig_stop(&rig);
}

/* The same endpoint, started anew with the secrets it had: an operator's restart. */
static void test_stateless_reset(void **state)
{
	uint8_t secret[32];
	struct stoq_cid_key key;
	struct stoq_stream *stream;
	struct rig rig;

	rig_prepare(&rig, 43);
	start(&rig);
	rig_connected(&rig);
	rig_run(&rig, RIG_S);
	memcpy(secret, rig.server.transport->reset_secret, sizeof(secret));
	key = rig.server.transport->cid_key;
	rig_stop_side(&rig.server);
	rig_start_side(&rig.server);
	memcpy(rig.server.transport->reset_secret, secret, sizeof(secret));
	rig.server.transport->cid_key = key;
	rig_set_link(&rig, &usual);
	assert_int_equal(stoq_stream_open(rig.client.connection, STOQ_UNIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, "are you there?", 14, 0), 14);
	assert_true(rig_run_until(&rig, client_closed, 5 * RIG_S));
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_STATELESS_RESET);
	assert_true(rig_metrics(&rig.server).stateless_resets_sent >= 1);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_that_is_not_allowed),
		cmocka_unit_test(test_the_server_has_another_name),
		cmocka_unit_test(test_insecure_is_said_aloud),
		cmocka_unit_test(test_reload_keeps_what_is_good),
		cmocka_unit_test(test_resumption),
		cmocka_unit_test(test_resumption_does_not_outlive_permission),
		cmocka_unit_test(test_a_damaged_session_is_refused_or_ignored),
		cmocka_unit_test(test_early_data),
		cmocka_unit_test(test_early_data_are_off_by_default),
		cmocka_unit_test(test_refused_early_data_are_sent_again),
		cmocka_unit_test(test_retry_always),
		cmocka_unit_test(test_flood_of_first_packets),
		cmocka_unit_test(test_replayed_first_packet),
		cmocka_unit_test(test_more_than_max_connections_are_refused),
		cmocka_unit_test(test_other_versions),
		cmocka_unit_test(test_idle_timeout),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_nobody_answers),
		cmocka_unit_test(test_stateless_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
