// SPDX-License-Identifier: BSD-2-Clause
/*
 * Servers that are authenticated and hostile: frames in any order and by the thousand. The client lives, what it takes is bounded and
 * counted, and what ends the connection has the code that RFC 9000 names.
 */
#include <malloc.h>

#include "datapath/address.h"
#include "tests/unit/nvme/sample_stream.h"
#include "tests/unit/transport/puppet_server.h"
#include "transport/connection.h"
#include "transport/frames.h"
#include "transport/resume.h"
#include "transport/varint.h"

#define KIB	   1024
#define ROUNDS	   1000
#define STREAMS	   8
#define ACTIVE_IDS 6 /* of the seven that the client allows */

static struct rig *const rig = &puppet_server.rig;

static uint8_t *put(uint8_t *at, uint64_t value)
{
	stoq_varint_put(&at, value);
	return at;
}

static uint8_t *number_frame(uint8_t *at, uint8_t type, uint64_t value)
{
	*at++ = type;
	return put(at, value);
}

static uint8_t *path_frame(uint8_t *at, uint8_t type, uint64_t data)
{
	*at++ = type;
	memcpy(at, &data, sizeof(data));
	return at + sizeof(data);
}

static uint8_t *token_frame(uint8_t *at, size_t size)
{
	at = number_frame(at, 0x07, size);
	memset(at, 7, size);
	return at + size;
}

static void give(const uint8_t *frames, const uint8_t *end)
{
	puppet_server_send(puppet_server_usable_id(), frames, (size_t)(end - frames));
}

/* ---- anything that is allowed, in any order ---- */

static uint64_t next_number, prior;
static struct stoq_stream *streams[STREAMS];
static unsigned int stream_count;

static uint8_t *new_id(uint8_t *at, uint32_t *random)
{
	if (sample_random(random) % 3 == 0 && next_number > 1)
		return puppet_server_new_id(at, 1 + sample_random(random) % (next_number - 1), 0);
	if (next_number - puppet_server.retirements > ACTIVE_IDS)
		return at;
	if (sample_random(random) % 3 == 0)
		prior += sample_random(random) % (next_number - prior + 1);
	return puppet_server_new_id(at, next_number++, prior);
}

static uint8_t *retire(uint8_t *at, uint32_t *random)
{
	unsigned int which = sample_random(random) % puppet_server.their_count;

	if (which == puppet_server_usable_id())
		return at;
	puppet_server.theirs[which].retired = true;
	return number_frame(at, 0x19, puppet_server.theirs[which].number);
}

static uint8_t *answer(uint8_t *at, uint32_t *random)
{
	const unsigned int count = puppet_server.challenge_count;
	unsigned int back = sample_random(random) % 4;

	if (back >= count)
		return at;
	*at++ = 0x1b;
	memcpy(at, puppet_server.challenges[(count - 1 - back) % PUPPET_SERVER_CHALLENGES], 8);
	return at + 8;
}

static uint8_t *stream_frame(uint8_t *at, uint32_t *random)
{
	at = number_frame(at, 0x0a, 4 * (sample_random(random) % 40) + 1);
	*at++ = 5;
	memcpy(at, "hello", 5);
	return at + 5;
}

static uint8_t *credit(uint8_t *at, uint32_t *random)
{
	/* Less than there is changes nothing: RFC 9000, 4.1. */
	static const uint64_t values[] = {0, 1, 1000, 1 << 20, 1ull << 40, (1ull << 62) - 1};
	uint64_t value = values[sample_random(random) % 6];

	if (sample_random(random) % 2 || !stream_count)
		return number_frame(at, 0x10, value);
	at = number_frame(at, 0x11, 4ull * (sample_random(random) % stream_count));
	return put(at, value);
}

