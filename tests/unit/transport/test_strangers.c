// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets of strangers, before anybody is authenticated: forged, replayed, spoofed, in masses. They
 * cost bounded memory and at most three times their bytes, and who is welcome still comes in.
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>

#include "tests/quic/initial.h"
#include "tests/unit/nvme/sample_stream.h"
#include "tests/unit/transport/rig.h"

#include "datapath/address.h"

#define CRYPTO_ERROR		0x100
#define NO_APPLICATION_PROTOCOL 120
#define STRANGER		"203.0.113.7:4000"
#define UNKNOWN_VERSION		0x1a2a3a4au

/* A datagram that was seen. */
struct seen {
	uint8_t bytes[2048];
	size_t size;
};

/* What goes through the filters. */
static struct {
	struct seen first; /* of the client */
	struct seen last;  /* of the server */
	uint64_t server_bytes, server_datagrams;
	struct stoq_address counted; /* only to this one; length 0: to all */
	bool hold_client;	     /* nothing of the client arrives */
	bool change_alpn;
} way;

static struct rig rig;
static uint32_t seed;

static void keep(struct seen *seen, const struct stoq_datagram *datagram)
{
	seen->size = datagram->size < sizeof(seen->bytes) ? datagram->size : sizeof(seen->bytes);
	memcpy(seen->bytes, datagram->data, seen->size);
}

/* Anybody on the way can do this to the first packets: TLS will find out, ALPN comes first. */
static void change_alpn(struct stoq_datagram *datagram)
{
	struct quic_initial initial;
	struct quic_cid unused, key;
	uint32_t version;
	size_t header;
	uint8_t *found;

	if (!quic_long_header(datagram->data, datagram->size, &version, &key, &unused, &header) ||
		!quic_initial_open(&initial, datagram->data, datagram->size, &key, true))
		return;
	found = memmem(initial.payload, initial.payload_size, "stoq/1", 6);
	if (!found)
		return;
	found[5] = '2';
	/* PADDING is added anew. */
	while (initial.payload_size && !initial.payload[initial.payload_size - 1])
		initial.payload_size--;
	assert_int_equal(quic_initial_seal(datagram->data, &initial, &key, true), datagram->size);
}

static bool see_client(void *context, struct stoq_datagram *datagram)
{
	if (!way.first.size)
		keep(&way.first, datagram);
	if (way.change_alpn)
		change_alpn(datagram);
	return !way.hold_client;
}

static bool see_server(void *context, struct stoq_datagram *datagram)
{
	if (way.counted.length && !stoq_address_equal(&way.counted, &datagram->remote))
		return true;
	keep(&way.last, datagram);
	way.server_bytes += datagram->size;
	way.server_datagrams++;
	return true;
}

static int setup(void **state)
{
	memset(&way, 0, sizeof(way));
	seed = 4711;
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
	stoq_memory_set_filter(rig.client.datapath, see_client, NULL);
	stoq_memory_set_filter(rig.server.datapath, see_server, NULL);
}

/* ---- sending as somebody ---- */

static struct stoq_address address_of(const char *text)
{
	struct stoq_address address;

	assert_int_equal(stoq_address_parse(&address, text, 0, NULL), 0);
	return address;
}

static void to_server(const char *from, const uint8_t *bytes, size_t size)
{
	const struct stoq_address address = address_of(from);

	rig_inject(&rig, &address, &rig.server.address, bytes, size);
}

static void random_bytes(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)sample_random(&seed);
}

static void random_cid(struct quic_cid *cid, size_t size)
{
	cid->size = size;
	random_bytes(cid->bytes, size);
}

/* What a client's first packet says, with its ClientHello; the client itself gives up. */
static void take_hello(struct quic_initial *hello)
{
	struct quic_cid key, unused;
	uint32_t version;
	size_t header;

	way.hold_client = true;
	stoq_connection_close(rig_connect(&rig), 0, NULL);
	rig_connect(&rig);
	rig_run(&rig, 10 * RIG_MS);
	assert_true(way.first.size >= QUIC_INITIAL_BYTES);
	assert_true(quic_long_header(
		way.first.bytes, way.first.size, &version, &key, &unused, &header));
	assert_true(quic_initial_open(hello, way.first.bytes, way.first.size, &key, true));
	while (hello->payload_size && !hello->payload[hello->payload_size - 1])
		hello->payload_size--;
	if (rig.client.connection)
		stoq_connection_close(rig.client.connection, 0, NULL);
	rig_run(&rig, RIG_S);
	way.hold_client = false;
}

