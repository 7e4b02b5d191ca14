// SPDX-License-Identifier: BSD-2-Clause
/* Clients that are authenticated and hostile, and use every means of QUIC to change paths. */
#include "datapath/address.h"
#include "tests/unit/nvme/sample_stream.h"
#include "tests/unit/transport/puppet.h"
#include "transport/connection.h"

static uint8_t data[16384];
static struct stoq_stream *stream;

static void start(uint64_t seed)
{
	uint8_t frames[64], *at = frames;

	puppet_start(seed);
	puppet_add_place("198.51.100.7:50000");
	puppet_add_place("192.0.2.2:50001");
	puppet_add_place("203.0.113.9:0");
	puppet_add_place("203.0.113.9:1024");
	assert_int_equal(
		stoq_stream_open(puppet.rig.server.connection, STOQ_UNIDIRECTIONAL, &stream), 0);
	at = puppet_credit(at, (int64_t)stoq_stream_id(stream));
	puppet_send(0, 0, frames, (size_t)(at - frames), 0);
	rig_run(&puppet.rig, 5 * RIG_MS);
}

static void pump(void)
{
	if (!puppet.rig.server.connection)
		return;
	while (stoq_stream_write(stream, data, sizeof(data), 0) > 0)
		;
}

static void finish(const char *what, uint32_t seed)
{
	uint64_t before;

	if (puppet.rig.server.closed)
		fail_msg("%s %u: closed: '%s'", what, seed, puppet.rig.server.close.reason);
	if (puppet.too_much)
		fail_msg("%s %u: %lu datagrams too much", what, seed, puppet.too_much);
	pump();
	puppet_behave(0, 20 * RIG_S);
	before = puppet.stream_bytes;
	for (int i = 0; i < 400; i++) {
		pump();
		puppet_behave(0, 5 * RIG_MS);
	}
	if (puppet.rig.server.closed)
		fail_msg("%s %u: closed at the end: '%s'", what, seed,
			puppet.rig.server.close.reason);
	if (puppet.stream_bytes < before + 100000)
		fail_msg("%s %u: silent: %lu bytes", what, seed, puppet.stream_bytes - before);
	if (puppet.too_much)
		fail_msg("%s %u: %lu datagrams too much at the end", what, seed, puppet.too_much);
	puppet_stop();
}

static void give_id(unsigned int place, uint64_t number, uint64_t prior)
{
	uint8_t frames[64], *at = puppet_new_id(frames, number, prior);

	at = puppet_ping(at);
	puppet_send(place, 0, frames, (size_t)(at - frames), 0);
	rig_run(&puppet.rig, 5 * RIG_MS);
}

/* An ID to be retired that comes again before its retirement is acknowledged: ngtcp2 would end the process. */
static void test_retired_twice(void **state)
{
	start(1);
	give_id(0, 5, 5);
	for (int i = 0; i < 4; i++)
		give_id(0, 3, 0);
	finish("retired twice", 1);
}

/* What comes from elsewhere while two paths share an ID is no credit for an address that is not validated. */
static void test_counted_elsewhere(void **state)
{
	uint8_t frames[1], garbage[1400] = {0};

	start(2);
	rig_run(&puppet.rig, RIG_S);
	puppet_ping(frames);
	puppet_send(1, 0, frames, 1, 0);
	rig_run(&puppet.rig, 5 * RIG_MS);
	assert_true(puppet.rig.server.connection->shared_id.shared);
	pump();
	for (int i = 0; i < 100; i++) {
		garbage[0] = 0xe0;
		garbage[4] = 1;
		garbage[5] = 16;
		memcpy(garbage + 6, puppet.theirs[0].bytes, 16);
		puppet_send_raw(0, garbage, sizeof(garbage));
		rig_run(&puppet.rig, 5 * RIG_MS);
		pump();
	}
	finish("elsewhere", 2);
}

/* ---- anything ---- */

static unsigned int usable(uint32_t *random)
{
	unsigned int first = sample_random(random) % puppet.their_count;

	for (unsigned int i = 0; i < puppet.their_count; i++)
		if (!puppet.theirs[(first + i) % puppet.their_count].retired)
			return (first + i) % puppet.their_count;
	return 0;
}

