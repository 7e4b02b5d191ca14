// SPDX-License-Identifier: BSD-2-Clause
/*
 * Clients whose address changes, to and fro and faster than it can be validated, by a NAT or of
 * their own will, while data flow in both directions. What is sent goes on arriving. With
 * STOQ_TEST_LONG set, for hours of the clock that counts here.
 */
#include <stdio.h>

#include "datapath/address.h"
#include "tests/unit/nvme/sample_stream.h"
#include "tests/unit/transport/rig.h"
#include "transport/connection.h"
#include "transport/paths.h"

#define ADDRESSES 4
#define CHUNK	  65536

static const char *const places[ADDRESSES] = {
	"192.0.2.2:50000", "198.51.100.7:50000", "192.0.2.2:50001", "203.0.113.9:1024"};

static struct stoq_address address(unsigned int i)
{
	struct stoq_address result;

	assert_int_equal(stoq_address_parse(&result, places[i], 0, NULL), 0);
	return result;
}

/* ---- both sides send as fast as they may ---- */

static uint8_t data[CHUNK];

struct sender {
	struct stoq_stream *stream;
	uint64_t sent;
};

static struct sender from_client, from_server;

static void pump(struct sender *sender)
{
	ssize_t written;

	while (sender->stream) {
		rig_fill(data, sizeof(data), sender->sent);
		written = stoq_stream_write(sender->stream, data, sizeof(data), 0);
		if (written <= 0)
			return;
		sender->sent += (uint64_t)written;
	}
}

static void start(struct rig *rig, uint64_t round_trip_ns, uint64_t seed)
{
	rig_prepare(rig, seed);
	rig->client.config.max_udp_payload_bytes = rig->server.config.max_udp_payload_bytes = 1452;
	/* What is under way is what is lost, again and again. */
	rig->client.config.max_window_bytes = rig->server.config.max_window_bytes = 4u << 20;
	rig->client.config.send_buffer_bytes = rig->server.config.send_buffer_bytes = 256u << 10;
	rig->client.config.max_stream_window_bytes = 2u << 20;
	rig->server.config.max_stream_window_bytes = 2u << 20;
	rig_start(rig);
	rig_set_link(rig, &(struct stoq_memory_link){.delay_ns = round_trip_ns / 2,
				  .bytes_per_second = 1000000,
				  .queue_bytes = 6000});
	rig_connected(rig);
	from_client = from_server = (struct sender){0};
	assert_int_equal(
		stoq_stream_open(rig->client.connection, STOQ_UNIDIRECTIONAL, &from_client.stream),
		0);
	assert_int_equal(
		stoq_stream_open(rig->server.connection, STOQ_UNIDIRECTIONAL, &from_server.stream),
		0);
}

static void run(struct rig *rig, uint64_t duration_ns)
{
	const uint64_t end_ns = rig->now_ns + duration_ns;

	while (rig->now_ns < end_ns) {
		uint64_t left_ns = end_ns - rig->now_ns;

		if (rig->client.connection)
			pump(&from_client);
		if (rig->server.connection)
			pump(&from_server);
		rig_run(rig, left_ns < 5 * RIG_MS ? left_ns : 5 * RIG_MS);
	}
}

static bool all_arrived(struct rig *rig)
{
	return rig->client.received == from_server.sent && rig->server.received == from_client.sent;
}

static uint64_t hash_of(uint64_t bytes)
{
	uint64_t hash = 0;

	for (uint64_t at = 0; at < bytes; at += sizeof(data)) {
		uint64_t part = bytes - at < sizeof(data) ? bytes - at : sizeof(data);

		rig_fill(data, part, at);
		hash = rig_hash(hash, data, part);
	}
	return hash;
}

/* The connection lives, and everything has arrived as it was sent. */
static void finish(struct rig *rig)
{
	if (!rig_run_until(rig, all_arrived, 60 * RIG_S))
		fail_msg("client: %lu of %lu, '%s'; server: %lu of %lu, '%s'", rig->client.received,
			from_server.sent, rig->client.close.reason, rig->server.received,
			from_client.sent, rig->server.close.reason);
	assert_int_equal(rig->client.closed + rig->server.closed, 0);
	assert_true(rig->client.hash == hash_of(from_server.sent));
	assert_true(rig->server.hash == hash_of(from_client.sent));
	stoq_connection_close(rig->client.connection, 0, NULL);
	rig_run(rig, 30 * RIG_S);
	rig_assert_idle(rig);
	rig_stop(rig);
}