/* The same ClientHello in a packet of a connection of its own. */
static size_t spoof(uint8_t datagram[static QUIC_INITIAL_BYTES], struct quic_initial *hello)
{
	random_cid(&hello->destination, 8 + sample_random(&seed) % 13);
	return quic_initial_seal(datagram, hello, &hello->destination, true);
}

static void spoof_from(const char *address, struct quic_initial *hello)
{
	uint8_t datagram[QUIC_INITIAL_BYTES];

	assert_int_equal(spoof(datagram, hello), sizeof(datagram));
	to_server(address, datagram, sizeof(datagram));
}

static void spoof_from_anywhere(struct quic_initial *hello)
{
	char text[64];

	snprintf(text, sizeof(text), "10.%u.%u.%u:%u", sample_random(&seed) % 256,
		sample_random(&seed) % 256, sample_random(&seed) % 256,
		1024 + sample_random(&seed) % 60000);
	spoof_from(text, hello);
}

static void expect_service(void)
{
	rig.client.connected = rig.server.accepted = 0;
	rig_connected(&rig);
	stoq_connection_close(rig.client.connection, 0, NULL);
	rig_run(&rig, 30 * RIG_S);
	rig_assert_idle(&rig);
}

/* ---- ALPN ---- */

static bool client_closed(struct rig *any)
{
	return any->client.closed > 0;
}

static void test_wrong_alpn(void **state)
{
	start();
	way.change_alpn = true;
	rig_connect(&rig);
	assert_true(rig_run_until(&rig, client_closed, 20 * RIG_S));
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_PEER_TRANSPORT);
	assert_int_equal(rig.client.close.code, CRYPTO_ERROR + NO_APPLICATION_PROTOCOL);
	assert_non_null(strstr(rig.client.close.reason, "application protocol"));
	assert_non_null(strstr(rig.server.log, "application protocol"));
	way.change_alpn = false;
	expect_service();
}

/* ---- TLS that is not QUIC's ---- */

/* ngtcp2 0.12 would end the process with an assertion. */
static void test_no_transport_parameters(void **state)
{
	static const uint8_t extension[] = {0x00, 0x39, 0x00};
	struct quic_initial hello;
	uint8_t *found;

	start();
	take_hello(&hello);
	found = memmem(hello.payload, hello.payload_size, extension, sizeof(extension));
	assert_non_null(found);
	found[1] = 0x38;
	for (int i = 0; i < 10; i++)
		spoof_from(STRANGER, &hello);
	rig_run(&rig, RIG_S);
	assert_non_null(strstr(rig.server.log, "no QUIC transport parameters"));
	assert_int_equal(rig_metrics(&rig.server).connections_handshaking, 0);
	expect_service();
}

/* ---- versions ---- */

static size_t unknown_version(uint8_t *packet, size_t size)
{
	struct quic_cid destination, source;

	random_cid(&destination, 8);
	random_cid(&source, 8);
	memset(packet, 0, size);
	quic_long_header_write(packet, 0xc0, UNKNOWN_VERSION, &destination, &source);
	return size;
}

static void test_unknown_version_is_answered(void **state)
{
	struct quic_cid destination, source;
	uint8_t packet[QUIC_INITIAL_BYTES];
	uint32_t version;
	size_t at;

	start();
	to_server(STRANGER, packet, unknown_version(packet, QUIC_INITIAL_BYTES));
	rig_run(&rig, RIG_S);
	assert_int_equal(way.server_datagrams, 1);
	assert_true(quic_long_header(
		way.last.bytes, way.last.size, &version, &destination, &source, &at));
	assert_int_equal(version, 0);
	assert_int_equal(way.last.size, at + 4);
	assert_memory_equal(way.last.bytes + at, "\0\0\0\1", 4);
	/* What is too short for a first packet might be a reflection. */
	to_server(STRANGER, packet, unknown_version(packet, QUIC_INITIAL_BYTES - 1));
	rig_run(&rig, RIG_S);
	assert_int_equal(way.server_datagrams, 1);
	assert_int_equal(rig_metrics(&rig.server).version_negotiations_sent, 1);
	expect_service();
}

/* What comes at once is answered up to a number, and so it is a second later. */
static void expect_answers(const uint8_t *packet, size_t size, unsigned int most)
{
	for (uint64_t second = 1; second <= 2; second++) {
		for (unsigned int i = 0; i < 2 * most; i++) {
			to_server(STRANGER, packet, size);
			rig_run(&rig, 1000);
		}
		assert_in_range(way.server_datagrams, second * most, second * most + most / 10);
		rig_run(&rig, 2 * RIG_S);
	}
}

