// SPDX-License-Identifier: BSD-2-Clause
/* Calls that have no good time or no sense: each has the answer that the header promises. */
#include "tests/unit/transport/rig.h"

#include <arpa/inet.h>

#include "datapath/address.h"
#include "transport/connection.h"

static struct rig rig;
static uint8_t data[300000];

static int setup(void **state)
{
	rig_prepare(&rig, 1);
	rig_fill(data, sizeof(data), 0);
	return 0;
}

static int teardown(void **state)
{
	rig_stop(&rig);
	return 0;
}

static bool server_finished(struct rig *any)
{
	return any->server.finished > 0;
}

static void transfer(uint64_t limit_ns)
{
	struct stoq_stream *stream;

	rig.server.finished = 0;
	assert_int_equal(stoq_stream_open(rig.client.connection, STOQ_UNIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, data, sizeof(data), STOQ_FINISH), sizeof(data));
	assert_true(rig_run_until(&rig, server_finished, limit_ns));
}

/* ---- resuming where nothing was left yet ---- */

static unsigned int offers;
static uint64_t hash;

/* Takes a byte less than it could, and asks for the rest in the same breath. */
static size_t take_and_resume(
	struct stoq_stream *stream, const uint8_t *bytes, size_t size, bool finished, void *user)
{
	size_t taken = size > 1 ? size - 1 : offers % 3 ? size : 0;

	offers++;
	stoq_stream_resume(stream);
	hash = rig_hash(hash, bytes, taken);
	rig.server.received += taken;
	rig.server.finished += finished && taken == size;
	return taken;
}

static void test_resume_in_received(void **state)
{
	rig.server.config.callbacks.received = take_and_resume;
	hash = offers = 0;
	rig_start_connected(&rig);
	transfer(10 * RIG_S);
	assert_int_equal(rig.server.received, sizeof(data));
	assert_true(hash == rig_hash(0, data, sizeof(data)));
}

/* One without room for ever is asked once a round, and does not keep the worker in one round. */
static size_t take_nothing_and_resume(
	struct stoq_stream *stream, const uint8_t *bytes, size_t size, bool finished, void *user)
{
	offers++;
	stoq_stream_resume(stream);
	return 0;
}

static void test_resume_in_received_without_end(void **state)
{
	struct stoq_stream *stream;

	rig.server.config.callbacks.received = take_nothing_and_resume;
	offers = 0;
	rig_start_connected(&rig);
	assert_int_equal(stoq_stream_open(rig.client.connection, STOQ_UNIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, data, 1000, STOQ_FINISH), 1000);
	rig_run(&rig, RIG_MS / 2 * 5);
	assert_true(offers > 1);
	offers = 0;
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(stoq_transport_process(rig.server.transport, 0, rig.now_ns), 0);
		assert_int_equal(offers, i);
	}
}

/* ---- keys in callbacks, where ngtcp2 is busy ---- */

static void update_at_once(struct rig_side *side, struct stoq_connection *connection)
{
	(void)stoq_connection_update_keys(connection);
}

static size_t update_and_take(
	struct stoq_stream *stream, const uint8_t *bytes, size_t size, bool finished, void *user)
{
	(void)stoq_connection_update_keys(stoq_stream_connection(stream));
	rig.server.finished += finished;
	return size;
}

static void test_keys_in_callbacks(void **state)
{
	struct stoq_connection_info info;

	rig.server.on_connection = update_at_once;
	rig.client.on_connection = update_at_once;
	rig.server.config.callbacks.received = update_and_take;
	rig_start_connected(&rig);
	for (int i = 0; i < 5; i++) {
		transfer(10 * RIG_S);
		rig_run(&rig, RIG_S);
	}
	stoq_connection_info(rig.server.connection, &info);
	assert_true(info.key_updates >= 5);
	/* Who follows counts when its next keys are ready: with the next packets. */
	stoq_connection_info(rig.client.connection, &info);
	assert_true(info.key_updates >= 4);
}

static void test_keys_too_early_and_too_late(void **state)
{
	struct stoq_connection *connection;

	rig_start(&rig);
	connection = rig_connect(&rig);
	assert_int_equal(stoq_connection_update_keys(connection), -EAGAIN);
	assert_int_equal(stoq_connection_migrate(
				 connection, &rig.client.address.sa, rig.client.address.length),
		-EAGAIN);
	rig_wait_connected(&rig);
	stoq_connection_close(connection, 0, "");
	assert_int_equal(stoq_connection_update_keys(connection), -ENOTCONN);
	assert_int_equal(stoq_connection_migrate(
				 connection, &rig.client.address.sa, rig.client.address.length),
		-ENOTCONN);
}

/* ---- addresses ---- */