/* ---- a NAT ---- */

static void go(struct rig *rig, unsigned int place)
{
	const struct stoq_address outside = address(place);

	stoq_memory_set_outside(rig->client.datapath, place ? &outside : NULL);
}

struct changes {
	uint64_t least_ns, most_ns; /* between two */
	uint64_t round_trip_ns;
	unsigned int places;
	uint64_t duration_ns;
};

static void change_to_and_fro(const struct changes *changes, uint64_t seed, uint64_t factor)
{
	uint64_t before, stood = 0, steps = 0;
	uint32_t random = (uint32_t)seed;
	struct rig rig;

	start(&rig, changes->round_trip_ns, seed);
	for (uint64_t end_ns = rig.now_ns + factor * changes->duration_ns; rig.now_ns < end_ns;
		steps++) {
		before = rig.client.received;
		go(&rig, changes->places == 2 ? (unsigned int)(steps & 1)
					      : sample_random(&random) % changes->places);
		run(&rig, changes->least_ns + sample_random(&random) %
						      (changes->most_ns - changes->least_ns + 1));
		stood += rig.client.received == before;
		if (rig.client.closed || rig.server.closed)
			break;
	}
	/* Where there is time for a validation, hardly an interval passes without data. */
	if (changes->least_ns > 10 * changes->round_trip_ns && stood > steps / 10 + 1)
		fail_msg("%lu of %lu intervals of %lu ms without data", stood, steps,
			changes->least_ns / RIG_MS);
	finish(&rig);
}

