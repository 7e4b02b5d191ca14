// SPDX-License-Identifier: BSD-2-Clause
/* What programs around a transport need: events, the figures of streams, the end, addresses. */
#include "tests/unit/transport/rig.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "transport/connection.h"
#include "transport/stream.h"

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

/* ---- events ---- */

static unsigned int confirmations;
static struct stoq_connection_info last;
static char last_name[256];
static size_t last_certificate;

static void on_confirmed(struct stoq_connection *connection, void *user)
{
	struct rig_side *side = user;

	/* After the other one. */
	assert_int_equal(side->accepted + side->connected, 1);
	confirmations++;
	assert_int_not_equal(stoq_connection_update_keys(connection), -ENOTCONN);
}

static void on_closed_ask(struct stoq_connection *connection, void *user)
{
	struct rig_side *side = user;
	struct stoq_peer_name name;
	const uint8_t *der;

	stoq_connection_info(connection, &last);
	assert_int_equal(stoq_connection_names(connection, &name, 1), 1);
	snprintf(last_name, sizeof(last_name), "%s", name.text);
	assert_int_equal(stoq_connection_certificate(connection, 0, &der, &last_certificate), 0);
	side->closed++;
}

static void test_confirmed_on_both_sides(void **state)
{
	rig.client.config.callbacks.confirmed = on_confirmed;
	rig.server.config.callbacks.confirmed = on_confirmed;
	confirmations = 0;
	rig_start_connected(&rig);
	rig_run(&rig, RIG_S);
	assert_int_equal(confirmations, 2);
}

static void test_what_is_known_in_closed(void **state)
{
	rig.client.config.callbacks.closed = on_closed_ask;
	memset(&last, 0, sizeof(last));
	rig_start_connected(&rig);
	rig_run(&rig, RIG_S);
	stoq_connection_close(rig.client.connection, 0, "");
	rig_run(&rig, RIG_S);
	assert_int_equal(rig.client.closed, 1);
	assert_true(last.established && last.confirmed && last.id);
	assert_string_equal(last.peer_name, "server.test");
	assert_string_equal(last.cipher, "AES-128-GCM");
	assert_memory_equal(&last.remote, &rig.server.address.sa, rig.server.address.length);
	assert_memory_equal(&last.local, &rig.client.address.sa, rig.client.address.length);
	assert_true(last.min_rtt_ns >= 2 * RIG_MS && last.smoothed_rtt_ns >= 2 * RIG_MS);
	assert_string_equal(last_name, "server.test");
	assert_in_range(last_certificate, 200, 2000);
}

/* ---- streams ---- */

static char order[8];

static size_t note_order(
	struct stoq_stream *stream, const uint8_t *bytes, size_t size, bool finished, void *user)
{
	if (finished && strlen(order) < sizeof(order) - 1)
		order[strlen(order)] = (char)('a' + stoq_stream_id(stream) / 4);
	return size;
}

static bool three(struct rig *any)
{
	return strlen(order) == 3;
}

/* The last one that is written is done first, the first last. */
static void test_urgency(void **state)
{
	static const unsigned int urgencies[] = {STOQ_URGENCY_LAST, STOQ_URGENCY_DEFAULT, 0};
	struct stoq_stream *streams[3];

	memset(order, 0, sizeof(order));
	rig.server.config.callbacks.received = note_order;
	rig_start_connected(&rig);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			stoq_stream_open(rig.client.connection, STOQ_UNIDIRECTIONAL, &streams[i]),
			0);
		assert_int_equal(stoq_stream_write(streams[i], data, sizeof(data), STOQ_FINISH),
			sizeof(data));
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(stoq_stream_set_urgency(streams[i], urgencies[i]), 0);
	assert_int_equal(stoq_stream_set_urgency(streams[0], STOQ_URGENCY_LAST + 1), -EINVAL);
	assert_true(rig_run_until(&rig, three, 10 * RIG_S));
	assert_string_equal(order, "cba");
}

static struct stoq_stream_info ended;

static void on_stream_closed_ask(struct stoq_stream *stream, uint64_t code, void *user)
{
	assert_ptr_equal(
		stoq_stream_find(stoq_stream_connection(stream), stoq_stream_id(stream)), stream);
	stoq_stream_info(stream, &ended);
}

static size_t first_taken;

/* What is being offered is not taken yet. */
static size_t take_first(
	struct stoq_stream *stream, const uint8_t *bytes, size_t size, bool finished, void *user)
{
	struct stoq_stream_info info;

	stoq_stream_info(stream, &info);
	first_taken = info.taken;
	assert_int_equal(info.received, size);
	return size;
}

static void test_stream_info_in_received(void **state)
{
	struct stoq_stream *stream;

	rig.server.config.callbacks.received = take_first;
	first_taken = 1;
	rig_start_connected(&rig);
	assert_int_equal(stoq_stream_open(rig.client.connection, STOQ_UNIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, data, 500, STOQ_FINISH), 500);
	rig_run(&rig, RIG_S);
	assert_int_equal(first_taken, 0);
}

