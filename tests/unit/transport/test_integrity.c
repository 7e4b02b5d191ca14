// SPDX-License-Identifier: BSD-2-Clause
/*
 * What arrives is what was sent, whatever the network does: 32 streams, data in both directions
 * at once, SHA-256 at both ends of each.
 *
 * STOQ_INTEGRITY_MIB: how much each network carries (16). Ten thousand is for a quiet hour.
 */
#include <gnutls/crypto.h>
#include <stdio.h>

#include "base/units.h"
#include "datapath/address.h"
#include "tests/unit/transport/rig.h"

#define STREAMS	   32
#define BLOCK	   16384
#define HASH_BYTES 32

/* One direction of a stream, at one end of it. */
struct flow {
	gnutls_hash_hd_t hash;
	uint64_t bytes;
	bool finished;
	uint8_t digest[HASH_BYTES];
};

struct end {
	struct flow sent[STREAMS], received[STREAMS];
	uint64_t random;
};

/* A rig with what is sent over it. */
struct transfer {
	struct rig rig;
	struct end client, server;
	uint64_t bytes_per_stream;
};

static struct transfer *transfer; /* the test's */

/* ---- flows ---- */

static void begin(struct flow *flow)
{
	assert_int_equal(gnutls_hash_init(&flow->hash, GNUTLS_DIG_SHA256), 0);
}

static void finish(struct flow *flow)
{
	flow->finished = true;
	gnutls_hash_deinit(flow->hash, flow->digest);
	flow->hash = NULL;
}

static void abandon(struct flow *flow)
{
	if (flow->hash)
		gnutls_hash_deinit(flow->hash, NULL);
}

static uint64_t next_random(struct end *end)
{
	end->random ^= end->random << 13;
	end->random ^= end->random >> 7;
	return end->random ^= end->random << 17;
}

static struct end *end_of(const struct rig_side *side)
{
	return side == &transfer->rig.client ? &transfer->client : &transfer->server;
}

static unsigned int number_of(const struct stoq_stream *stream)
{
	return (unsigned int)(stoq_stream_id(stream) / 4);
}

/* Data that never repeat, as far as the stream takes them. */
static void send_more(struct stoq_stream *stream, struct end *end)
{
	struct flow *flow = &end->sent[number_of(stream)];
	uint64_t block[BLOCK / 8];

	while (!flow->finished) {
		uint64_t left = transfer->bytes_per_stream - flow->bytes;
		size_t size = left < BLOCK ? (size_t)left : BLOCK;
		ssize_t written;

		for (size_t i = 0; i < BLOCK / 8; i++)
			block[i] = next_random(end);
		written = stoq_stream_write(stream, block, size, left <= BLOCK ? STOQ_FINISH : 0);
		assert_true(written >= 0);
		gnutls_hash(flow->hash, block, (size_t)written);
		flow->bytes += (uint64_t)written;
		if ((size_t)written < size)
			return;
		if (left <= BLOCK)
			finish(flow);
	}
}

/* ---- callbacks ---- */

static void on_stream_opened(struct stoq_stream *stream, void *user)
{
	send_more(stream, end_of(user));
}

static void on_writable(struct stoq_stream *stream, void *user)
{
	send_more(stream, end_of(user));
}

static size_t on_received(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished, void *user)
{
	struct flow *flow = &end_of(user)->received[number_of(stream)];

	assert_false(flow->finished);
	gnutls_hash(flow->hash, data, size);
	flow->bytes += size;
	if (finished)
		finish(flow);
	return size;
}

/* ---- a transfer ---- */

static uint64_t bytes_wanted(void)
{
	const char *text = getenv("STOQ_INTEGRITY_MIB");
	uint64_t mib = 16;

	if (text && stoq_parse_number(text, 1, 1u << 20, &mib))
		fail_msg("STOQ_INTEGRITY_MIB is not a number: %s", text);
	return mib << 20;
}

static void set_up_side(struct rig_side *side, struct end *end, uint64_t random)
{
	side->config.callbacks.stream_opened = on_stream_opened;
	side->config.callbacks.writable = on_writable;
	side->config.callbacks.received = on_received;
	side->config.handshake_timeout_ns = 60 * RIG_S;
	end->random = random;
	for (unsigned int i = 0; i < STREAMS; i++) {
		begin(&end->sent[i]);
		begin(&end->received[i]);
	}
}

static int set_up_with(uint64_t window_bytes)
{
	transfer = calloc(1, sizeof(*transfer));
	assert_non_null(transfer);
	transfer->bytes_per_stream = bytes_wanted() / STREAMS / 2 + 77;
	rig_prepare(&transfer->rig, 1);
	set_up_side(&transfer->rig.client, &transfer->client, 0x1234567);
	set_up_side(&transfer->rig.server, &transfer->server, 0x7654321);
	transfer->rig.client.config.stream_window_bytes = window_bytes;
	transfer->rig.server.config.stream_window_bytes = window_bytes;
	rig_start(&transfer->rig);
	return 0;
}

static int set_up(void **state)
{
	return set_up_with(1u << 20);
}

static int set_up_small_windows(void **state)
{
	return set_up_with(1u << 14);
}

static int tear_down(void **state)
{
	rig_stop(&transfer->rig);
	for (unsigned int i = 0; i < STREAMS; i++) {
		abandon(&transfer->client.sent[i]);
		abandon(&transfer->client.received[i]);
		abandon(&transfer->server.sent[i]);
		abandon(&transfer->server.received[i]);
	}
	free(transfer);
	return 0;
}