/* That are not seen to be retired: RFC 9000, 5.1.2. */
static unsigned int active(void)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < puppet.our_count; i++)
		count += !puppet.ours[i].retired;
	return count;
}

static uint8_t *new_id(uint8_t *at, uint32_t *random)
{
	uint64_t prior = puppet.retire_prior_to;

	if (sample_random(random) % 3 == 0 && puppet.next_number > 1)
		return puppet_new_id(at, 1 + sample_random(random) % (puppet.next_number - 1), 0);
	if (sample_random(random) % 3 == 0)
		prior += sample_random(random) % (puppet.next_number - prior + 1);
	if (active() >= 6 || puppet.next_number >= PUPPET_IDS - 2)
		return at;
	puppet.retire_prior_to = prior;
	return puppet_new_id(at, puppet.next_number++, prior);
}

static uint8_t *add_frame(uint8_t *at, unsigned int id, uint32_t *random)
{
	uint8_t bytes[8] = {0};
	unsigned int which;

	switch (sample_random(random) % 8) {
	case 0:
	case 1:
		return puppet_ping(at);
	case 2:
		return puppet_ack(at);
	case 3:
		bytes[0] = (uint8_t)sample_random(random);
		return puppet_path(at, false, bytes);
	case 4:
		if (!puppet.challenge_count)
			return at;
		which = puppet.challenge_count - 1 -
			sample_random(random) %
				(puppet.challenge_count < 4 ? puppet.challenge_count : 4);
		return puppet_path(at, true, puppet.challenges[which % PUPPET_CHALLENGES].data);
	case 5:
	case 6:
		return puppet_without_id ? at : new_id(at, random);
	default:
		which = usable(random);
		if (which == id || sample_random(random) % 2 || puppet.their_count > PUPPET_IDS - 8)
			return at;
		puppet.theirs[which].retired = true;
		return puppet_retire(at, puppet.theirs[which].number);
	}
}

static void act(uint32_t *random)
{
	const unsigned int place = sample_random(random) % puppet.place_count;
	const unsigned int id = usable(random);
	uint8_t frames[1024], *at = frames;

	switch (sample_random(random) % 12) {
	case 0:
		rig_run(&puppet.rig, (uint64_t)RIG_MS << sample_random(random) % 10);
		return;
	case 1:
		pump();
		return;
	case 2:
		puppet.unreachable[place] ^= true;
		return;
	case 3:
		/* A long header, which means nothing any more. */
		memset(frames, 0, 200);
		frames[0] = 0xe0;
		frames[4] = 1;
		frames[5] = STOQ_CID_BYTES;
		memcpy(frames + 6, puppet.theirs[id].bytes, STOQ_CID_BYTES);
		puppet_send_raw(place, frames, 200);
		return;
	default:
		for (unsigned int i = 1 + sample_random(random) % 4; i; i--)
			at = add_frame(at, id, random);
		if (at == frames)
			return;
		puppet_send(place, id, frames, (size_t)(at - frames),
			sample_random(random) % 2 ? 1200 : 0);
		rig_run(&puppet.rig, sample_random(random) % 3 ? 3 * RIG_MS : 1);
	}
}

/* With every limit of connection IDs that a client may have, and without any; nothing of that ends the connection. */
static void test_anything(void **state)
{
	const uint32_t seeds = getenv("STOQ_TEST_LONG") ? 1000 : 10;

	for (uint32_t seed = 1; seed <= seeds; seed++) {
		uint32_t random = seed * 2654435761u + 1;

		puppet_id_limit = seed % 8 ? seed % 8 + (seed % 8 == 1) : 0;
		puppet_without_id = seed % 10 == 0;
		start(seed);
		for (int i = 0; i < 150 && puppet.rig.server.connection; i++)
			act(&random);
		finish("seed", seed);
	}
	puppet_id_limit = 0;
	puppet_without_id = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counted_elsewhere),
		cmocka_unit_test(test_retired_twice),
		cmocka_unit_test(test_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
