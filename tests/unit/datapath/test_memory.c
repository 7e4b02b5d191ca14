// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/address.h"
#include "datapath/memory.h"

#define MS    1000000ull
#define LIMIT (16 << 20)
#define MANY  20000 /* packets, where chance is looked at */

struct pair {
	struct stoq_memory_network *network;
	struct stoq_datapath *a, *b;
	struct stoq_address a_address, b_address;
	uint8_t out[65536], in[65536];
	struct stoq_batch received;
};

static struct stoq_address address(const char *text)
{
	struct stoq_address parsed;
	struct stoq_error error;

	assert_int_equal(stoq_address_parse(&parsed, text, 0, &error), 0);
	return parsed;
}

static void open_pair(struct pair *pair, uint64_t seed)
{
	memset(pair, 0, sizeof(*pair));
	pair->a_address = address("10.0.0.1:1000");
	pair->b_address = address("10.0.0.2:2000");
	assert_int_equal(stoq_memory_network_open(seed, LIMIT, &pair->network), 0);
	assert_int_equal(stoq_memory_open(pair->network, &pair->a_address, &pair->a), 0);
	assert_int_equal(stoq_memory_open(pair->network, &pair->b_address, &pair->b), 0);
}

static void close_pair(struct pair *pair)
{
	stoq_datapath_close(pair->a);
	stoq_datapath_close(pair->b);
	stoq_memory_network_close(pair->network);
}

static int setup(void **state)
{
	*state = malloc(sizeof(struct pair));
	assert_non_null(*state);
	open_pair(*state, 1);
	return 0;
}

static int teardown(void **state)
{
	close_pair(*state);
	free(*state);
	return 0;
}

static int send_ecn(
	struct pair *pair, uint32_t size, uint16_t segment_size, uint8_t ecn, uint64_t now_ns)
{
	struct stoq_batch datagram = {.remote = pair->b_address,
		.data = pair->out,
		.size = size,
		.segment_size = segment_size,
		.ecn = ecn};

	return stoq_datapath_send(pair->a, &datagram, 1, now_ns);
}

static int send_bytes(struct pair *pair, uint32_t size, uint16_t segment_size, uint64_t now_ns)
{
	return send_ecn(pair, size, segment_size, 0, now_ns);
}

/* A packet that carries a number. */
static void send_number(struct pair *pair, uint32_t number, uint64_t now_ns)
{
	memcpy(pair->out, &number, sizeof(number));
	assert_int_equal(send_ecn(pair, 100, 100, STOQ_ECN_ECT0, now_ns), 1);
}

static bool receive_from(struct pair *pair, struct stoq_datapath *datapath, uint64_t now_ns)
{
	pair->received = (struct stoq_batch){.data = pair->in, .capacity = STOQ_DATAGRAM_MAX_BYTES};
	return stoq_datapath_receive(datapath, &pair->received, 1, now_ns) == 1;
}

static bool receive(struct pair *pair, uint64_t now_ns)
{
	return receive_from(pair, pair->b, now_ns);
}

static uint32_t received_number(const struct pair *pair)
{
	uint32_t number;

	memcpy(&number, pair->in, sizeof(number));
	return number;
}

static struct stoq_memory_counters counters(const struct pair *pair)
{
	struct stoq_memory_counters values;

	stoq_memory_counters(pair->network, &values);
	return values;
}

static void set_link(struct pair *pair, struct stoq_memory_link link)
{
	stoq_memory_set_link(pair->a, &link);
}

static void carries_datagrams(void **state)
{
	struct pair *pair = *state;
	short events;

	memcpy(pair->out, "hello", 5);
	assert_false(receive(pair, 0));
	assert_int_equal(send_ecn(pair, 5, 5, STOQ_ECN_ECT1, 7), 1);
	assert_int_equal(stoq_memory_next_ns(pair->network), 7);
	assert_false(receive(pair, 6));
	assert_true(receive(pair, 7));
	assert_int_equal(pair->received.size, 5);
	assert_memory_equal(pair->in, "hello", 5);
	assert_int_equal(pair->received.ecn, STOQ_ECN_ECT1);
	assert_true(stoq_address_equal(&pair->received.remote, &pair->a_address));
	assert_true(stoq_address_equal(&pair->received.local, &pair->b_address));
	assert_int_equal(stoq_memory_next_ns(pair->network), UINT64_MAX);
	assert_int_equal(stoq_datapath_descriptor(pair->a, &events), -1);
}

