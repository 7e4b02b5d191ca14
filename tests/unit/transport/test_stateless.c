// SPDX-License-Identifier: BSD-2-Clause
/* Answers that need no connection: version negotiation and stateless resets. They are few and small, and forged ones do nothing. */

#include "datapath/address.h"
#include "tests/unit/nvme/sample_stream.h"
#include "tests/unit/transport/strangers.h"

#define STRANGER	"203.0.113.7:4000"
#define UNKNOWN_VERSION 0x1a2a3a4au

/* ---- versions ---- */

static size_t unknown_version(uint8_t *packet, size_t size)
{
	struct quic_cid destination, source;

	stranger_random_cid(&destination, 8);
	stranger_random_cid(&source, 8);
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

	stranger_start();
	stranger_send(STRANGER, packet, unknown_version(packet, QUIC_INITIAL_BYTES));
	rig_run(&stranger_rig, RIG_S);
	assert_int_equal(stranger_way.server_datagrams, 1);
	assert_true(quic_long_header(stranger_way.last.bytes, stranger_way.last.size, &version,
		&destination, &source, &at));
	assert_int_equal(version, 0);
	assert_int_equal(stranger_way.last.size, at + 4);
	assert_memory_equal(stranger_way.last.bytes + at, "\0\0\0\1", 4);
	/* What is too short for a first packet might be a reflection. */
	stranger_send(STRANGER, packet, unknown_version(packet, QUIC_INITIAL_BYTES - 1));
	rig_run(&stranger_rig, RIG_S);
	assert_int_equal(stranger_way.server_datagrams, 1);
	assert_int_equal(rig_metrics(&stranger_rig.server).version_negotiations_sent, 1);
	stranger_expect_service();
}

/* What comes at once is answered up to a number, and so it is a second later. */
static void expect_answers(const uint8_t *packet, size_t size, unsigned int most)
{
	for (uint64_t second = 1; second <= 2; second++) {
		for (unsigned int i = 0; i < 2 * most; i++) {
			stranger_send(STRANGER, packet, size);
			rig_run(&stranger_rig, 1000);
		}
		assert_in_range(
			stranger_way.server_datagrams, second * most, second * most + most / 10);
		rig_run(&stranger_rig, 2 * RIG_S);
	}
}

static void test_negotiations_are_few(void **state)
{
	uint8_t packet[QUIC_INITIAL_BYTES];

	stranger_start();
	expect_answers(packet, unknown_version(packet, sizeof(packet)), 1000);
	assert_true(stranger_way.last.size < 100);
}

/* In the server's name, in answer to the client's first packet. */
static void inject_negotiation(uint32_t offered)
{
	uint8_t packet[128], *at = packet;
	struct quic_cid destination, source;
	uint32_t version;
	size_t header;

	assert_true(quic_long_header(stranger_way.first.bytes, stranger_way.first.size, &version,
		&destination, &source, &header));
	at += quic_long_header_write(packet, 0x80, 0, &source, &destination);
	for (int shift = 24; shift >= 0; shift -= 8)
		*at++ = (uint8_t)(offered >> shift);
	rig_inject(&stranger_rig, &stranger_rig.server.address, &stranger_rig.client.address,
		packet, (size_t)(at - packet));
}

static void test_negotiation_is_told(void **state)
{
	stranger_start();
	stranger_way.hold_client = true;
	rig_connect(&stranger_rig);
	rig_run(&stranger_rig, 10 * RIG_MS);
	/* One that offers what was asked for is forged (RFC 9000, 6.2). */
	inject_negotiation(1);
	rig_run(&stranger_rig, 10 * RIG_MS);
	assert_int_equal(stranger_rig.client.closed, 0);
	inject_negotiation(UNKNOWN_VERSION);
	assert_true(rig_run_until(&stranger_rig, rig_client_closed, RIG_S));
	assert_int_equal(stranger_rig.client.close.origin, STOQ_CLOSE_VERSION);
	assert_true(stranger_rig.client.close.reason[0]);
}

static void test_late_negotiation_is_ignored(void **state)
{
	stranger_start();
	rig_connected(&stranger_rig);
	inject_negotiation(UNKNOWN_VERSION);
	rig_run(&stranger_rig, RIG_S);
	assert_int_equal(stranger_rig.client.closed, 0);
}

/* ---- stateless resets ---- */

static void test_forged_resets(void **state)
{
	uint8_t packet[128];

	stranger_start();
	rig_connected(&stranger_rig);
	for (int i = 0; i < 1000; i++) {
		size_t size = 21 + sample_random(&stranger_seed) % 100;

		stranger_random_bytes(packet, size);
		packet[0] = (uint8_t)(0x40 | (packet[0] & 0x3f));
		rig_inject(&stranger_rig, &stranger_rig.server.address,
			&stranger_rig.client.address, packet, size);
		rig_inject(&stranger_rig, &stranger_rig.client.address,
			&stranger_rig.server.address, packet, size);
		rig_run(&stranger_rig, 100000);
	}
	assert_int_equal(stranger_rig.client.closed + stranger_rig.server.closed, 0);
	stoq_connection_close(stranger_rig.client.connection, 0, NULL);
	rig_run(&stranger_rig, 60 * RIG_S);
	stranger_expect_service();
}

/*
 * Each is shorter than what it answers (RFC 9000, section 10.3.3): two that have lost their memory
 * are done with each other after a few. What is too short to be shortened gets no answer.
 */
static void test_resets_are_few_and_smaller(void **state)
{
	uint8_t packet[128];

	stranger_start();
	stranger_random_bytes(packet, sizeof(packet));
	packet[0] = 0x40;
	for (size_t size = 1; size <= 21; size++)
		stranger_send(STRANGER, packet, size);
	rig_run(&stranger_rig, RIG_S);
	assert_int_equal(stranger_way.server_datagrams, 0);
	for (size_t size = 22; size <= 60; size++) {
		stranger_way.server_datagrams = 0;
		stranger_send(STRANGER, packet, size);
		rig_run(&stranger_rig, 2 * RIG_S);
		assert_int_equal(stranger_way.server_datagrams, 1);
		assert_int_equal(stranger_way.last.size, size > 41 ? 41 : size - 1);
	}
	stranger_way.server_datagrams = 0;
	expect_answers(packet, sizeof(packet), 100);
}

/* Among good datagrams of a super-packet the filter cannot drop a bad one; it takes the first byte. */
static void test_spoiled_packets_get_no_answer(void **state)
{
	uint8_t packet[128];
	uint64_t dropped;

	stranger_start();
	stranger_random_bytes(packet, sizeof(packet));
	packet[0] = 0;
	dropped = rig_metrics(&stranger_rig.server).packets_dropped;
	for (size_t size = 1; size <= sizeof(packet); size++)
		stranger_send(STRANGER, packet, size);
	rig_run(&stranger_rig, 2 * RIG_S);
	assert_int_equal(stranger_way.server_datagrams, 0);
	assert_int_equal(
		rig_metrics(&stranger_rig.server).packets_dropped, dropped + sizeof(packet));
	stranger_expect_service();
}

#define with_rig(test) cmocka_unit_test_setup_teardown(test, stranger_setup, stranger_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_unknown_version_is_answered),
		with_rig(test_negotiations_are_few),
		with_rig(test_negotiation_is_told),
		with_rig(test_late_negotiation_is_ignored),
		with_rig(test_forged_resets),
		with_rig(test_resets_are_few_and_smaller),
		with_rig(test_spoiled_packets_get_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
