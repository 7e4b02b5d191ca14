// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets of strangers, before anybody is authenticated: forged, replayed, spoofed, in masses. They
 * cost bounded memory and at most three times their bytes, and who is welcome still comes in.
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>

#include "datapath/address.h"
#include "tests/unit/nvme/sample_stream.h"
#include "tests/unit/transport/strangers.h"

#define CRYPTO_ERROR		0x100
#define NO_APPLICATION_PROTOCOL 120
#define STRANGER		"203.0.113.7:4000"
#define UNKNOWN_VERSION		0x1a2a3a4au

/* ---- ALPN ---- */

static void test_wrong_alpn(void **state)
{
	stranger_start();
	stranger_way.change_alpn = true;
	rig_connect(&stranger_rig);
	assert_true(rig_run_until(&stranger_rig, rig_client_closed, 20 * RIG_S));
	assert_int_equal(stranger_rig.client.close.origin, STOQ_CLOSE_PEER_TRANSPORT);
	assert_int_equal(stranger_rig.client.close.code, CRYPTO_ERROR + NO_APPLICATION_PROTOCOL);
	assert_non_null(strstr(stranger_rig.client.close.reason, "application protocol"));
	assert_non_null(strstr(stranger_rig.server.log, "application protocol"));
	stranger_way.change_alpn = false;
	stranger_expect_service();
}

/* ---- TLS that is not QUIC's ---- */

/* ngtcp2 0.12 would end the process with an assertion. */
static void test_no_transport_parameters(void **state)
{
	static const uint8_t extension[] = {0x00, 0x39, 0x00};
	struct quic_initial hello;
	uint8_t *found;

	stranger_start();
	stranger_take_hello(&hello);
	found = memmem(hello.payload, hello.payload_size, extension, sizeof(extension));
	assert_non_null(found);
	found[1] = 0x38;
	for (int i = 0; i < 10; i++)
		stranger_hello_from(STRANGER, &hello);
	rig_run(&stranger_rig, RIG_S);
	assert_non_null(strstr(stranger_rig.server.log, "no QUIC transport parameters"));
	assert_int_equal(rig_metrics(&stranger_rig.server).connections_handshaking, 0);
	stranger_expect_service();
}

/* ---- replays ---- */

static void test_replayed_first_packet(void **state)
{
	stranger_start();
	rig_connected(&stranger_rig);
	for (int i = 0; i < 500; i++) {
		rig_inject(&stranger_rig, &stranger_rig.client.address,
			&stranger_rig.server.address, stranger_way.first.bytes,
			stranger_way.first.size);
		rig_run(&stranger_rig, 10 * RIG_MS);
	}
	assert_int_equal(stranger_rig.server.accepted, 1);
	assert_int_equal(stranger_rig.server.closed, 0);
	assert_int_equal(rig_metrics(&stranger_rig.server).connections_handshaking, 0);
	stoq_connection_close(stranger_rig.client.connection, 0, NULL);
	rig_run(&stranger_rig, 30 * RIG_S);
	/* Nobody remembers it any more: a connection that is never finished. */
	stranger_way.counted = stranger_address(STRANGER);
	stranger_way.server_bytes = 0;
	stranger_send(STRANGER, stranger_way.first.bytes, stranger_way.first.size);
	rig_run(&stranger_rig, 10 * RIG_MS);
	assert_int_equal(rig_metrics(&stranger_rig.server).connections_handshaking, 1);
	rig_run(&stranger_rig, 60 * RIG_S);
	assert_in_range(stranger_way.server_bytes, 1, 3 * stranger_way.first.size);
	assert_int_equal(stranger_rig.server.accepted, 1);
	stranger_way.counted.length = 0;
	stranger_expect_service();
}

/* ---- amplification ---- */