static void splits_and_joins(void **state)
{
	struct pair *pair = *state;

	for (unsigned int i = 0; i < 65536; i++)
		pair->out[i] = (uint8_t)(i * 7 >> 3);
	assert_int_equal(send_bytes(pair, 64000, 999, 0), 1);
	assert_int_equal(counters(pair).sent, 65);
	assert_true(receive(pair, 0));
	/* No more than 64. */
	assert_int_equal(pair->received.size, 64 * 999);
	assert_int_equal(pair->received.segment_size, 999);
	assert_memory_equal(pair->in, pair->out, 64 * 999);
	assert_true(receive(pair, 0));
	assert_int_equal(pair->received.size, 64);
	/* A shorter one ends a buffer; other ECN begins a new one. */
	assert_int_equal(send_bytes(pair, 2500, 1000, 0), 1);
	assert_int_equal(send_bytes(pair, 500, 500, 0), 1);
	assert_int_equal(send_ecn(pair, 500, 500, STOQ_ECN_ECT0, 0), 1);
	assert_true(receive(pair, 0));
	assert_int_equal(pair->received.size, 2500);
	assert_true(receive(pair, 0));
	assert_int_equal(pair->received.size, 500);
	assert_true(receive(pair, 0));
	assert_int_equal(pair->received.ecn, STOQ_ECN_ECT0);
	stoq_memory_set_joined(pair->b, 1);
	assert_int_equal(send_bytes(pair, 2000, 1000, 0), 1);
	assert_true(receive(pair, 0));
	assert_int_equal(pair->received.size, 1000);
}

static void delays(void **state)
{
	struct pair *pair = *state;

	set_link(pair, (struct stoq_memory_link){.delay_ns = 5 * MS});
	send_number(pair, 1, 10 * MS);
	send_number(pair, 2, 11 * MS);
	assert_int_equal(stoq_memory_next_ns(pair->network), 15 * MS);
	assert_false(receive(pair, 15 * MS - 1));
	assert_true(receive(pair, 15 * MS));
	assert_int_equal(received_number(pair), 1);
	assert_false(receive(pair, 15 * MS));
	assert_true(receive(pair, 100 * MS));
	assert_int_equal(received_number(pair), 2);
}

static void jitter_reorders(void **state)
{
	struct pair *pair = *state;
	unsigned int earlier = 0, received = 0;
	uint32_t last = 0;

	set_link(pair, (struct stoq_memory_link){.delay_ns = 5 * MS, .jitter_ns = MS});
	stoq_memory_set_joined(pair->b, 1);
	for (uint32_t i = 0; i < 1000; i++)
		send_number(pair, i, i * MS / 10);
	for (uint64_t now = 0; now < 120 * MS; now += MS / 100) {
		while (receive(pair, now)) {
			assert_true(now >= received_number(pair) * (MS / 10) + 5 * MS);
			assert_true(now <= received_number(pair) * (MS / 10) + 6 * MS + MS / 100);
			earlier += received_number(pair) < last;
			last = received_number(pair);
			received++;
		}
	}
	assert_int_equal(received, 1000);
	assert_true(earlier > 100);
}

/* Sends many and receives all; how many came, and how many differed from what was sent. */
static unsigned int run_many(struct pair *pair, unsigned int *different)
{
	unsigned int received = 0;

	stoq_memory_set_joined(pair->b, 1);
	*different = 0;
	memset(pair->out, 0x55, 100);
	for (uint32_t i = 0; i < MANY; i++) {
		assert_int_equal(send_ecn(pair, 100, 100, STOQ_ECN_ECT0, i), 1);
		while (receive(pair, i)) {
			received++;
			*different += memcmp(pair->in, pair->out, 100) != 0;
		}
	}
	return received;
}

