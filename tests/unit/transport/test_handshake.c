// SPDX-License-Identifier: BSD-2-Clause
/*
 * TLS messages that may not come where they come: after the handshake, at another level, or longer
 * than they can be. Each closes the connection with the code that RFC 9001 names, and takes neither
 * the process nor its memory.
 */
#include <malloc.h>

#include "tests/unit/transport/hostile.h"
#include "tests/unit/transport/strangers.h"
#include "transport/connection.h"
#include "transport/frames.h"
#include "transport/varint.h"
#include "transport/worker.h"

#define UNEXPECTED_MESSAGE 0x10a
#define STRANGER	   "203.0.113.7:4000"
#define KIB		   1024

/* RFC 8446, B.3, and what others have defined, and what nobody has. */
static const uint8_t types[] = {
	0, 1, 2, 3, 4, 5, 6, 8, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 24, 25, 67, 203, 254, 255};

/* ---- after the handshake ---- */

static void start(struct rig *rig)
{
	rig_prepare(rig, 1);
	/* So that a server sends no ticket, and its CRYPTO data begin at 0. */
	rig->server.config.resumption = false;
	/* So that it may send at any time. */
	rig->server.config.pacing = false;
	hostile_reset(rig);
	rig_start(rig);
}

static void expect(struct rig *rig, bool from_server, uint64_t code)
{
	const struct rig_side *victim = from_server ? &rig->client : &rig->server;
	const struct rig_side *culprit = from_server ? &rig->server : &rig->client;

	rig_run(rig, 200 * RIG_MS);
	if (victim->close.origin != STOQ_CLOSE_TRANSPORT || victim->close.code != code)
		fail_msg("message %u: origin %d, code 0x%lx, '%s'; expected 0x%lx",
			hostile.frames[hostile.size > 4 ? 3 : 0], victim->close.origin,
			victim->close.code, victim->close.reason, code);
	assert_int_equal(culprit->close.origin, STOQ_CLOSE_PEER_TRANSPORT);
	assert_int_equal(culprit->close.code, code);
	rig_run(rig, 10 * RIG_S);
	rig_assert_idle(rig);
}

static void after_the_handshake(
	bool from_server, const uint8_t *message, size_t size, uint64_t code)
{
	uint8_t frame[600];
	struct rig rig;

	start(&rig);
	rig_connected(&rig);
	rig_run(&rig, 100 * RIG_MS);
	hostile_send(from_server, frame, hostile_crypto(frame, 0, message, size));
	expect(&rig, from_server, code);
	rig_stop(&rig);
}

static void test_no_message_after_the_handshake(void **state)
{
	for (size_t i = 0; i < sizeof(types); i++) {
		const uint8_t message[] = {types[i], 0, 0, 1, 0};

		after_the_handshake(false, message, sizeof(message), UNEXPECTED_MESSAGE);
		if (types[i] == 13) /* RFC 9001, 4.4 */
			after_the_handshake(
				true, message, sizeof(message), STOQ_PROTOCOL_VIOLATION);
		else if (types[i] != 4)
			after_the_handshake(true, message, sizeof(message), UNEXPECTED_MESSAGE);
	}
}

/* RFC 9001, 6: whatever it asks for, and however it comes. */
static void test_key_update(void **state)
{
	for (int server = 0; server <= 1; server++) {
		after_the_handshake(server, (const uint8_t *)"\x18\0\0\1\0", 5, UNEXPECTED_MESSAGE);
		after_the_handshake(server, (const uint8_t *)"\x18\0\0\1\1", 5, UNEXPECTED_MESSAGE);
		after_the_handshake(server, (const uint8_t *)"\x18\0\0\0", 4, UNEXPECTED_MESSAGE);
		after_the_handshake(
			server, (const uint8_t *)"\x18\xff\xff\xff", 4, UNEXPECTED_MESSAGE);
		after_the_handshake(server, (const uint8_t *)"\x18\0\0\1\0\x18\0\0\1\0", 10,
			UNEXPECTED_MESSAGE);
	}
}