static uint8_t *add_frame(uint8_t *at, uint32_t *random)
{
	switch (sample_random(random) % 12) {
	case 0:
		return puppet_server_ack(at);
	case 1:
		return path_frame(at, 0x1a, sample_random(random));
	case 2:
		return answer(at, random);
	case 3:
	case 4:
		return new_id(at, random);
	case 5:
		return retire(at, random);
	case 6:
		*at++ = 0x1e;
		return at;
	case 7:
		return token_frame(at, 1 + sample_random(random) % 600);
	case 8:
		return credit(at, random);
	case 9:
		return number_frame(at, (uint8_t)(0x12 + sample_random(random) % 2),
			sample_random(random) % 2 ? 1ull << 60 : sample_random(random) % 300);
	case 10:
		return stream_frame(at, random);
	default:
		*at++ = 0x01;
		return at;
	}
}

static void act(const struct stoq_address homes[2], uint32_t *random)
{
	const struct stoq_address *to = &homes[sample_random(random) % 2];
	uint8_t frames[3000], *at = frames;

	switch (sample_random(random) % 12) {
	case 0:
		rig_run(rig, (uint64_t)RIG_MS << sample_random(random) % 10);
		return;
	case 1:
		if (stream_count < STREAMS && !stoq_stream_open(rig->client.connection,
						      STOQ_BIDIRECTIONAL, &streams[stream_count]))
			stream_count++;
		return;
	case 2:
		(void)stoq_connection_migrate(rig->client.connection, &to->sa, to->length);
		return;
	case 3:
		(void)stoq_connection_move(rig->client.connection, &to->sa, to->length);
		return;
	case 4:
		puppet_server.deaf = !puppet_server.deaf;
		return;
	default:
		for (unsigned int i = 1 + sample_random(random) % 4; i; i--)
			at = add_frame(at, random);
		if (at != frames)
			give(frames, at);
		rig_run(rig, sample_random(random) % 3 ? 3 * RIG_MS : 1);
	}
}

/* The client has something to send, and it arrives. */
static void expect_alive(uint32_t seed)
{
	struct stoq_stream *stream;
	uint64_t before;

	puppet_server.deaf = false;
	assert_int_equal(stoq_stream_open(rig->client.connection, STOQ_UNIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, "alive", 5, STOQ_FINISH), 5);
	before = puppet_server.stream_frames;
	for (int i = 0; i < 1000 && rig->client.connection; i++) {
		uint8_t frames[600], *at = puppet_server_ack(frames);

		*at++ = 0x01;
		give(frames, at);
		rig_run(rig, 10 * RIG_MS);
		if (puppet_server.stream_frames > before)
			return;
	}
	fail_msg("seed %u: nothing arrives, '%s'", seed, rig->client.close.reason);
}

static void test_anything(void **state)
{
	const uint32_t seeds = getenv("STOQ_TEST_LONG") ? 2000 : 10;
	struct stoq_address homes[2];

	assert_int_equal(stoq_address_parse(&homes[1], "198.51.100.7:50000", 0, NULL), 0);
	for (uint32_t seed = 1; seed <= seeds; seed++) {
		uint32_t random = seed * 2654435761u + 1;

		puppet_server_prepare(seed);
		homes[0] = rig->client.address;
		puppet_server_start();
		assert_int_equal(stoq_memory_add_address(rig->client.datapath, &homes[1]), 0);
		next_number = 1;
		prior = stream_count = 0;
		for (int i = 0; i < 400 && rig->client.connection; i++)
			act(homes, &random);
		if (rig->client.closed)
			fail_msg("seed %u: '%s'", seed, rig->client.close.reason);
		expect_alive(seed);
		puppet_server_stop();
	}
}

/* ---- by the thousand ---- */

static uint64_t crypto_offset;

/* RFC 8446, 4.6.1; a part of it after the other, as CRYPTO data. */
static uint8_t *ticket(uint8_t *at, size_t ticket_bytes, size_t part)
{
	static uint8_t message[66000];
	static size_t sent, size;
	size_t body = 4 + 4 + 1 + 8 + 2 + ticket_bytes + 2;

	if (!crypto_offset || sent == size) {
		memset(message, 0x55, sizeof(message));
		memcpy(message, (uint8_t[]){4, 0, (uint8_t)(body >> 8), (uint8_t)body}, 4);
		message[12] = 8;
		message[21] = (uint8_t)(ticket_bytes >> 8);
		message[22] = (uint8_t)ticket_bytes;
		memset(message + 23 + ticket_bytes, 0, 2);
		sent = 0;
		size = 4 + body;
	}
	if (part > size - sent)
		part = size - sent;
	at = number_frame(at, 0x06, crypto_offset);
	at = put(at, part);
	memcpy(at, message + sent, part);
	sent += part;
	crypto_offset += part;
	return at + part;
}