static void assert_about(uint64_t value, uint64_t expected)
{
	assert_in_range(value, expected * 9 / 10, expected * 11 / 10);
}

static void loses_duplicates_and_corrupts(void **state)
{
	struct pair *pair = *state;
	struct stoq_memory_counters seen;
	unsigned int received, different;

	set_link(pair, (struct stoq_memory_link){
			       .loss_ppm = 100000, .duplicate_ppm = 200000, .corrupt_ppm = 50000});
	received = run_many(pair, &different);
	seen = counters(pair);
	assert_int_equal(received, MANY - seen.lost + seen.duplicated);
	assert_int_equal(different, seen.corrupted);
	assert_about(seen.lost, MANY / 10);
	assert_about(seen.duplicated, MANY * 9 / 10 / 5);
	assert_about(seen.corrupted, received / 20);
	assert_int_equal(pair->out[0], 0x55);
}

static void reorders(void **state)
{
	struct pair *pair = *state;
	unsigned int earlier = 0;
	uint32_t last = 0;

	set_link(pair, (struct stoq_memory_link){.reorder_ppm = 100000, .reorder_ns = 10});
	stoq_memory_set_joined(pair->b, 1);
	for (uint32_t i = 0; i < MANY + 100; i++) {
		if (i < MANY)
			send_number(pair, i, i);
		while (receive(pair, i)) {
			earlier += received_number(pair) < last;
			last = received_number(pair);
		}
	}
	assert_about(counters(pair).reordered, MANY / 10);
	assert_about(earlier, MANY / 10);
	assert_int_equal(counters(pair).received, MANY);
}

static void marks_what_knows_ecn(void **state)
{
	struct pair *pair = *state;
	unsigned int different, marked = 0;

	set_link(pair, (struct stoq_memory_link){.ce_ppm = 300000});
	run_many(pair, &different);
	assert_about(counters(pair).marked, MANY * 3 / 10);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(send_ecn(pair, 100, 100, STOQ_ECN_NOT_ECT, MANY), 1);
		assert_true(receive(pair, MANY));
		marked += pair->received.ecn;
	}
	assert_int_equal(marked, 0);
}

/* 1000 bytes a millisecond. */
static void has_a_bottleneck(void **state)
{
	struct pair *pair = *state;

	set_link(pair, (struct stoq_memory_link){.bytes_per_second = 1000000,
			       .queue_bytes = 3000,
			       .ce_queue_bytes = 1500,
			       .delay_ns = MS});
	stoq_memory_set_joined(pair->b, 1);
	for (int i = 0; i < 5; i++)
		assert_int_equal(send_ecn(pair, 1000, 1000, STOQ_ECN_ECT0, 0), 1);
	assert_int_equal(counters(pair).queue_full, 2);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(stoq_memory_next_ns(pair->network), (i + 2) * MS);
		assert_true(receive(pair, (i + 2) * MS));
		assert_int_equal(pair->received.ecn, i == 2 ? STOQ_ECN_CE : STOQ_ECN_ECT0);
	}
	assert_false(receive(pair, 100 * MS));
	/* Idle time is not saved up. */
	assert_int_equal(send_bytes(pair, 1000, 1000, 100 * MS), 1);
	assert_int_equal(stoq_memory_next_ns(pair->network), 102 * MS);
}

