// SPDX-License-Identifier: BSD-2-Clause
/* Application protocols: which one is agreed on, and that nobody talks without one. */
#include "tests/unit/transport/hostile.h"

#define NO_APPLICATION_PROTOCOL 0x178

static void prepare(struct rig *rig, const char *const *client, size_t client_count,
	const char *const *server, size_t server_count)
{
	rig_prepare(rig, 1);
	hostile_reset(rig);
	rig->client.config.alpn = client;
	rig->client.config.alpn_count = client_count;
	rig->server.config.alpn = server;
	rig->server.config.alpn_count = server_count;
}

static void expect_agreed(const char *const *client, size_t client_count, const char *const *server,
	size_t server_count, const char *agreed)
{
	struct stoq_connection_info info;
	struct rig rig;

	prepare(&rig, client, client_count, server, server_count);
	rig_start(&rig);
	rig_connected(&rig);
	stoq_connection_info(rig.client.connection, &info);
	assert_string_equal(info.alpn, agreed);
	stoq_connection_info(rig.server.connection, &info);
	assert_string_equal(info.alpn, agreed);
	rig_stop(&rig);
}

static void expect_refused(struct rig *rig, bool by_client)
{
	rig_start(rig);
	rig_connect(rig);
	rig_run(rig, RIG_S);
	assert_int_equal(rig->server.accepted, 0);
	assert_int_equal(rig->client.connected, 0);
	assert_int_equal(rig->client.close.origin,
		by_client ? STOQ_CLOSE_TRANSPORT : STOQ_CLOSE_PEER_TRANSPORT);
	assert_int_equal(rig->client.close.code, NO_APPLICATION_PROTOCOL);
	assert_non_null(strstr(
		by_client ? rig->client.close.reason : rig->server.log, "application protocol"));
	rig_run(rig, 10 * RIG_S);
	rig_assert_idle(rig);
	rig_stop(rig);
}

static void test_agreed(void **state)
{
	static const char *const two[] = {"b/1", "a/1"}, *const other[] = {"c", "a/1", "b/1"};
	static const char *const default_too[] = {"x", "stoq/1"};

	expect_agreed(NULL, 0, NULL, 0, "stoq/1");
	/* The server's order counts. */
	expect_agreed(two, 2, other, 3, "a/1");
	expect_agreed(other, 3, two, 2, "b/1");
	expect_agreed(NULL, 0, default_too, 2, "stoq/1");
}

static void test_none_in_common(void **state)
{
	static const char *const bench[] = {"stoq-bench/1"}, *const nvme[] = {"stoq-nvme/1"};
	struct rig rig;

	prepare(&rig, bench, 1, nvme, 1);
	expect_refused(&rig, false);
	prepare(&rig, NULL, 0, nvme, 1);
	expect_refused(&rig, false);
	prepare(&rig, nvme, 1, NULL, 0);
	expect_refused(&rig, false);
}

/* RFC 9001, 8.1. */
static void test_client_that_offers_none(void **state)
{
	static const char *const client[] = {"client"};
	struct rig rig;

	prepare(&rig, client, 1, NULL, 0);
	hostile.no_alpn = client[0];
	expect_refused(&rig, false);
}

static void test_server_that_selects_none(void **state)
{
	static const char *const server[] = {"server"};
	struct rig rig;

	prepare(&rig, NULL, 0, server, 1);
	hostile.no_alpn = server[0];
	expect_refused(&rig, true);
}

/* A session of one application may be resumed for another; early data would be for the first. */
static void test_resumed_by_another_application(void **state)
{
	static const char *const both[] = {"a", "b"}, *const a[] = {"a"}, *const b[] = {"b"};
	struct stoq_connection_info info;
	struct stoq_connect_config config;
	struct rig_side first;
	struct rig rig;

	prepare(&rig, a, 1, both, 2);
	rig_start(&rig);
	rig_connected(&rig);
	rig_run(&rig, RIG_S);
	stoq_connection_close(rig.client.connection, 0, NULL);
	rig_run(&rig, 10 * RIG_S);
	assert_non_null(rig.client.session);
	first = rig.client;
	rig.client.session = NULL;
	rig_stop_side(&rig.client);
	rig.client.config.alpn = b;
	rig.client.connected = rig.server.accepted = 0;
	rig_start_side(&rig.client);
	config = rig_connect_config(&rig);
	config.session = first.session;
	config.session_bytes = first.session_size;
	rig_connect_as(&rig, &config);
	rig_wait_connected(&rig);
	stoq_connection_info(rig.server.connection, &info);
	assert_string_equal(info.alpn, "b");
	assert_true(info.resumed);
	free(first.session);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agreed),
		cmocka_unit_test(test_none_in_common),
		cmocka_unit_test(test_client_that_offers_none),
		cmocka_unit_test(test_server_that_selects_none),
		cmocka_unit_test(test_resumed_by_another_application),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