static void test_negotiations_are_few(void **state)
{
	uint8_t packet[QUIC_INITIAL_BYTES];

	start();
	expect_answers(packet, unknown_version(packet, sizeof(packet)), 1000);
	assert_true(way.last.size < 100);
}

/* In the server's name, in answer to the client's first packet. */
static void inject_negotiation(uint32_t offered)
{
	uint8_t packet[128], *at = packet;
	struct quic_cid destination, source;
	uint32_t version;
	size_t header;

	assert_true(quic_long_header(
		way.first.bytes, way.first.size, &version, &destination, &source, &header));
	at += quic_long_header_write(packet, 0x80, 0, &source, &destination);
	for (int shift = 24; shift >= 0; shift -= 8)
		*at++ = (uint8_t)(offered >> shift);
	rig_inject(&rig, &rig.server.address, &rig.client.address, packet, (size_t)(at - packet));
}

static void test_negotiation_is_told(void **state)
{
	start();
	way.hold_client = true;
	rig_connect(&rig);
	rig_run(&rig, 10 * RIG_MS);
	/* One that offers what was asked for is forged (RFC 9000, 6.2). */
	inject_negotiation(1);
	rig_run(&rig, 10 * RIG_MS);
	assert_int_equal(rig.client.closed, 0);
	inject_negotiation(UNKNOWN_VERSION);
	assert_true(rig_run_until(&rig, client_closed, RIG_S));
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_VERSION);
	assert_true(rig.client.close.reason[0]);
}

static void test_late_negotiation_is_ignored(void **state)
{
	start();
	rig_connected(&rig);
	inject_negotiation(UNKNOWN_VERSION);
	rig_run(&rig, RIG_S);
	assert_int_equal(rig.client.closed, 0);
}

/* ---- replays ---- */

static void test_replayed_first_packet(void **state)
{
	start();
	rig_connected(&rig);
	for (int i = 0; i < 500; i++) {
		rig_inject(&rig, &rig.client.address, &rig.server.address, way.first.bytes,
			way.first.size);
		rig_run(&rig, 10 * RIG_MS);
	}
	assert_int_equal(rig.server.accepted, 1);
	assert_int_equal(rig.server.closed, 0);
	assert_int_equal(rig_metrics(&rig.server).connections_handshaking, 0);
	stoq_connection_close(rig.client.connection, 0, NULL);
	rig_run(&rig, 30 * RIG_S);
	/* Nobody remembers it any more: a connection that is never finished. */
	way.counted = address_of(STRANGER);
	way.server_bytes = 0;
	to_server(STRANGER, way.first.bytes, way.first.size);
	rig_run(&rig, 10 * RIG_MS);
	assert_int_equal(rig_metrics(&rig.server).connections_handshaking, 1);
	rig_run(&rig, 60 * RIG_S);
	assert_in_range(way.server_bytes, 1, 3 * way.first.size);
	assert_int_equal(rig.server.accepted, 1);
	way.counted.length = 0;
	expect_service();
}

/* ---- amplification ---- */

static void expect_amplification(size_t token_size)
{
	struct quic_initial hello;
	uint8_t datagram[QUIC_INITIAL_BYTES];

	rig.server.config.retry = STOQ_RETRY_NEVER;
	start();
	take_hello(&hello);
	random_bytes(hello.token, token_size);
	/* As if it were from NEW_TOKEN; a Retry's would be refused. */
	hello.token[0] = 0x36;
	hello.token_size = token_size;
	way.counted = address_of(STRANGER);
	way.server_bytes = 0;
	assert_int_equal(spoof(datagram, &hello), sizeof(datagram));
	to_server(STRANGER, datagram, sizeof(datagram));
	/* It would repeat its answer until it gives up. */
	rig_run(&rig, 60 * RIG_S);
	assert_in_range(way.server_bytes, sizeof(datagram), 3 * sizeof(datagram));
	rig_assert_idle(&rig);
}

static void test_amplification(void **state)
{
	expect_amplification(0);
}

/* A token that proves nothing lifts no limit. */
static void test_amplification_with_a_token(void **state)
{
	expect_amplification(64);
}