static void expect_amplification(size_t token_size)
{
	struct quic_initial hello;
	uint8_t datagram[QUIC_INITIAL_BYTES];

	stranger_rig.server.config.retry = STOQ_RETRY_NEVER;
	stranger_start();
	stranger_take_hello(&hello);
	stranger_random_bytes(hello.token, token_size);
	/* As if it were from NEW_TOKEN; a Retry's would be refused. */
	hello.token[0] = 0x36;
	hello.token_size = token_size;
	stranger_way.counted = stranger_address(STRANGER);
	stranger_way.server_bytes = 0;
	assert_int_equal(stranger_hello(datagram, &hello), sizeof(datagram));
	stranger_send(STRANGER, datagram, sizeof(datagram));
	/* It would repeat its answer until it gives up. */
	rig_run(&stranger_rig, 60 * RIG_S);
	assert_in_range(stranger_way.server_bytes, sizeof(datagram), 3 * sizeof(datagram));
	rig_assert_idle(&stranger_rig);
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

	stranger_rig.server.config.retry = STOQ_RETRY_ALWAYS;
	stranger_start();
	stranger_take_hello(&hello);
	stranger_way.counted = stranger_address(STRANGER);
	stranger_way.server_bytes = 0;
	for (int i = 0; i < 100; i++)
		stranger_hello_from(STRANGER, &hello);
	rig_run(&stranger_rig, RIG_S);
	assert_int_equal(stranger_way.server_datagrams, 100);
	assert_true(stranger_way.server_bytes < 100 * 300);
	assert_int_equal(rig_metrics(&stranger_rig.server).connections_handshaking, 0);
	assert_int_equal(rig_metrics(&stranger_rig.server).retries_sent, 100);
	stranger_expect_service();
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

	stranger_start();
	stranger_take_hello(&hello);
	before = memory_used();
	for (unsigned long i = 0; i < count; i++) {
		stranger_hello_from_anywhere(&hello);
		rig_run(&stranger_rig, 20000);
		if (i == count / 2) {
			used = memory_used() - before;
			stranger_rig.client.connected = stranger_rig.server.accepted = 0;
			rig_connected(&stranger_rig);
		}
		assert_true(rig_metrics(&stranger_rig.server).connections_handshaking <=
			    stranger_rig.server.config.retry_half_open);
	}
	/* What the first ones fill is all that there will be. */
	if (before)
		assert_true(used < (32u << 20));
	if (before && count >= 5000)
		assert_true(memory_used() - before < used + (1u << 20));
	metrics = rig_metrics(&stranger_rig.server);
	assert_true(metrics.retries_sent > count / 2);
	assert_true(metrics.bytes_sent < 3 * metrics.bytes_received);
	assert_int_equal(stranger_rig.server.closed, 0);
	stoq_connection_close(stranger_rig.client.connection, 0, NULL);
	rig_run(&stranger_rig, 60 * RIG_S);
	rig_assert_idle(&stranger_rig);
	stranger_expect_service();
}

/* Without Retry the limit of half-open connections is what holds. */
static void test_flood_without_retry(void **state)
{
	struct quic_initial hello;

	stranger_rig.server.config.retry = STOQ_RETRY_NEVER;
	stranger_rig.server.config.max_half_open = 16;
	stranger_start();
	stranger_take_hello(&hello);
	for (int i = 0; i < 500; i++) {
		stranger_hello_from_anywhere(&hello);
		rig_run(&stranger_rig, 20000);
		assert_true(rig_metrics(&stranger_rig.server).connections_handshaking <= 16);
	}
	assert_true(rig_metrics(&stranger_rig.server).connections_refused > 300);
	rig_run(&stranger_rig, 60 * RIG_S);
	rig_assert_idle(&stranger_rig);
	stranger_expect_service();
}