static uint8_t *challenges(uint8_t *at, uint32_t i)
{
	for (uint32_t j = 0; j < 100; j++)
		at = path_frame(at, 0x1a, (uint64_t)i << 32 | j);
	return at;
}

static uint8_t *responses(uint8_t *at, uint32_t i)
{
	for (uint32_t j = 0; j < 100; j++)
		at = path_frame(at, 0x1b, (uint64_t)i << 32 | j);
	return at;
}

static uint8_t *long_tokens(uint8_t *at, uint32_t i)
{
	return token_frame(at, i % 2 ? 1200 : STOQ_SESSION_TOKEN_MAX + 1);
}

static uint8_t *dones(uint8_t *at, uint32_t i)
{
	memset(at, 0x1e, 1000);
	return at + 1000;
}

static uint8_t *all_credit(uint8_t *at, uint32_t i)
{
	for (int j = 0; j < 100; j++)
		at = number_frame(at, j % 2 ? 0x10 : 0x12, 1ull << 60);
	return at;
}

static uint8_t *retire_all(uint8_t *at, uint32_t i)
{
	const unsigned int used = puppet_server_usable_id();

	for (unsigned int j = 0; j < puppet_server.their_count; j++) {
		if (j == used || puppet_server.theirs[j].retired)
			continue;
		puppet_server.theirs[j].retired = true;
		at = number_frame(at, 0x19, puppet_server.theirs[j].number);
	}
	*at++ = 0x01;
	return at;
}

static uint8_t *ids_that_retire(uint8_t *at, uint32_t i)
{
	return puppet_server_new_id(at, i + 1, i + 1);
}

static uint8_t *short_tickets(uint8_t *at, uint32_t i)
{
	for (int j = 0; j < 10; j++)
		at = ticket(at, 60, SIZE_MAX);
	return at;
}

static uint8_t *longest_tickets(uint8_t *at, uint32_t i)
{
	return ticket(at, 65400, 1100);
}

static uint8_t *blocked(uint8_t *at, uint32_t i)
{
	for (uint32_t j = 0; j < 100; j++)
		at = number_frame(at, j % 2 ? 0x14 : 0x16, j);
	return at;
}

struct flood {
	const char *name;
	uint8_t *(*frames)(uint8_t *at, uint32_t i);
	uint64_t heap_kib;	  /* at most, above what a connection takes anyway */
	uint64_t packets_for_one; /* that the client sends for each */
};

static const struct flood floods[] = {
	{"PATH_CHALLENGE", challenges, 32, 6},
	{"PATH_RESPONSE", responses, 32, 2},
	{"NEW_TOKEN", long_tokens, 32, 2},
	{"HANDSHAKE_DONE", dones, 32, 2},
	{"credit", all_credit, 32, 2},
	{"RETIRE_CONNECTION_ID", retire_all, 32, 3},
	{"Retire Prior To", ids_that_retire, 32, 3},
	{"short tickets", short_tickets, 32, 2},
	/* One that GnuTLS keeps, and one that is on its way. */
	{"the longest tickets", longest_tickets, 160, 2},
	{"..._BLOCKED", blocked, 32, 2},
};

static uint64_t own_kib(void)
{
	return rig->client.connection ? rig->client.connection->account.own_bytes / KIB : 0;
}