/* The last bytes first, one by one, in packets of their own. */
static void test_key_update_in_pieces(void **state)
{
	static const uint8_t message[] = {24, 0, 0, 1, 0};
	uint8_t frame[16];
	struct rig rig;

	start(&rig);
	rig_connected(&rig);
	for (size_t i = sizeof(message); i-- > 0;) {
		assert_non_null(rig.server.connection);
		hostile_send(false, frame, hostile_crypto(frame, i, message + i, 1));
	}
	expect(&rig, false, UNEXPECTED_MESSAGE);
	rig_stop(&rig);
}

static size_t ticket(uint8_t *message, size_t ticket_bytes, const char *early_data)
{
	static const uint8_t extension[] = {0, 8, 0, 42, 0, 4};
	size_t body = 4 + 4 + 1 + 8 + 2 + ticket_bytes + 2 + 8;

	memset(message, 0x55, 4 + body);
	memcpy(message, (uint8_t[]){4, 0, (uint8_t)(body >> 8), (uint8_t)body}, 4);
	message[12] = 8;
	message[21] = (uint8_t)(ticket_bytes >> 8);
	message[22] = (uint8_t)ticket_bytes;
	memcpy(message + 23 + ticket_bytes, extension, sizeof(extension));
	memcpy(message + 29 + ticket_bytes, early_data, 4);
	return 4 + body;
}

static void test_tickets(void **state)
{
	uint8_t message[600];

	/* RFC 9001, 4.6.1. */
	after_the_handshake(
		true, message, ticket(message, 100, "\0\0\x40\0"), STOQ_PROTOCOL_VIOLATION);
	after_the_handshake(
		true, message, ticket(message, 100, "\xff\xff\xff\xfe"), STOQ_PROTOCOL_VIOLATION);
	/* Longer than one can be. */
	after_the_handshake(true, (const uint8_t *)"\x04\x01\0\0", 4, STOQ_CRYPTO_BUFFER_EXCEEDED);
	/* decode_error */
	after_the_handshake(true, (const uint8_t *)"\x04\0\0\1\0", 5, 0x132);
}

static void test_a_ticket_that_is_good(void **state)
{
	uint8_t message[600], frame[700];
	size_t size = ticket(message, 300, "\xff\xff\xff\xff");
	struct rig rig;

	start(&rig);
	rig_connected(&rig);
	hostile_send(true, frame, hostile_crypto(frame, 0, message, 100));
	assert_null(rig.client.session);
	hostile_send(true, frame, hostile_crypto(frame, 100, message + 100, size - 100));
	assert_non_null(rig.client.session);
	assert_int_equal(rig.client.closed, 0);
	rig_stop(&rig);
}

/* ---- in Handshake packets ---- */

static void at_handshake_level(bool from_server, const uint8_t *message, size_t size, uint64_t code)
{
	struct rig rig;

	start(&rig);
	hostile.from_server = from_server;
	hostile.packet = HOSTILE_HANDSHAKE;
	hostile.times = 1;
	hostile.size = hostile_crypto(hostile.frames, 0, message, size);
	rig_connect(&rig);
	rig_run(&rig, 200 * RIG_MS);
	/* To the application of a server it never was a connection. */
	assert_int_equal(rig.server.accepted, 0);
	assert_int_equal(rig.client.close.origin,
		from_server ? STOQ_CLOSE_TRANSPORT : STOQ_CLOSE_PEER_TRANSPORT);
	assert_int_equal(rig.client.close.code, code);
	rig_run(&rig, 10 * RIG_S);
	rig_assert_idle(&rig);
	rig_stop(&rig);
}

static bool is_expected(uint8_t type, bool from_server)
{
	return type == 11 || type == 15 || type == 20 || (from_server && (type == 8 || type == 13));
}