static void test_to_and_fro(void **state)
{
	static const struct changes cases[] = {
		{50 * RIG_MS, 300 * RIG_MS, 2 * RIG_MS, 2, 5 * RIG_S},
		{50 * RIG_MS, 50 * RIG_MS, 2 * RIG_MS, 2, 5 * RIG_S},
		{300 * RIG_MS, 300 * RIG_MS, 20 * RIG_MS, 2, 5 * RIG_S},
		{50 * RIG_MS, 300 * RIG_MS, 2 * RIG_MS, ADDRESSES, 5 * RIG_S},
		{500 * RIG_MS, 5 * RIG_S, 50 * RIG_MS, ADDRESSES, 15 * RIG_S},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		change_to_and_fro(&cases[i], 100 + i, getenv("STOQ_TEST_LONG") ? 60 : 1);
}

/* No address answers before it is left. When it is over, everything goes on. */
static void test_faster_than_validation(void **state)
{
	static const struct changes cases[] = {
		{5 * RIG_MS, 20 * RIG_MS, 50 * RIG_MS, 2, 5 * RIG_S},
		{1 * RIG_MS, 100 * RIG_MS, 50 * RIG_MS, 2, 5 * RIG_S},
		{1 * RIG_MS, 100 * RIG_MS, 50 * RIG_MS, ADDRESSES, 5 * RIG_S},
		{1 * RIG_MS, 4 * RIG_MS, 2 * RIG_MS, 2, 2 * RIG_S},
		{RIG_MS / 10, 3 * RIG_MS, 2 * RIG_MS, ADDRESSES, 2 * RIG_S},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		/* Again and again, not for long: whether anything reaches the client within the idle timeout is chance. */
		for (unsigned int run = 0; run < (getenv("STOQ_TEST_LONG") ? 60 : 1); run++)
			change_to_and_fro(&cases[i], 200 + i + 10 * run, 1);
}

/* With loss on top. */
static void test_on_a_bad_link(void **state)
{
	struct rig rig;
	uint32_t random = 5;

	start(&rig, 4 * RIG_MS, 300);
	rig_set_link(&rig, &(struct stoq_memory_link){.delay_ns = 2 * RIG_MS,
				   .jitter_ns = RIG_MS,
				   .loss_ppm = 20000,
				   .bytes_per_second = 1000000,
				   .queue_bytes = 6000});
	for (unsigned int i = 0; i < 40; i++) {
		go(&rig, i % 2);
		run(&rig, 50 * RIG_MS + sample_random(&random) % (250 * RIG_MS));
	}
	finish(&rig);
}

/* ---- of the client's own will ---- */

static void test_client_migrates_to_and_fro(void **state)
{
	static const uint64_t intervals_ns[] = {50 * RIG_MS, 100 * RIG_MS, 300 * RIG_MS};

	for (size_t i = 0; i < 3; i++) {
		const struct stoq_address other = address(1);
		unsigned int moved = 0, refused = 0;
		struct rig rig;

		start(&rig, 2 * RIG_MS, 400 + i);
		assert_int_equal(stoq_memory_add_address(rig.client.datapath, &other), 0);
		for (unsigned int step = 0; step < 60; step++) {
			const struct stoq_address to = address(step % 2 ? 0 : 1);
			int status =
				stoq_connection_migrate(rig.client.connection, &to.sa, to.length);

			if (status == 0)
				moved++;
			else
				refused++;
			/* -EALREADY: the step before was refused. */
			assert_true(status == 0 || status == -EAGAIN || status == -EALREADY);
			run(&rig, intervals_ns[i]);
			assert_int_equal(rig.client.closed + rig.server.closed, 0);
		}
		/* A step that was refused leaves the client where the next one leads. */
		if (moved < 20)
			fail_msg("%u moves, %u refused", moved, refused);
		finish(&rig);
	}
}

/*
 * A NAT gives the client another address, and soon after that the client migrates: what ngtcp2 retires of the connection IDs of both
 * places may be retired once only (it ends the process else), and counts no more (it ends the connection else).
 */
static void test_migrates_soon_after_a_nat(void **state)
{
	static const uint64_t pauses_ns[] = {RIG_MS, 3 * RIG_MS, 20 * RIG_MS, 100 * RIG_MS, RIG_S};

	for (size_t i = 0; i < sizeof(pauses_ns) / sizeof(pauses_ns[0]); i++) {
		const struct stoq_address other = address(1), home = address(0);
		struct rig rig;

		start(&rig, 2 * RIG_MS, 450 + i);
		assert_int_equal(stoq_memory_add_address(rig.client.datapath, &other), 0);
		run(&rig, RIG_S);
		for (unsigned int turn = 0; turn < 6; turn++) {
			const struct stoq_address *to = turn % 2 ? &home : &other;

			/* The address that was left does not answer any more. */
			go(&rig, turn % 2 ? 3 : 2);
			run(&rig, pauses_ns[i]);
			go(&rig, 0);
			assert_int_equal(
				stoq_connection_move(rig.client.connection, &to->sa, to->length),
				0);
			run(&rig, pauses_ns[i]);
			assert_int_equal(rig.client.closed + rig.server.closed, 0);
			run(&rig, 300 * RIG_MS);
			assert_int_equal(rig.client.closed + rig.server.closed, 0);
		}
		/* And then, each path has an ID of its own again. */
		rig_run(&rig, 20 * RIG_S);
		run(&rig, 100 * RIG_MS);
		assert_false(rig.server.connection->shared_id.shared);
		finish(&rig);
	}
}

/* ---- a path that fails in one direction ---- */

/* What a side loses of what it sends to or from the client's first place. */
static struct stoq_address failing;

static bool not_from_there(void *context, struct stoq_batch *datagram)
{
	return !stoq_address_equal(&datagram->local, &failing);
}

static bool not_to_there(void *context, struct stoq_batch *datagram)
{
	return !stoq_address_equal(&datagram->remote, &failing);
}

/* While both sides have as much under way as they may. */
static void leave_a_failing_path(bool to_client, uint64_t seed)
{
	const struct stoq_address other = address(1);
	struct stoq_connection_info info;
	uint64_t received;
	struct rig rig;

	start(&rig, 2 * RIG_MS, seed);
	failing = address(0);
	assert_int_equal(stoq_memory_add_address(rig.client.datapath, &other), 0);
	run(&rig, RIG_S);
	stoq_memory_set_filter(to_client ? rig.server.datapath : rig.client.datapath,
		to_client ? not_to_there : not_from_there, NULL);
	run(&rig, 200 * RIG_MS);
	assert_int_equal(stoq_connection_move(rig.client.connection, &other.sa, other.length), 0);
	stoq_connection_info(rig.client.connection, &info);
	assert_memory_equal(&info.local, &other.sa, other.length);
	received = rig.client.received + rig.server.received;
	run(&rig, 50 * RIG_MS);
	assert_true(rig.client.received + rig.server.received > received);
	run(&rig, RIG_S);
	assert_int_equal(rig_metrics(&rig.client).migrations, 1);
	assert_int_equal(rig_metrics(&rig.server).migrations, 1);
	finish(&rig);
}

static void test_leaves_a_path_that_fails_one_way(void **state)
{
	for (unsigned int i = 0; i < 4; i++) {
		leave_a_failing_path(true, 500 + i);
		leave_a_failing_path(false, 600 + i);
	}
}

static void do_anything(unsigned int seed)
{
	const struct stoq_address homes[2] = {address(0), address(1)};
	uint32_t random = seed;
	struct rig rig;

	start(&rig, 2 * RIG_MS, 800 + seed);
	assert_int_equal(stoq_memory_add_address(rig.client.datapath, &homes[1]), 0);
	for (unsigned int step = 0; step < 60; step++) {
		const struct stoq_address *to = &homes[sample_random(&random) % 2];
		unsigned int place = sample_random(&random) % ADDRESSES;

		switch (sample_random(&random) % 6) {
		case 0:
			stoq_connection_migrate(rig.client.connection, &to->sa, to->length);
			break;
		case 1:
			stoq_connection_move(rig.client.connection, &to->sa, to->length);
			break;
		case 2:
			go(&rig, place);
			break;
		case 3:
			go(&rig, 0);
			break;
		default:
			failing = address(place);
			stoq_memory_set_filter(rig.server.datapath,
				sample_random(&random) % 2 ? not_to_there : NULL, NULL);
			stoq_memory_set_filter(rig.client.datapath,
				sample_random(&random) % 3 ? NULL : not_from_there, NULL);
		}
		run(&rig, (uint64_t)RIG_MS << sample_random(&random) % 9);
		if (rig.client.closed || rig.server.closed)
			fail_msg("seed %u, step %u: client '%s', server '%s'", seed, step,
				rig.client.close.reason, rig.server.close.reason);
	}
	go(&rig, 0);
	stoq_memory_set_filter(rig.server.datapath, NULL, NULL);
	stoq_memory_set_filter(rig.client.datapath, NULL, NULL);
	/* A server finds a client behind a NAT when the client has something to send. */
	run(&rig, RIG_S);
	finish(&rig);
}

/* Whatever NAT, client and paths do in whatever order, the connection goes on when they have done it. */
static void test_anything_in_any_order(void **state)
{
	/*
	 * A challenge of full size was not answered while two paths shared an ID. The client waited for the credit of a server that waited for a
	 * packet. What was in flight lost its timer before the path was validated.
	 */
	static const unsigned int found[] = {5089, 20128, 5096, 752};
	const unsigned int seeds = getenv("STOQ_TEST_LONG") ? 300 : 8;

	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++)
		do_anything(found[i]);
	for (unsigned int seed = 1; seed <= seeds; seed++)
		do_anything(seed);
}

/* A move to where nobody answers is no end: the next one works. */
static void test_moves_on_from_a_dead_path(void **state)
{
	const struct stoq_address other = address(1), home = address(0);
	struct rig rig;

	start(&rig, 2 * RIG_MS, 700);
	failing = other;
	assert_int_equal(stoq_memory_add_address(rig.client.datapath, &other), 0);
	stoq_memory_set_filter(rig.client.datapath, not_from_there, NULL);
	for (unsigned int i = 0; i < 6; i++) {
		/* Long enough for new connection IDs. */
		run(&rig, 3 * RIG_S);
		assert_int_equal(
			stoq_connection_move(rig.client.connection, &other.sa, other.length), 0);
		run(&rig, (i % 4 + 1) * 500 * RIG_MS);
		assert_int_equal(
			stoq_connection_move(rig.client.connection, &home.sa, home.length), 0);
	}
	finish(&rig);
}

/* ---- names ---- */

static void name(struct stoq_paths *paths, unsigned int place, struct stoq_address named[2])
{
	const struct stoq_address local = address(3), remote = address(place);

	assert_true(stoq_paths_name(paths, &local, &remote, 0, &named[0], &named[1]));
	assert_true(stoq_address_equal(&named[0], &local));
}

static uint32_t number_in(const struct stoq_address *named_remote, unsigned int place)
{
	const struct stoq_address remote = address(place);

	return ntohl(named_remote->in.sin_addr.s_addr ^ remote.in.sin_addr.s_addr) << 16 |
	       stoq_address_port(named_remote);
}

static bool same_name(const struct stoq_address a[2], const struct stoq_address b[2])
{
	return stoq_address_equal(&a[0], &b[0]) && stoq_address_equal(&a[1], &b[1]);
}

static void test_who_comes_back_has_another_name(void **state)
{
	const struct stoq_address local = address(3), first = address(0);
	struct stoq_address a[2], b[2], again[2], found[2];
	struct stoq_paths paths;

	stoq_paths_init(&paths, &local, &first);
	name(&paths, 0, a);
	name(&paths, 1, b);
	assert_false(same_name(a, b));
	/* Before anything has changed, both keep their names. */
	name(&paths, 0, again);
	assert_true(same_name(a, again));
	stoq_paths_settle(&paths, &b[0], &b[1]);
	name(&paths, 0, again);
	assert_false(same_name(a, again));
	/* Both mean the same. */
	assert_true(stoq_paths_find(&paths, &a[0], &a[1], &found[0], &found[1]));
	assert_true(stoq_address_equal(&found[1], &first));
	assert_true(stoq_paths_find(&paths, &again[0], &again[1], &found[0], &found[1]));
	assert_true(stoq_address_equal(&found[1], &first));
	/* The validation of b failed: a is what it was. */
	stoq_paths_settle(&paths, &a[0], &a[1]);
	name(&paths, 0, again);
	assert_true(same_name(a, again));
}

static void test_names_are_not_used_twice(void **state)
{
	const struct stoq_address local = address(3), first = address(0);
	struct stoq_address last[2], named[2], found[2];
	struct stoq_paths paths;

	stoq_paths_init(&paths, &local, &first);
	name(&paths, 0, last);
	for (unsigned int i = 1; i < 200000; i++) {
		name(&paths, i % ADDRESSES, named);
		assert_false(same_name(named, last));
		/* The next number, so no earlier one. */
		assert_int_equal(number_in(&named[1], i % ADDRESSES), i);
		stoq_paths_settle(&paths, &named[0], &named[1]);
		if (i % 3 == 0)
			stoq_paths_validated(&paths, &named[0], &named[1]);
		assert_true(stoq_paths_find(&paths, &named[0], &named[1], &found[0], &found[1]));
		assert_true(stoq_address_equal(&found[0], &local));
		memcpy(last, named, sizeof(last));
	}
	assert_in_range(paths.count, 2, STOQ_PATHS);
}

/* Whatever strangers send: ngtcp2 goes back to a path that was validated. */
static void test_validated_names_stay(void **state)
{
	const struct stoq_address local = address(3), first = address(0);
	struct stoq_address a[2], b[2], unused[2], found[2];
	struct stoq_paths paths;

	stoq_paths_init(&paths, &local, &first);
	name(&paths, 0, a);
	name(&paths, 1, b);
	stoq_paths_settle(&paths, &b[0], &b[1]);
	for (unsigned int i = 0; i < 100; i++) {
		struct stoq_address stranger = address(2);

		stoq_address_set_port(&stranger, (uint16_t)(2000 + i));
		assert_true(stoq_paths_name(&paths, &local, &stranger, 0, &unused[0], &unused[1]));
	}
	assert_true(stoq_paths_find(&paths, &a[0], &a[1], &found[0], &found[1]));
	assert_true(stoq_paths_find(&paths, &b[0], &b[1], &found[0], &found[1]));
	/* Names that are not known: nobody's. */
	stoq_address_set_port(&b[1], 60000);
	assert_false(stoq_paths_find(&paths, &b[0], &b[1], &found[0], &found[1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_comes_back_has_another_name),
		cmocka_unit_test(test_names_are_not_used_twice),
		cmocka_unit_test(test_validated_names_stay),
		cmocka_unit_test(test_to_and_fro),
		cmocka_unit_test(test_faster_than_validation),
		cmocka_unit_test(test_on_a_bad_link),
		cmocka_unit_test(test_client_migrates_to_and_fro),
		cmocka_unit_test(test_migrates_soon_after_a_nat),
		cmocka_unit_test(test_leaves_a_path_that_fails_one_way),
		cmocka_unit_test(test_moves_on_from_a_dead_path),
		cmocka_unit_test(test_anything_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