static void test_stream_info(void **state)
{
	struct stoq_stream_info info;
	struct stoq_stream *stream;

	rig.server.take_max = 1000;
	rig.client.config.callbacks.stream_closed = on_stream_closed_ask;
	rig_start_connected(&rig);
	assert_int_equal(stoq_stream_open(rig.client.connection, STOQ_BIDIRECTIONAL, &stream), 0);
	assert_ptr_equal(stoq_stream_find(rig.client.connection, stoq_stream_id(stream)), stream);
	assert_null(stoq_stream_find(rig.client.connection, 400));
	assert_int_equal(stoq_stream_write(stream, data, 50000, STOQ_FINISH), 50000);
	stoq_stream_info(stream, &info);
	assert_true(info.ours && info.write_over && !info.read_over && info.written == 50000 &&
		    !info.sent && info.urgency == STOQ_URGENCY_DEFAULT &&
		    info.kind == STOQ_BIDIRECTIONAL && info.opened_ns > RIG_S);
	rig_run(&rig, RIG_S);
	stoq_stream_info(stream, &info);
	assert_true(info.sent == 50000 && info.acknowledged == 50000);
	stoq_stream_info(rig.server.stream, &info);
	assert_true(!info.ours && info.received == 50000 && info.taken == 1000 && info.paused);
	rig.server.take_max = SIZE_MAX;
	stoq_stream_resume(rig.server.stream);
	rig_run(&rig, RIG_S);
	stoq_stream_info(rig.server.stream, &info);
	assert_true(info.taken == 50000 && !info.paused && info.read_over);
	assert_int_equal(stoq_stream_write(rig.server.stream, data, 700, STOQ_FINISH), 700);
	rig_run(&rig, RIG_S);
	assert_true(ended.written == 50000 && ended.acknowledged == 50000 &&
		    ended.received == 700 && ended.taken == 700);
}

/* ---- the end ---- */

static void test_destroy_says_goodbye(void **state)
{
	rig_start_connected(&rig);
	rig_stop_side(&rig.server);
	assert_true(rig_run_until(&rig, rig_client_closed, RIG_S));
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_PEER_APPLICATION);
	assert_int_equal(rig.client.close.code, 0);
	assert_string_equal(rig.client.close.reason, "the transport was destroyed");
	assert_int_equal(rig.server.close.origin, STOQ_CLOSE_LOCAL);
}

static bool handshaking(struct rig *any)
{
	return rig_metrics(&any->server).connections_handshaking > 0;
}

/* In the middle of a handshake, too. */
static void test_destroy_during_a_handshake(void **state)
{
	rig_start(&rig);
	rig_set_link(&rig, &(struct stoq_memory_link){.delay_ns = RIG_MS});
	rig_connect(&rig);
	assert_true(rig_run_until(&rig, handshaking, RIG_S));
	rig_stop_side(&rig.server);
	assert_true(rig_run_until(&rig, rig_client_closed, RIG_S));
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_PEER_TRANSPORT);
}

static int process_status;

static void misuse(struct stoq_connection *connection, void *user)
{
	struct rig_side *side = user;

	process_status = stoq_transport_process(side->transport, 0, rig.now_ns);
	stoq_transport_destroy(side->transport);
}

static void test_what_callbacks_must_not_do(void **state)
{
	rig.client.config.callbacks.confirmed = misuse;
	rig_start_connected(&rig);
	rig_run(&rig, RIG_S);
	assert_int_equal(process_status, -EBUSY);
	assert_int_equal(rig.client.warnings, 1);
	assert_non_null(strstr(rig.client.log, "was called in a callback"));
	assert_int_equal(rig_metrics(&rig.client).connections_open, 1);
}

/* ---- helpers ---- */

static void expect_address(const char *host, int family, const char *text)
{
	struct sockaddr_storage found_address;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&found_address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&found_address;
	char out[INET6_ADDRSTRLEN];

	assert_int_equal(stoq_resolve(host, 9292, &found_address, 1, NULL), 1);
	assert_int_equal(found_address.ss_family, family);
	assert_int_equal(ntohs(in->sin_port), 9292);
	inet_ntop(family, family == AF_INET ? (const void *)&in->sin_addr : &in6->sin6_addr, out,
		sizeof(out));
	assert_string_equal(out, text);
}

static void test_resolve(void **state)
{
	struct sockaddr_storage address;
	struct stoq_error error;

	rig_start(&rig);
	expect_address("192.0.2.7", AF_INET, "192.0.2.7");
	expect_address("2001:DB8::0:7", AF_INET6, "2001:db8::7");
	assert_int_equal(stoq_resolve("", 1, &address, 1, &error), -EINVAL);
	assert_int_equal(stoq_resolve("192.0.2.7", 1, &address, 0, &error), -EINVAL);
	assert_true(stoq_resolve("no-such-host.invalid", 1, &address, 1, &error) < 0);
	assert_non_null(strstr(error.text, "no-such-host.invalid"));
	assert_true(stoq_now_ns() <= stoq_now_ns());
}

#define with_rig(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_confirmed_on_both_sides),
		with_rig(test_what_is_known_in_closed),
		with_rig(test_urgency),
		with_rig(test_stream_info),
		with_rig(test_stream_info_in_received),
		with_rig(test_destroy_says_goodbye),
		with_rig(test_destroy_during_a_handshake),
		with_rig(test_what_callbacks_must_not_do),
		with_rig(test_resolve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