static void test_messages_of_another_level(void **state)
{
	for (size_t i = 0; i < sizeof(types); i++) {
		const uint8_t message[] = {types[i], 0, 0, 1, 0};

		if (!is_expected(types[i], false))
			at_handshake_level(false, message, sizeof(message), UNEXPECTED_MESSAGE);
		if (!is_expected(types[i], true))
			at_handshake_level(true, message, sizeof(message), UNEXPECTED_MESSAGE);
	}
}

static void test_a_certificate_that_is_too_long(void **state)
{
	for (int server = 0; server <= 1; server++) {
		at_handshake_level(
			server, (const uint8_t *)"\x0b\x01\0\0", 4, STOQ_CRYPTO_BUFFER_EXCEEDED);
		at_handshake_level(server, (const uint8_t *)"\x0b\xff\xff\xff", 4,
			STOQ_CRYPTO_BUFFER_EXCEEDED);
	}
}

/* ---- of a server, before the client's handshake is written ---- */

static struct stoq_connection *server_connection(struct rig *rig)
{
	struct stoq_worker *worker = rig->server.transport->workers[0];

	assert_false(stoq_list_empty(&worker->connections));
	return STOQ_LIST_ENTRY(worker->connections.next, struct stoq_connection, link);
}

/* A packet with a short header that a server may send as soon as it knows the client. */
static void send_early(struct rig *rig, const char *frames, size_t size)
{
	struct stoq_connection *connection = server_connection(rig);
	static const uint8_t data[800];
	const ngtcp2_vec piece = {.base = (uint8_t *)data, .len = sizeof(data)};
	uint8_t packet[1200];
	ngtcp2_path_storage path;
	ngtcp2_pkt_info info;
	ngtcp2_ssize accepted, written;
	int64_t id;

	hostile.from_server = true;
	hostile.packet = HOSTILE_ONE_RTT;
	hostile.times = 1;
	memcpy(hostile.frames, frames, size);
	hostile.size = size;
	ngtcp2_path_storage_zero(&path);
	assert_int_equal(ngtcp2_conn_open_uni_stream(connection->quic, &id, NULL), 0);
	written = ngtcp2_conn_writev_stream(connection->quic, &path.path, &info, packet,
		sizeof(packet), &accepted, NGTCP2_WRITE_STREAM_FLAG_NONE, id, &piece, 1,
		rig->now_ns);
	assert_true(written > 0);
	assert_int_equal(hostile.times, 0);
	rig_inject(rig, &rig->server.address, &rig->client.address, packet, (size_t)written);
}

/*
 * ngtcp2 asserts, when a client has written its end of the handshake, that the server's first
 * connection ID is in use; and it asserts that there are keys for the handshake.
 */
static void test_before_the_client_has_finished(void **state)
{
	static const char done[] = "\x1e";
	static const char retire[] = "\x18\x01\x01\x12"
				     "abcdefghijklmnopqr"
				     "0123456789abcdef";
	const struct {
		const char *frames;
		size_t size;
	} cases[] = {{done, 1}, {retire, sizeof(retire) - 1}};

	for (size_t i = 0; i < 2; i++) {
		struct rig rig;

		start(&rig);
		rig_connect(&rig);
		stoq_transport_process(rig.client.transport, 0, rig.now_ns);
		stoq_transport_process(rig.server.transport, 0, rig.now_ns);
		send_early(&rig, cases[i].frames, cases[i].size);
		send_early(&rig, cases[i].frames, cases[i].size);
		rig_wait_connected(&rig);
		rig_run(&rig, RIG_S);
		assert_int_equal(rig.client.closed, 0);
		rig_stop(&rig);
	}
}

/* ---- in Initial packets, of anybody ---- */

static void begin_strangers(void)
{
	stranger_setup(NULL);
	hostile_reset(&stranger_rig);
	stranger_rig.server.config.max_connections = 64;
	stranger_rig.server.config.retry = STOQ_RETRY_NEVER;
	stranger_start();
}

static void end_strangers(void)
{
	stranger_expect_service();
	stranger_teardown(NULL);
}