static int migrate_to(struct stoq_connection *connection, const char *text)
{
	struct stoq_address address;

	assert_int_equal(stoq_address_parse(&address, text, 0, NULL), 0);
	return stoq_connection_migrate(connection, &address.sa, address.length);
}

/* Not -EAGAIN, which would mean that waiting helps. */
static void test_peer_that_forbids_migration(void **state)
{
	rig.server.config.migration = false;
	rig_start_connected(&rig);
	assert_int_equal(migrate_to(rig.client.connection, "192.0.2.77"), -ENOTSUP);
	transfer(10 * RIG_S);
}

static void test_migration_without_sense(void **state)
{
	const struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
	struct sockaddr short_one = {.sa_family = AF_INET};

	rig_start_connected(&rig);
	assert_int_equal(migrate_to(rig.client.connection, "192.0.2.2"), -EALREADY);
	assert_int_equal(migrate_to(rig.client.connection, "2001:db8::7"), -EAFNOSUPPORT);
	assert_int_equal(migrate_to(rig.client.connection, "0.0.0.0"), -EINVAL);
	assert_int_equal(migrate_to(rig.client.connection, "224.0.0.1"), -EINVAL);
	assert_int_equal(migrate_to(rig.server.connection, "192.0.2.77"), -EINVAL);
	assert_int_equal(stoq_connection_migrate(rig.client.connection, &short_one, 2), -EINVAL);
	assert_int_equal(stoq_connection_migrate(rig.client.connection, NULL, 0), -EINVAL);
	assert_int_equal(stoq_connection_migrate(rig.client.connection,
				 (const struct sockaddr *)&mapped, sizeof(mapped)),
		-EINVAL);
	transfer(10 * RIG_S);
}

static size_t migrate_and_take(
	struct stoq_stream *stream, const uint8_t *bytes, size_t size, bool finished, void *user)
{
	if (rig.client.available++ == 0)
		assert_int_equal(migrate_to(stoq_stream_connection(stream), "192.0.2.77"), 0);
	return size;
}

static void test_migration_in_a_callback(void **state)
{
	struct stoq_connection_info info;
	struct stoq_address other;
	struct stoq_stream *stream;

	rig.client.config.callbacks.received = migrate_and_take;
	rig.server.echo = true;
	rig_start_connected(&rig);
	assert_int_equal(stoq_address_parse(&other, "192.0.2.77:50000", 0, NULL), 0);
	assert_int_equal(stoq_memory_add_address(rig.client.datapath, &other), 0);
	assert_int_equal(stoq_stream_open(rig.client.connection, STOQ_BIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, data, sizeof(data), STOQ_FINISH), sizeof(data));
	rig_run(&rig, RIG_S);
	stoq_connection_info(rig.server.connection, &info);
	assert_memory_equal(&info.remote, &other.sa, other.length);
}

/* What comes from elsewhere is not for the connection: it stays where it was. */
static void test_migration_that_we_forbid(void **state)
{
	struct stoq_address outside;
	struct stoq_stream *stream;

	rig.server.config.migration = false;
	rig.client.config.idle_timeout_ns = 5 * RIG_S;
	rig_start_connected(&rig);
	transfer(10 * RIG_S);
	assert_int_equal(rig_metrics(&rig.server).packets_dropped, 0);
	assert_int_equal(stoq_address_parse(&outside, "198.51.100.7:7777", 0, NULL), 0);
	stoq_memory_set_outside(rig.client.datapath, &outside);
	rig.server.finished = 0;
	assert_int_equal(stoq_stream_open(rig.client.connection, STOQ_UNIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, data, 1000, STOQ_FINISH), 1000);
	rig_run(&rig, RIG_S);
	assert_int_equal(rig.server.finished, 0);
	assert_true(rig_metrics(&rig.server).packets_dropped > 0);
	assert_int_equal(rig_metrics(&rig.server).migrations, 0);
	assert_int_equal(rig_metrics(&rig.server).stateless_resets_sent, 0);
	rig_run(&rig, 20 * RIG_S);
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_IDLE);
	assert_int_equal(rig.server.closed, 1);
}

/* ---- connecting ---- */

static void expect_refused(const char *remote, socklen_t length, const char *reason)
{
	struct stoq_connect_config config = rig_connect_config(&rig);
	struct stoq_connection *connection;
	struct stoq_address address;
	struct stoq_error error;

	assert_int_equal(stoq_address_parse(&address, remote, 0, NULL), 0);
	config.remote = &address.sa;
	config.remote_length = length ? length : address.length;
	assert_int_equal(stoq_transport_connect(
				 rig.client.transport, 0, &config, rig.now_ns, &connection, &error),
		-EINVAL);
	if (!strstr(error.text, reason))
		fail_msg("%s: '%s'", remote, error.text);
}