static void may_refuse_when_full(void **state)
{
	struct pair *pair = *state;
	struct stoq_batch datagram = {
		.remote = pair->b_address, .data = pair->out, .size = 5000, .segment_size = 1000};
	short events;

	set_link(pair,
		(struct stoq_memory_link){
			.bytes_per_second = 1000000, .queue_bytes = 3000, .queue_refuses = true});
	assert_int_equal(stoq_datapath_send(pair->a, &datagram, 1, 0), -EAGAIN);
	assert_int_equal(datagram.size, 2000);
	assert_ptr_equal(datagram.data, pair->out + 3000);
	stoq_datapath_descriptor(pair->a, &events);
	assert_int_equal(events, POLLIN | POLLOUT);
	while (receive(pair, 3 * MS))
		;
	assert_int_equal(stoq_memory_next_ns(pair->network), 3 * MS);
	assert_int_equal(stoq_datapath_send(pair->a, &datagram, 1, 3 * MS), 1);
	stoq_datapath_descriptor(pair->a, &events);
	assert_int_equal(events, POLLIN);
	assert_int_equal(counters(pair).queue_full, 0);
}

static void has_two_kinds_of_mtu(void **state)
{
	struct pair *pair = *state;
	struct stoq_datapath_route route;

	set_link(pair,
		(struct stoq_memory_link){.interface_max_bytes = 9000, .path_max_bytes = 1452});
	assert_int_equal(stoq_datapath_route(pair->a, &pair->b_address, &route), 0);
	assert_int_equal(route.max_payload_bytes, 9000);
	assert_int_equal(send_bytes(pair, 9001, 9001, 0), -EMSGSIZE);
	assert_int_equal(send_bytes(pair, 9000, 9000, 0), 1);
	assert_int_equal(send_bytes(pair, 1452, 1452, 0), 1);
	assert_true(receive(pair, 0));
	assert_int_equal(pair->received.size, 1452);
	assert_false(receive(pair, 0));
	assert_int_equal(counters(pair).too_large, 1);
}

static void endpoints_move(void **state)
{
	struct pair *pair = *state;
	struct stoq_address other = address("10.0.0.9:9"), second = address("10.0.1.1:1000");
	struct stoq_batch datagram = {.remote = pair->b_address,
		.local = second,
		.data = pair->out,
		.size = 10,
		.segment_size = 10};

	/* A second address, used when named. */
	assert_int_equal(stoq_memory_add_address(pair->a, &second), 0);
	assert_int_equal(stoq_datapath_send(pair->a, &datagram, 1, 0), 1);
	assert_true(receive(pair, 0));
	assert_true(stoq_address_equal(&pair->received.remote, &second));

	/* What was on its way to the old address is lost, and so is what comes later. */
	set_link(pair, (struct stoq_memory_link){.delay_ns = MS});
	assert_int_equal(send_bytes(pair, 10, 10, 0), 1);
	stoq_memory_move(pair->b, &other);
	assert_int_equal(send_bytes(pair, 10, 10, 0), 1);
	assert_false(receive(pair, MS));
	assert_int_equal(counters(pair).unreachable, 2);
	pair->b_address = other;
	assert_int_equal(send_bytes(pair, 10, 10, 0), 1);
	assert_true(receive(pair, MS));
	assert_true(stoq_address_equal(&pair->received.local, &other));
}

static void nats_rebind(void **state)
{
	struct pair *pair = *state;
	struct stoq_address outside = address("192.0.2.1:5555");
	struct stoq_batch reply;

	stoq_memory_set_outside(pair->a, &outside);
	assert_int_equal(send_bytes(pair, 10, 10, 0), 1);
	assert_true(receive(pair, 0));
	assert_true(stoq_address_equal(&pair->received.remote, &outside));
	reply = pair->received;
	assert_int_equal(stoq_datapath_send(pair->b, &reply, 1, 0), 1);
	assert_true(receive_from(pair, pair->a, 0));
	assert_true(stoq_address_equal(&pair->received.local, &pair->a_address));
	/* From outside its own address does not exist. */
	reply.remote = pair->a_address;
	reply.data = pair->out;
	reply.size = 10;
	assert_int_equal(stoq_datapath_send(pair->b, &reply, 1, 0), 1);
	assert_false(receive_from(pair, pair->a, 0));
	stoq_memory_set_outside(pair->a, NULL);
	assert_int_equal(send_bytes(pair, 10, 10, 0), 1);
	assert_true(receive(pair, 0));
	assert_true(stoq_address_equal(&pair->received.remote, &pair->a_address));
}