/* The last that the server sent, if it is an Initial packet with CONNECTION_CLOSE: its code. */
static uint64_t code_of_last(const struct quic_cid *key)
{
	struct quic_initial answer;
	const uint8_t *at, *end;
	uint64_t code;

	if (!quic_initial_open(
		    &answer, stranger_way.last.bytes, stranger_way.last.size, key, false))
		return UINT64_MAX;
	at = answer.payload;
	end = at + answer.payload_size;
	/* An ACK may come before it. */
	if (end - at > 5 && *at == 0x02)
		at += 5;
	if (at == end || *at++ != 0x1c || !stoq_varint_get(&at, end, &code))
		return UINT64_MAX;
	return code;
}

/* What an Initial packet is answered with whose CRYPTO data begin like that. */
static uint64_t answer_to(const uint8_t *message, size_t size)
{
	struct quic_initial hello = {.number = 0};
	uint8_t datagram[QUIC_INITIAL_BYTES];
	struct quic_cid key;

	hello.payload_size = hostile_crypto(hello.payload, 0, message, size);
	assert_int_equal(stranger_hello(datagram, &hello), sizeof(datagram));
	key = hello.destination;
	stranger_send(STRANGER, datagram, sizeof(datagram));
	rig_run(&stranger_rig, 10 * RIG_MS);
	return code_of_last(&key);
}

static void test_first_messages(void **state)
{
	uint8_t legacy[60] = {1, 0, 0, 56, 3, 3};

	begin_strangers();
	for (size_t i = 0; i < sizeof(types); i++) {
		const uint8_t message[] = {types[i], 0, 0, 1, 0};

		if (types[i] != 1)
			assert_int_equal(answer_to(message, sizeof(message)), UNEXPECTED_MESSAGE);
	}
	/* 16 MB are announced. */
	assert_int_equal(answer_to((const uint8_t *)"\1\xff\xff\xff", 4), 0x0d);
	assert_int_equal(answer_to((const uint8_t *)"\1\0\x40\0", 4), 0x0d);
	/* RFC 9001, 8.4. */
	legacy[38] = 1;
	assert_int_equal(answer_to(legacy, sizeof(legacy)), STOQ_PROTOCOL_VIOLATION);
	end_strangers();
}

/* RFC 9001, 4.1.3: nothing follows a ClientHello. */
static void test_data_behind_the_hello(void **state)
{
	struct quic_initial hello;
	uint8_t datagram[QUIC_INITIAL_BYTES], *at;
	const uint8_t *frame;
	uint64_t offset, size;
	struct quic_cid key;

	begin_strangers();
	stranger_take_hello(&hello);
	frame = hello.payload + 1;
	assert_int_equal(hello.payload[0], 0x06);
	assert_true(stoq_varint_get(&frame, hello.payload + hello.payload_size, &offset));
	assert_true(stoq_varint_get(&frame, hello.payload + hello.payload_size, &size));
	assert_int_equal(offset, 0);
	at = hello.payload + hello.payload_size;
	hello.payload_size += hostile_crypto(at, size, (const uint8_t *)"\x0b\0\0\1\0", 5);
	stranger_hello(datagram, &hello);
	key = hello.destination;
	stranger_send(STRANGER, datagram, sizeof(datagram));
	rig_run(&stranger_rig, 10 * RIG_MS);
	assert_int_equal(code_of_last(&key), STOQ_PROTOCOL_VIOLATION);
	assert_int_equal(rig_metrics(&stranger_rig.server).connections_handshaking, 0);
	end_strangers();
}

/* ---- memory ---- */

#define STRANGERS 32

static struct quic_initial half_open[STRANGERS];

static void send_initial(unsigned int who)
{
	struct quic_initial *packet = &half_open[who];
	uint8_t datagram[QUIC_INITIAL_BYTES];
	char from[32];

	snprintf(from, sizeof(from), "203.0.113.7:%u", 1000 + who);
	assert_int_equal(
		quic_initial_seal(datagram, packet, &packet->destination, true), sizeof(datagram));
	stranger_send(from, datagram, sizeof(datagram));
	packet->number++;
}