/* An answer that keeps no state is smaller than what it answers. */
static void test_retry_is_small(void **state)
{
	struct quic_initial hello;

	rig.server.config.retry = STOQ_RETRY_ALWAYS;
	start();
	take_hello(&hello);
	way.counted = address_of(STRANGER);
	way.server_bytes = 0;
	for (int i = 0; i < 100; i++)
		spoof_from(STRANGER, &hello);
	rig_run(&rig, RIG_S);
	assert_int_equal(way.server_datagrams, 100);
	assert_true(way.server_bytes < 100 * 300);
	assert_int_equal(rig_metrics(&rig.server).connections_handshaking, 0);
	assert_int_equal(rig_metrics(&rig.server).retries_sent, 100);
	expect_service();
}

/* ---- floods ---- */

/* More by hand: STOQ_SPOOFED_INITIALS=1000000. */
static unsigned long flood_size(void)
{
	const char *text = getenv("STOQ_SPOOFED_INITIALS");

	return text ? strtoul(text, NULL, 10) : 5000;
}

/* 0 where the allocator does not tell. */
static size_t memory_used(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void test_flood(void **state)
{
	const unsigned long count = flood_size();
	struct stoq_transport_metrics metrics;
	struct quic_initial hello;
	size_t before, used = 0;

	start();
	take_hello(&hello);
	before = memory_used();
	for (unsigned long i = 0; i < count; i++) {
		spoof_from_anywhere(&hello);
		rig_run(&rig, 20000);
		if (i == count / 2) {
			used = memory_used() - before;
			rig.client.connected = rig.server.accepted = 0;
			rig_connected(&rig);
		}
		assert_true(rig_metrics(&rig.server).connections_handshaking <=
			    rig.server.config.retry_half_open);
	}
	/* What the first ones fill is all that there will be. */
	if (before)
		assert_true(used < (32u << 20));
	if (before && count >= 5000)
		assert_true(memory_used() - before < used + (1u << 20));
	metrics = rig_metrics(&rig.server);
	assert_true(metrics.retries_sent > count / 2);
	assert_true(metrics.bytes_sent < 3 * metrics.bytes_received);
	assert_int_equal(rig.server.closed, 0);
	stoq_connection_close(rig.client.connection, 0, NULL);
	rig_run(&rig, 60 * RIG_S);
	rig_assert_idle(&rig);
	expect_service();
}

/* Without Retry the limit of half-open connections is what holds. */
static void test_flood_without_retry(void **state)
{
	struct quic_initial hello;

	rig.server.config.retry = STOQ_RETRY_NEVER;
	rig.server.config.max_half_open = 16;
	start();
	take_hello(&hello);
	for (int i = 0; i < 500; i++) {
		spoof_from_anywhere(&hello);
		rig_run(&rig, 20000);
		assert_true(rig_metrics(&rig.server).connections_handshaking <= 16);
	}
	assert_true(rig_metrics(&rig.server).connections_refused > 300);
	rig_run(&rig, 60 * RIG_S);
	rig_assert_idle(&rig);
	expect_service();
}

/* No packet at all, or one cut anywhere, or with one wrong bit. */
static void test_noise(void **state)
{
	struct quic_initial hello;
	uint8_t datagram[QUIC_INITIAL_BYTES];

	start();
	take_hello(&hello);
	for (size_t i = 0; i < 1000; i++) {
		size_t size = sizeof(datagram);

		spoof(datagram, &hello);
		if (i % 4 == 0)
			random_bytes(datagram, sizeof(datagram));
		else if (i % 4 == 1)
			size = 1 + sample_random(&seed) % sizeof(datagram);
		else
			datagram[sample_random(&seed) % (i % 4 == 2 ? 40 : sizeof(datagram))] ^=
				(uint8_t)(1u << sample_random(&seed) % 8);
		to_server(STRANGER, datagram, size);
		rig_run(&rig, 100000);
	}
	rig_run(&rig, 60 * RIG_S);
	rig_assert_idle(&rig);
	expect_service();
}

/* ---- Retry tokens ---- */

/* Has a Retry sent to an address, and answers it with the same ClientHello. */
static void take_retry(const char *address, struct quic_initial *answer)
{
	struct quic_cid unused;
	uint32_t version;
	size_t at;

	way.counted = address_of(address);
	way.last.size = 0;
	spoof_from(address, answer);
	rig_run(&rig, 10 * RIG_MS);
	assert_true(quic_long_header(
		way.last.bytes, way.last.size, &version, &unused, &answer->destination, &at));
	assert_int_equal(way.last.bytes[0] & 0xf0, 0xf0);
	answer->token_size = way.last.size - at - 16;
	memcpy(answer->token, way.last.bytes + at, answer->token_size);
}

static void send_answer(const char *address, const struct quic_initial *answer)
{
	uint8_t datagram[QUIC_INITIAL_BYTES];

	assert_int_equal(
		quic_initial_seal(datagram, answer, &answer->destination, true), sizeof(datagram));
	to_server(address, datagram, sizeof(datagram));
	rig_run(&rig, 10 * RIG_MS);
}

static uint64_t handshaking(void)
{
	return rig_metrics(&rig.server).connections_handshaking;
}

static void test_retry_tokens(void **state)
{
	struct quic_initial answer, forged;

	rig.server.config.retry = STOQ_RETRY_ALWAYS;
	start();
	take_hello(&answer);
	take_retry(STRANGER, &answer);
	/* Somebody else's, and one with a wrong bit, also in what says which kind it is. */
	send_answer("203.0.113.8:4000", &answer);
	send_answer("203.0.113.7:4001", &answer);
	assert_int_equal(handshaking(), 0);
	for (size_t i = 0; i < answer.token_size; i++) {
		forged = answer;
		forged.token[i] ^= (uint8_t)(1u << i % 8);
		send_answer(STRANGER, &forged);
		forged = answer;
		forged.token_size = i;
		send_answer(STRANGER, &forged);
	}
	assert_int_equal(handshaking(), 0);
	/* For another connection ID than the one that the Retry gave. */
	forged = answer;
	random_cid(&forged.destination, forged.destination.size);
	send_answer(STRANGER, &forged);
	assert_int_equal(handshaking(), 0);
	/* The right one, and its replay: one connection. */
	send_answer(STRANGER, &answer);
	send_answer(STRANGER, &answer);
	assert_int_equal(handshaking(), 1);
	rig_run(&rig, 60 * RIG_S);
	assert_int_equal(handshaking(), 0);
	/* By now it has expired. */
	send_answer(STRANGER, &answer);
	assert_int_equal(handshaking(), 0);
	expect_service();
}

/* ---- stateless resets ---- */

static void test_forged_resets(void **state)
{
	uint8_t packet[128];

	start();
	rig_connected(&rig);
	for (int i = 0; i < 1000; i++) {
		size_t size = 21 + sample_random(&seed) % 100;

		random_bytes(packet, size);
		packet[0] = (uint8_t)(0x40 | (packet[0] & 0x3f));
		rig_inject(&rig, &rig.server.address, &rig.client.address, packet, size);
		rig_inject(&rig, &rig.client.address, &rig.server.address, packet, size);
		rig_run(&rig, 100000);
	}
	assert_int_equal(rig.client.closed + rig.server.closed, 0);
	stoq_connection_close(rig.client.connection, 0, NULL);
	rig_run(&rig, 60 * RIG_S);
	expect_service();
}

/* Of two that have lost their memory none answers the other for ever. */
static void test_resets_are_few_and_smaller(void **state)
{
	uint8_t packet[128];

	start();
	random_bytes(packet, sizeof(packet));
	packet[0] = 0x40;
	for (size_t size = 1; size <= 41; size++)
		to_server(STRANGER, packet, size);
	rig_run(&rig, RIG_S);
	assert_int_equal(way.server_datagrams, 0);
	to_server(STRANGER, packet, 42);
	rig_run(&rig, 2 * RIG_S);
	assert_int_equal(way.server_datagrams, 1);
	assert_in_range(way.last.size, 21, 41);
	way.server_datagrams = 0;
	expect_answers(packet, sizeof(packet), 100);
}

/* ---- words ---- */

static bool server_closed(struct rig *any)
{
	return any->server.closed > 0;
}

static void test_reason_is_printable(void **state)
{
	start();
	rig_connected(&rig);
	stoq_connection_close(rig.client.connection, 7, "a\033[2J\r\nb\xff");
	assert_true(rig_run_until(&rig, server_closed, RIG_S));
	assert_string_equal(rig.server.close.reason, "a?[2J??b?");
}

#define with_rig(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_wrong_alpn),
		with_rig(test_no_transport_parameters),
		with_rig(test_unknown_version_is_answered),
		with_rig(test_negotiations_are_few),
		with_rig(test_negotiation_is_told),
		with_rig(test_late_negotiation_is_ignored),
		with_rig(test_replayed_first_packet),
		with_rig(test_amplification),
		with_rig(test_amplification_with_a_token),
		with_rig(test_retry_is_small),
		with_rig(test_flood),
		with_rig(test_flood_without_retry),
		with_rig(test_noise),
		with_rig(test_retry_tokens),
		with_rig(test_forged_resets),
		with_rig(test_resets_are_few_and_smaller),
		with_rig(test_reason_is_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