/* No packet at all, or one cut anywhere, or with one wrong bit. */
static void test_noise(void **state)
{
	struct quic_initial hello;
	uint8_t datagram[QUIC_INITIAL_BYTES];

	stranger_start();
	stranger_take_hello(&hello);
	for (size_t i = 0; i < 1000; i++) {
		size_t size = sizeof(datagram);

		stranger_hello(datagram, &hello);
		if (i % 4 == 0)
			stranger_random_bytes(datagram, sizeof(datagram));
		else if (i % 4 == 1)
			size = 1 + sample_random(&stranger_seed) % sizeof(datagram);
		else
			datagram[sample_random(&stranger_seed) %
				 (i % 4 == 2 ? 40 : sizeof(datagram))] ^=
				(uint8_t)(1u << sample_random(&stranger_seed) % 8);
		stranger_send(STRANGER, datagram, size);
		rig_run(&stranger_rig, 100000);
	}
	rig_run(&stranger_rig, 60 * RIG_S);
	rig_assert_idle(&stranger_rig);
	stranger_expect_service();
}

/* ---- Retry tokens ---- */

/* Has a Retry sent to an address, and answers it with the same ClientHello. */
static void take_retry(const char *address, struct quic_initial *answer)
{
	struct quic_cid unused;
	uint32_t version;
	size_t at;

	stranger_way.counted = stranger_address(address);
	stranger_way.last.size = 0;
	stranger_hello_from(address, answer);
	rig_run(&stranger_rig, 10 * RIG_MS);
	assert_true(quic_long_header(stranger_way.last.bytes, stranger_way.last.size, &version,
		&unused, &answer->destination, &at));
	assert_int_equal(stranger_way.last.bytes[0] & 0xf0, 0xf0);
	answer->token_size = stranger_way.last.size - at - 16;
	memcpy(answer->token, stranger_way.last.bytes + at, answer->token_size);
}

static void send_answer(const char *address, const struct quic_initial *answer)
{
	uint8_t datagram[QUIC_INITIAL_BYTES];

	assert_int_equal(
		quic_initial_seal(datagram, answer, &answer->destination, true), sizeof(datagram));
	stranger_send(address, datagram, sizeof(datagram));
	rig_run(&stranger_rig, 10 * RIG_MS);
}

static uint64_t handshaking(void)
{
	return rig_metrics(&stranger_rig.server).connections_handshaking;
}

static void test_retry_tokens(void **state)
{
	struct quic_initial answer, forged;

	stranger_rig.server.config.retry = STOQ_RETRY_ALWAYS;
	stranger_start();
	stranger_take_hello(&answer);
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
	stranger_random_cid(&forged.destination, forged.destination.size);
	send_answer(STRANGER, &forged);
	assert_int_equal(handshaking(), 0);
	/* The right one, and its replay: one connection. */
	send_answer(STRANGER, &answer);
	send_answer(STRANGER, &answer);
	assert_int_equal(handshaking(), 1);
	rig_run(&stranger_rig, 60 * RIG_S);
	assert_int_equal(handshaking(), 0);
	/* By now it has expired. */
	send_answer(STRANGER, &answer);
	assert_int_equal(handshaking(), 0);
	stranger_expect_service();
}

/* ---- words ---- */

static void test_reason_is_printable(void **state)
{
	stranger_start();
	rig_connected(&stranger_rig);
	stoq_connection_close(stranger_rig.client.connection, 7, "a\033[2J\r\nb\xff");
	assert_true(rig_run_until(&stranger_rig, rig_server_closed, RIG_S));
	assert_string_equal(stranger_rig.server.close.reason, "a?[2J??b?");
}

#define with_rig(test) cmocka_unit_test_setup_teardown(test, stranger_setup, stranger_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_wrong_alpn),
		with_rig(test_no_transport_parameters),
		with_rig(test_replayed_first_packet),
		with_rig(test_amplification),
		with_rig(test_amplification_with_a_token),
		with_rig(test_retry_is_small),
		with_rig(test_flood),
		with_rig(test_flood_without_retry),
		with_rig(test_noise),
		with_rig(test_retry_tokens),
		with_rig(test_reason_is_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