static void test_connecting_nowhere(void **state)
{
	rig_start(&rig);
	expect_refused("192.0.2.1:0", 0, "192.0.2.1:0 has port 0");
	expect_refused("0.0.0.0:9292", 0, "0.0.0.0:9292 is not the address of one host");
	expect_refused("[::]:9292", 0, "not the address of one host");
	expect_refused("224.0.0.251:9292", 0, "not the address of one host");
	expect_refused("255.255.255.255:9292", 0, "not the address of one host");
	expect_refused("[ff02::1]:9292", 0, "not the address of one host");
	expect_refused("[::ffff:0.0.0.0]:9292", 0, "not the address of one host");
	expect_refused("[::ffff:224.0.0.251]:9292", 0, "not the address of one host");
	expect_refused("[fe80::1]:9292", 0, "[fe80::1]:9292 is link-local, and names no interface");
	expect_refused("192.0.2.1:9292", 4, "neither of IPv4 nor of IPv6");
	expect_refused("[2001:db8::1]:9292", 16, "neither of IPv4 nor of IPv6");
}

/* What resolvers make of an IPv4 address for programs that want IPv6: the answers come from the IPv4 address. */
static void test_connecting_to_a_mapped_address(void **state)
{
	struct stoq_connect_config config = rig_connect_config(&rig);
	struct stoq_connection_info info;
	struct stoq_address address;

	rig_start(&rig);
	assert_int_equal(stoq_address_parse(&address, "[::ffff:192.0.2.1]:9292", 0, NULL), 0);
	config.remote = &address.sa;
	config.remote_length = address.length;
	rig_connect_as(&rig, &config);
	rig_wait_connected(&rig);
	stoq_connection_info(rig.client.connection, &info);
	assert_memory_equal(&info.remote, &rig.server.address.sa, rig.server.address.length);
	transfer(10 * RIG_S);
}

static void test_connecting_with_half_a_session(void **state)
{
	struct stoq_connect_config config = rig_connect_config(&rig);
	struct stoq_connection *connection;
	struct stoq_error error;

	rig_start(&rig);
	config.session_bytes = 100;
	assert_int_equal(stoq_transport_connect(
				 rig.client.transport, 0, &config, rig.now_ns, &connection, &error),
		-EINVAL);
	assert_non_null(strstr(error.text, "but no bytes"));
}

/* ---- creating ---- */

static void test_creating_with_two_ports(void **state)
{
	struct stoq_transport_config config = rig.client.config;
	struct stoq_transport *transport;
	struct stoq_error error;

	rig_start(&rig);
	config.bind_address = "127.0.0.1:7777";
	config.port = 0;
	assert_int_equal(stoq_transport_create(&config, &transport, &error), -EINVAL);
	assert_non_null(strstr(error.text, "bind_address '127.0.0.1:7777' has a port of its own"));
}

/* With port 0 all workers share the one that the kernel chose. */
static void test_any_port(void **state)
{
	struct stoq_transport_config config = rig.server.config;
	struct stoq_transport *transport;
	struct sockaddr_storage address;
	struct stoq_error error;
	socklen_t length;

	rig_start(&rig);
	config.bind_address = "127.0.0.1";
	config.port = 0;
	config.workers = 3;
	if (stoq_transport_create(&config, &transport, &error))
		fail_msg("%s", error.text);
	stoq_transport_local_address(transport, &address, &length);
	config.port = ntohs(((struct sockaddr_in *)&address)->sin_port);
	assert_int_not_equal(config.port, 0);
	for (config.workers = 1; config.workers < 4; config.workers++) {
		struct stoq_transport *second;

		assert_int_equal(stoq_transport_create(&config, &second, &error), -EADDRINUSE);
	}
	stoq_transport_destroy(transport);
}

static void test_workers_that_are_not(void **state)
{
	rig_start(&rig);
	assert_int_equal(stoq_transport_descriptor(rig.client.transport, 1), -EINVAL);
	assert_true(stoq_transport_next_ns(rig.client.transport, 1) == STOQ_NEVER);
	assert_int_equal(stoq_transport_process(rig.client.transport, 1, rig.now_ns), -EINVAL);
	assert_int_equal(stoq_transport_post(rig.client.transport, 1, free, NULL), -EINVAL);
}

#define with_rig(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_resume_in_received),
		with_rig(test_resume_in_received_without_end),
		with_rig(test_keys_in_callbacks),
		with_rig(test_keys_too_early_and_too_late),
		with_rig(test_peer_that_forbids_migration),
		with_rig(test_migration_without_sense),
		with_rig(test_migration_in_a_callback),
		with_rig(test_migration_that_we_forbid),
		with_rig(test_connecting_nowhere),
		with_rig(test_connecting_to_a_mapped_address),
		with_rig(test_connecting_with_half_a_session),
		with_rig(test_creating_with_two_ports),
		with_rig(test_any_port),
		with_rig(test_workers_that_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