static bool every_second(void *context, struct stoq_batch *datagram)
{
	unsigned int *seen = context;

	datagram->data[0] = 'x';
	return (*seen)++ % 2 == 0;
}

static void filters_and_injects(void **state)
{
	struct pair *pair = *state;
	unsigned int seen = 0;
	struct stoq_batch forged = {.remote = pair->b_address,
		.local = address("203.0.113.7:7"),
		.data = pair->out,
		.size = 1};

	stoq_memory_set_joined(pair->b, 1);
	stoq_memory_set_filter(pair->a, every_second, &seen);
	assert_int_equal(send_bytes(pair, 3000, 1000, 0), 1);
	assert_int_equal(seen, 3);
	assert_int_equal(counters(pair).filtered, 1);
	assert_true(receive(pair, 0));
	assert_int_equal(pair->in[0], 'x');
	assert_int_equal(pair->out[0], 0);
	assert_true(receive(pair, 0));
	assert_false(receive(pair, 0));
	stoq_memory_inject(pair->network, &forged, 0);
	assert_true(receive(pair, 0));
	assert_true(stoq_address_equal(&pair->received.remote, &forged.local));
}

static void memory_is_bounded(void **state)
{
	struct pair *pair = *state;

	for (int i = 0; i < 1000; i++)
		assert_int_equal(send_bytes(pair, 60000, 60000, 0), 1);
	assert_in_range(counters(pair).queue_full, 1000 - LIMIT / 60000, 1000 - LIMIT / 61000);
	while (receive(pair, 0))
		;
	assert_int_equal(counters(pair).received + counters(pair).queue_full, 1000);
	assert_int_equal(send_bytes(pair, 60000, 60000, 0), 1);
	assert_true(receive(pair, 0));
}

/* A digest of everything that a lossy run delivers, and when. */
static uint64_t digest(uint64_t seed)
{
	struct stoq_memory_link link = {.loss_ppm = 100000,
		.duplicate_ppm = 50000,
		.corrupt_ppm = 50000,
		.reorder_ppm = 50000,
		.reorder_ns = MS,
		.jitter_ns = MS,
		.ce_ppm = 10000};
	struct pair *pair = malloc(sizeof(*pair));
	uint64_t sum = 14695981039346656037u;

	assert_non_null(pair);
	open_pair(pair, seed);
	set_link(pair, link);
	for (uint32_t i = 0; i < 2000; i++) {
		send_number(pair, i, i * 1000);
		while (receive(pair, i * 1000)) {
			for (uint32_t at = 0; at < pair->received.size; at++)
				sum = (sum ^ pair->in[at]) * 1099511628211u;
			sum = (sum ^ i ^ (uint64_t)pair->received.ecn << 32) * 1099511628211u;
		}
	}
	close_pair(pair);
	free(pair);
	return sum;
}

static void same_seed_same_network(void **state)
{
	assert_true(digest(7) == digest(7));
	assert_true(digest(7) != digest(8));
}

static void addresses_are_unique(void **state)
{
	struct pair *pair = *state;
	struct stoq_datapath *other;
	struct stoq_address ipv6 = address("[2001:db8::1]:1");
	struct stoq_datapath_route route;

	assert_int_equal(stoq_memory_open(pair->network, &pair->a_address, &other), -EADDRINUSE);
	assert_int_equal(stoq_datapath_route(pair->a, &ipv6, &route), -EAFNOSUPPORT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(carries_datagrams),
		TEST(splits_and_joins),
		TEST(delays),
		TEST(jitter_reorders),
		TEST(loses_duplicates_and_corrupts),
		TEST(reorders),
		TEST(marks_what_knows_ecn),
		TEST(has_a_bottleneck),
		TEST(may_refuse_when_full),
		TEST(has_two_kinds_of_mtu),
		TEST(endpoints_move),
		TEST(nats_rebind),
		TEST(filters_and_injects),
		TEST(memory_is_bounded),
		cmocka_unit_test(same_seed_same_network),
		TEST(addresses_are_unique),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