static void expect_bounded(const struct flood *flood)
{
	uint64_t heap, own;

	puppet_server_prepare(1);
	/* So that the CRYPTO data begin at 0. */
	rig->server.config.resumption = false;
	puppet_server_start();
	crypto_offset = 0;
	heap = mallinfo2().uordblks / KIB;
	own = own_kib();
	for (uint32_t i = 0; i < ROUNDS && rig->client.connection; i++) {
		uint8_t frames[3000], *at = flood->frames(frames, i);
		uint64_t heap_more, own_more;

		give(frames, puppet_server_ack(at));
		rig_run(rig, RIG_MS);
		heap_more = mallinfo2().uordblks / KIB - heap;
		own_more = own_kib() - own;
		/* Where the allocator reports nothing, both are 0. */
		if ((int64_t)heap_more > (int64_t)flood->heap_kib ||
			(int64_t)heap_more > (int64_t)own_more + 16)
			fail_msg("%s: %ld KiB, of which %ld are counted", flood->name,
				(long)heap_more, (long)own_more);
	}
	if (rig->client.closed)
		fail_msg("%s: '%s'", flood->name, rig->client.close.reason);
	assert_in_range(puppet_server.packets, 1, ROUNDS * flood->packets_for_one);
	expect_alive(0);
	puppet_server_stop();
}

static void test_floods(void **state)
{
	for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++)
		expect_bounded(&floods[i]);
}

/* ---- what is of no use later ---- */

/* A token that leaves the ClientHello no room, and a session that would be refused as damaged. */
static void test_sessions_that_can_be_used(void **state)
{
	struct stoq_session session;
	uint8_t frames[3000];

	puppet_server_prepare(1);
	rig->server.config.resumption = false;
	puppet_server_start();
	crypto_offset = 0;
	give(frames, token_frame(frames, 1100));
	rig_run(rig, 10 * RIG_MS);
	give(frames, ticket(frames, 60, SIZE_MAX));
	rig_run(rig, 10 * RIG_MS);
	assert_int_equal(
		stoq_session_parse(&session, rig->client.session, rig->client.session_size), 0);
	/* That of the server's honest time. */
	assert_true(session.token_size && session.token_size <= STOQ_SESSION_TOKEN_MAX);
	for (int i = 0; i < 200; i++) {
		give(frames, puppet_server_ack(ticket(frames, 65400, 1100)));
		rig_run(rig, RIG_MS);
	}
	assert_int_equal(rig->client.closed, 0);
	assert_int_equal(
		stoq_session_parse(&session, rig->client.session, rig->client.session_size), 0);
	puppet_server_stop();
}

/* ---- gaps ---- */

static uint8_t *one_byte(uint8_t *at, bool crypto, uint64_t offset)
{
	at = crypto ? number_frame(at, 0x06, offset) : put(number_frame(at, 0x0e, 1), offset);
	*at++ = 1;
	*at++ = 0;
	return at;
}

/* One byte of two, until ngtcp2 keeps track of no more. */
static void expect_too_many_gaps(bool crypto, uint64_t code, const char *reason)
{
	puppet_server_prepare(1);
	puppet_server_start();
	for (uint64_t i = 0; i < 12000 && rig->client.connection; i++) {
		uint8_t frames[3000];

		give(frames, puppet_server_ack(one_byte(frames, crypto, 2000 + 2 * i)));
		rig_run(rig, RIG_MS);
	}
	rig_run(rig, 10 * RIG_MS);
	assert_int_equal(rig->client.closed, 1);
	assert_int_equal(
		rig->client.close.origin, crypto ? STOQ_CLOSE_TRANSPORT : STOQ_CLOSE_LOCAL);
	assert_int_equal(rig->client.close.code, code);
	assert_non_null(strstr(rig->client.close.reason, reason));
	puppet_server_stop();
}

static void test_gaps(void **state)
{
	expect_too_many_gaps(true, STOQ_CRYPTO_BUFFER_EXCEEDED, "too many gaps");
	expect_too_many_gaps(false, NGTCP2_INTERNAL_ERROR, "more gaps than");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anything),
		cmocka_unit_test(test_floods),
		cmocka_unit_test(test_sessions_that_can_be_used),
		cmocka_unit_test(test_gaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