static void begin_to_send(void)
{
	rig_connect(&transfer->rig);
	if (!rig_run_until(&transfer->rig, rig_both_connected, 60 * RIG_S))
		fail_msg("not connected: %s", transfer->rig.client.close.reason);
	for (unsigned int i = 0; i < STREAMS; i++) {
		struct stoq_stream *stream;

		assert_int_equal(stoq_stream_open(transfer->rig.client.connection,
					 STOQ_BIDIRECTIONAL, &stream),
			0);
		send_more(stream, &transfer->client);
	}
}

static bool broken(struct rig *rig)
{
	return rig->client.closed || rig->server.closed;
}

static bool half_is_there(struct rig *rig)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < STREAMS; i++)
		bytes += transfer->server.received[i].bytes;
	return broken(rig) || bytes >= STREAMS * transfer->bytes_per_stream / 2;
}

static bool all_is_there(struct rig *rig)
{
	for (unsigned int i = 0; i < STREAMS; i++)
		if (!transfer->client.received[i].finished ||
			!transfer->server.received[i].finished)
			return broken(rig);
	return true;
}

static void run_until(bool (*condition)(struct rig *rig))
{
	bool there = rig_run_until(&transfer->rig, condition, 100000 * RIG_S);

	if (broken(&transfer->rig))
		fail_msg("closed: client '%s', server '%s'", transfer->rig.client.close.reason,
			transfer->rig.server.close.reason);
	assert_true(there);
}

static void compare(const struct end *from, const struct end *to)
{
	for (unsigned int i = 0; i < STREAMS; i++) {
		assert_int_equal(from->sent[i].bytes, transfer->bytes_per_stream);
		assert_int_equal(to->received[i].bytes, transfer->bytes_per_stream);
		assert_memory_equal(from->sent[i].digest, to->received[i].digest, HASH_BYTES);
	}
}

static void run_to_the_end(void)
{
	run_until(all_is_there);
	compare(&transfer->client, &transfer->server);
	compare(&transfer->server, &transfer->client);
}

static void set_links(struct stoq_memory_link link)
{
	rig_set_link(&transfer->rig, &link);
}

/* ---- networks ---- */

static void a_good_one(void **state)
{
	set_links((struct stoq_memory_link){.delay_ns = RIG_MS / 10});
	begin_to_send();
	run_to_the_end();
}

static void one_that_loses(void **state)
{
	set_links((struct stoq_memory_link){.delay_ns = RIG_MS / 10, .loss_ppm = 20000});
	begin_to_send();
	run_to_the_end();
}

static void one_that_reorders(void **state)
{
	set_links((struct stoq_memory_link){.delay_ns = RIG_MS / 10,
		.jitter_ns = RIG_MS / 10,
		.reorder_ppm = 50000,
		.reorder_ns = RIG_MS,
		.duplicate_ppm = 20000});
	begin_to_send();
	run_to_the_end();
}

static void one_that_corrupts(void **state)
{
	set_links((struct stoq_memory_link){
		.delay_ns = RIG_MS / 10, .corrupt_ppm = 10000, .ce_ppm = 1000});
	begin_to_send();
	run_to_the_end();
}

static void a_narrow_one(void **state)
{
	set_links((struct stoq_memory_link){
		.delay_ns = RIG_MS, .bytes_per_second = 125000000, .queue_bytes = 262144});
	begin_to_send();
	run_to_the_end();
}

/*
 * Windows that begin small and grow, on streams in both directions, while congestion control often
 * leaves room for a few bytes only: a credit that does not fit its packet must not get lost.
 */
static void a_narrow_one_and_small_windows(void **state)
{
	set_links((struct stoq_memory_link){
		.delay_ns = RIG_MS, .bytes_per_second = 125000000, .queue_bytes = 262144});
	begin_to_send();
	run_to_the_end();
}

static void one_whose_mtu_falls(void **state)
{
	set_links((struct stoq_memory_link){.delay_ns = RIG_MS / 10, .interface_max_bytes = 8900});
	begin_to_send();
	run_until(half_is_there);
	set_links((struct stoq_memory_link){
		.delay_ns = RIG_MS / 10, .interface_max_bytes = 8900, .path_max_bytes = 1300});
	run_to_the_end();
}

static void one_with_a_nat_that_forgets(void **state)
{
	struct stoq_address outside;

	assert_int_equal(stoq_address_parse(&outside, "203.0.113.1:5000", 0, NULL), 0);
	set_links((struct stoq_memory_link){.delay_ns = RIG_MS / 10, .loss_ppm = 1000});
	begin_to_send();
	run_until(half_is_there);
	stoq_memory_set_outside(transfer->rig.client.datapath, &outside);
	run_to_the_end();
}

static void everything_at_once(void **state)
{
	set_links((struct stoq_memory_link){.delay_ns = RIG_MS / 10,
		.jitter_ns = RIG_MS / 10,
		.loss_ppm = 5000,
		.reorder_ppm = 20000,
		.reorder_ns = RIG_MS,
		.duplicate_ppm = 10000,
		.corrupt_ppm = 2000,
		.ce_ppm = 1000,
		.bytes_per_second = 250000000,
		.queue_bytes = 1048576});
	begin_to_send();
	run_to_the_end();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_one),
		TEST(one_that_loses),
		TEST(one_that_reorders),
		TEST(one_that_corrupts),
		TEST(a_narrow_one),
		cmocka_unit_test_setup_teardown(
			a_narrow_one_and_small_windows, set_up_small_windows, tear_down),
		TEST(one_whose_mtu_falls),
		TEST(one_with_a_nat_that_forgets),
		TEST(everything_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
