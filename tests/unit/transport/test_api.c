// SPDX-License-Identifier: BSD-2-Clause
/* What programs around a transport need: handles, timers, who the peer is, figures, the end. */
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

static void start(void)
{
	rig_start(&rig);
	rig_set_link(&rig, &(struct stoq_memory_link){.delay_ns = RIG_MS});
	rig_connected(&rig);
}

static bool client_closed(struct rig *any)
{
	return any->client.closed > 0;
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

	start();
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
	start();
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
	start();
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
	start();
	rig_run(&rig, RIG_S);
	assert_int_equal(confirmations, 2);
}

static void test_what_is_known_in_closed(void **state)
{
	rig.client.config.callbacks.closed = on_closed_ask;
	memset(&last, 0, sizeof(last));
	start();
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

/* ---- refusals ---- */

static unsigned int refusals;
static struct stoq_refusal refusal;
static struct stoq_close_info refusal_close;
static size_t refused_certificate;

static void on_refused(const struct stoq_refusal *about, void *user)
{
	assert_ptr_equal(user, &rig.server);
	refusals++;
	refusal = *about;
	refusal_close = *about->close;
	refused_certificate = about->certificate ? about->certificate_bytes : 0;
}

static void expect_refusal(const char *reason)
{
	assert_int_equal(refusals, 1);
	assert_ptr_equal(refusal.transport, rig.server.transport);
	assert_memory_equal(&refusal.remote, &rig.client.address.sa, rig.client.address.length);
	if (!strstr(refusal_close.reason, reason))
		fail_msg("'%s' does not say '%s'", refusal_close.reason, reason);
	assert_int_equal(rig.server.accepted + rig.server.closed, 0);
}

static void test_refused_for_its_name(void **state)
{
	static const char *const others[] = {"someone.else"};

	rig.server.config.callbacks.refused = on_refused;
	rig.server.config.tls.peer_names = others;
	refusals = 0;
	rig_start(&rig);
	rig_connect(&rig);
	assert_true(rig_run_until(&rig, client_closed, 10 * RIG_S));
	expect_refusal("no peer of this name is allowed here: client.test");
	assert_int_equal(refusal_close.origin, STOQ_CLOSE_TRANSPORT);
	assert_in_range(refused_certificate, 200, 2000);
	if (!strstr(rig.server.log, "a connection from 192.0.2.2:50000 was not made: "))
		fail_msg("%s", rig.server.log);
}

static void test_refused_for_a_limit(void **state)
{
	rig.server.config.callbacks.refused = on_refused;
	rig.server.config.max_connections = 1;
	start();
	refusals = 0;
	rig.server.accepted = 0;
	rig_connect(&rig);
	assert_true(rig_run_until(&rig, client_closed, 10 * RIG_S));
	expect_refusal("max_connections are open");
	assert_false(refusal.address_proven);
	assert_int_equal(refusal_close.code, 2);
	assert_int_equal(refused_certificate, 0);
}

static void test_refused_after_a_retry(void **state)
{
	rig.server.config.callbacks.refused = on_refused;
	rig.server.config.retry = STOQ_RETRY_ALWAYS;
	rig.server.config.max_connections = 1;
	start();
	refusals = 0;
	rig.server.accepted = 0;
	rig_connect(&rig);
	assert_true(rig_run_until(&rig, client_closed, 10 * RIG_S));
	expect_refusal("max_connections are open");
	assert_true(refusal.address_proven);
}

static bool refused(struct rig *any)
{
	return refusals > 0;
}

static void test_refused_for_silence(void **state)
{
	rig.server.config.callbacks.refused = on_refused;
	refusals = 0;
	rig_start(&rig);
	rig_connect(&rig);
	rig_run(&rig, 1);
	stoq_memory_set_link(rig.client.datapath, &(struct stoq_memory_link){.loss_ppm = 1000000});
	assert_true(rig_run_until(&rig, refused, 60 * RIG_S));
	expect_refusal("not over in time");
	assert_int_equal(refusal_close.origin, STOQ_CLOSE_HANDSHAKE_TIMEOUT);
}

/* ---- who the peer is ---- */

static void test_names_and_certificates(void **state)
{
	struct stoq_peer_name names[2];
	const uint8_t *der, *again;
	struct stoq_connection *connection;
	size_t size;

	rig_start(&rig);
	connection = rig_connect(&rig);
	assert_int_equal(stoq_connection_names(connection, names, 2), -ENOTCONN);
	rig_wait_connected(&rig);
	assert_int_equal(stoq_connection_names(rig.server.connection, names, 2), 1);
	assert_int_equal(names[0].kind, STOQ_NAME_DNS);
	assert_string_equal(names[0].text, "client.test");
	assert_int_equal(stoq_connection_names(rig.server.connection, NULL, 0), 1);
	assert_int_equal(stoq_connection_certificate(rig.server.connection, 0, &der, &size), 0);
	assert_int_equal(der[0], 0x30); /* a SEQUENCE */
	assert_int_equal(
		stoq_connection_certificate(rig.server.connection, 9, &again, &size), -ENOENT);
	rig_run(&rig, RIG_S);
	assert_int_equal(stoq_connection_certificate(rig.server.connection, 0, &again, &size), 0);
	assert_ptr_equal(der, again);
}

static void test_names_after_resumption(void **state)
{
	struct stoq_connect_config config;
	struct stoq_connection_info info;
	struct stoq_peer_name name;

	start();
	rig_run(&rig, RIG_S);
	config = rig_resume_config(&rig);
	rig.server.accepted = 0;
	rig_connect_as(&rig, &config);
	rig_wait_connected(&rig);
	stoq_connection_info(rig.server.connection, &info);
	assert_true(info.resumed);
	assert_int_equal(stoq_connection_names(rig.server.connection, &name, 1), 1);
	assert_string_equal(name.text, "client.test");
}

/* ---- credentials from memory ---- */

static struct stoq_pem pem_of(const char *path)
{
	static char texts[16][8192];
	static unsigned int next;
	char *text = texts[next++ % 16];
	FILE *file = fopen(path, "r");
	size_t size;

	assert_non_null(file);
	size = fread(text, 1, sizeof(texts[0]), file);
	fclose(file);
	return (struct stoq_pem){.data = text, .size = size};
}

static void use_memory(struct rig_side *side)
{
	struct stoq_tls_config *tls = &side->config.tls;

	tls->ca = pem_of(tls->ca_file);
	tls->certificate = pem_of(tls->certificate_file);
	tls->key = pem_of(tls->key_file);
	tls->ca_file = tls->certificate_file = tls->key_file = NULL;
}

static void test_credentials_from_memory(void **state)
{
	struct stoq_transport_config config;
	struct stoq_error error;

	use_memory(&rig.server);
	use_memory(&rig.client);
	start();
	/* Other text is taken, if it is good. */
	config = rig.server.config;
	config.tls.certificate = pem_of(rig_file("client.test/cert.pem"));
	assert_true(stoq_transport_update(rig.server.transport, &config, &error) < 0);
	assert_non_null(strstr(error.text, "the key is not the certificate's"));
	config.tls.key = pem_of(rig_file("client.test/key.pem"));
	assert_int_equal(stoq_transport_update(rig.server.transport, &config, &error), 0);
	assert_int_equal(stoq_transport_reload_certificates(rig.server.transport, &error), 0);
	rig_connect(&rig);
	assert_true(rig_run_until(&rig, client_closed, 10 * RIG_S));
	assert_non_null(strstr(rig.client.close.reason, "the peer is not server.test"));
	/* Those that were there go on. */
	assert_int_equal(rig_metrics(&rig.server).connections_open, 1);
}

static void expect_bad(const char *reason)
{
	struct stoq_transport *transport;
	struct stoq_error error;

	assert_int_equal(stoq_transport_create(&rig.client.config, &transport, &error), -EINVAL);
	if (!strstr(error.text, reason))
		fail_msg("%s", error.text);
}

static void test_credentials_from_two_places(void **state)
{
	const char *file = rig.client.config.tls.key_file;

	rig_start(&rig);
	use_memory(&rig.client);
	rig.client.config.tls.key_file = file;
	expect_bad("key is given twice, as a file and as text");
	rig.client.config.tls.key_file = NULL;
	rig.client.config.tls.key.size = 0;
	expect_bad("key is text of 0 bytes");
	rig.client.config.tls.key.data = NULL;
	expect_bad("only the certificate is given");
	rig.client.config.tls.key.size = 7;
	expect_bad("key is text of 7 bytes");
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
	start();
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
	start();
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
	start();
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
	start();
	rig_stop_side(&rig.server);
	assert_true(rig_run_until(&rig, client_closed, RIG_S));
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
	assert_true(rig_run_until(&rig, client_closed, RIG_S));
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
	start();
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
		with_rig(test_handles),
		with_rig(test_handles_that_cannot_be),
		with_rig(test_handle_in_closed),
		with_rig(test_alarms),
		with_rig(test_alarm_that_is_always_due),
		with_rig(test_alarms_that_cannot_be),
		with_rig(test_confirmed_on_both_sides),
		with_rig(test_what_is_known_in_closed),
		with_rig(test_refused_for_its_name),
		with_rig(test_refused_for_a_limit),
		with_rig(test_refused_after_a_retry),
		with_rig(test_refused_for_silence),
		with_rig(test_names_and_certificates),
		with_rig(test_names_after_resumption),
		with_rig(test_credentials_from_memory),
		with_rig(test_credentials_from_two_places),
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