/* A message of 16,000 bytes begins, so that each of them is a connection. */
static void begin_half_open(void)
{
	for (unsigned int i = 0; i < STRANGERS; i++) {
		half_open[i] = (struct quic_initial){0};
		stranger_random_cid(&half_open[i].destination, 12);
		half_open[i].payload_size =
			hostile_crypto(half_open[i].payload, 0, (const uint8_t *)"\1\0\x3e\x80", 4);
		send_initial(i);
		rig_run(&stranger_rig, RIG_MS);
	}
	assert_int_equal(rig_metrics(&stranger_rig.server).connections_handshaking, STRANGERS);
}

static uint64_t heap_bytes(void)
{
	return mallinfo2().uordblks;
}

/* One byte of two, so that as many gaps as can be have to be remembered (ngtcp2 takes 1,000). */
static size_t gaps(uint8_t *payload, uint64_t *offset)
{
	uint8_t *at = payload;

	while (at - payload < 1050) {
		at += hostile_crypto(at, *offset, (const uint8_t *)"x", 1);
		*offset += 2;
	}
	return (size_t)(at - payload);
}

static void test_gaps_of_half_open_connections(void **state)
{
	uint64_t before, most = 0, used_before, used_most = 0;

	begin_strangers();
	before = heap_bytes();
	used_before = rig_metrics(&stranger_rig.server).memory_used_bytes;
	begin_half_open();
	for (uint64_t offset = 6; offset < 65000;) {
		uint64_t next = offset;

		for (unsigned int i = 0; i < STRANGERS; i++) {
			next = offset;
			half_open[i].payload_size = gaps(half_open[i].payload, &next);
			send_initial(i);
		}
		offset = next;
		rig_run(&stranger_rig, RIG_MS);
		if (heap_bytes() > most)
			most = heap_bytes();
		if (rig_metrics(&stranger_rig.server).memory_used_bytes > used_most)
			used_most = rig_metrics(&stranger_rig.server).memory_used_bytes;
	}
	/* 256 KiB each, and what one packet may add before it is looked at. */
	assert_in_range(most - before, 0, STRANGERS * (256 + 64) * (uint64_t)KIB);
	/* The account has them; minima are in there in any case. */
	assert_true(used_most - used_before >= (most - before) * 9 / 10);
	rig_run(&stranger_rig, 20 * RIG_S);
	end_strangers();
}

/* Message after message as long as they may be, none complete: what is kept is what was sent. */
static void test_long_messages_of_half_open_connections(void **state)
{
	uint8_t data[1000] = {0};
	uint64_t before;

	begin_strangers();
	before = heap_bytes();
	begin_half_open();
	for (uint64_t offset = 4; offset < 16000; offset += sizeof(data)) {
		for (unsigned int i = 0; i < STRANGERS; i++) {
			half_open[i].payload_size =
				hostile_crypto(half_open[i].payload, offset, data, sizeof(data));
			send_initial(i);
		}
		rig_run(&stranger_rig, RIG_MS);
	}
	assert_in_range(heap_bytes() - before, 0, STRANGERS * 256 * (uint64_t)KIB);
	rig_run(&stranger_rig, 20 * RIG_S);
	end_strangers();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_message_after_the_handshake),
		cmocka_unit_test(test_key_update),
		cmocka_unit_test(test_key_update_in_pieces),
		cmocka_unit_test(test_tickets),
		cmocka_unit_test(test_a_ticket_that_is_good),
		cmocka_unit_test(test_messages_of_another_level),
		cmocka_unit_test(test_a_certificate_that_is_too_long),
		cmocka_unit_test(test_before_the_client_has_finished),
		cmocka_unit_test(test_first_messages),
		cmocka_unit_test(test_data_behind_the_hello),
		cmocka_unit_test(test_gaps_of_half_open_connections),
		cmocka_unit_test(test_long_messages_of_half_open_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
