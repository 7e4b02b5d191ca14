// SPDX-License-Identifier: BSD-2-Clause

/*
 * In whatever order the segments of a stream come, however often, and however they overlap: the
 * program finds the PDUs that the reference decoder finds, each once and in the stream's order, and
 * keeps nothing when all of them have come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/stream/event_shared.h"
#include "bpf/stream/flow_key_shared.h"
#include "nvme/nvme_tcp_stream.h"
#include "tests/bpf/dialog.h"
#include "tests/unit/nvme/sample_stream.h"

#define FIRST_SEQUENCE 0xfffffc00u /* wraps soon */
#define CUTS_MAX       4096

static struct sample_stream sample;

struct reference {
	struct {
		uint8_t header[NVME_TCP_HEADER_MAX];
		uint64_t offset;
	} pdus[SAMPLE_PDUS];
	size_t count;
};
static struct reference reference;

/* Where the stream is cut: piece i is [at[i], at[i + 1]). */
static struct {
	size_t at[CUTS_MAX + 1];
	size_t count;
} cuts;

static void on_pdu(void *context, const struct nvme_tcp_hdr *hdr, uint64_t offset)
{
	(void)context;
	assert_true(reference.count < SAMPLE_PDUS);
	memcpy(reference.pdus[reference.count].header, hdr, hdr->hlen);
	reference.pdus[reference.count++].offset = offset;
}

static void decode(enum nvme_tcp_side side)
{
	static const struct nvme_tcp_stream_events events = {.pdu = on_pdu};
	struct nvme_tcp_stream stream;

	reference.count = 0;
	nvme_tcp_stream_init(&stream, side, true, &events, NULL);
	nvme_tcp_stream_feed(&stream, sample.bytes, sample.length);
	assert_int_equal(reference.count, sample.count);
}

/* A stream of this many PDUs with up to so much data each. */
static void make_stream(enum nvme_tcp_side side, size_t pdus, size_t data_max, uint32_t *random)
{
	struct nvme_tcp_format format = {
		.header_digest = sample_random(random) & 1,
		.data_digest = sample_random(random) & 1,
		.data_alignment = sample_random(random) % 4,
	};

	sample_stream_make(&sample, side, &format, pdus, data_max, sample_random(random) | 1);
	decode(side);
}

static void cut_evenly(size_t count)
{
	cuts.count = count;
	for (size_t i = 0; i <= count; i++)
		cuts.at[i] = sample.length * i / count;
}

static void cut_randomly(size_t longest, uint32_t *random)
{
	size_t at = 0;

	cuts.count = 0;
	while (at < sample.length) {
		assert_true(cuts.count < CUTS_MAX);
		cuts.at[cuts.count++] = at;
		at += 1 + sample_random(random) % longest;
	}
	cuts.at[cuts.count] = sample.length;
}

/* ---- sending ---- */

static void send_bytes(enum nvme_tcp_side side, size_t from, size_t to)
{
	struct wire_path path = rig_path();
	struct wire_segment segment = {
		.from_controller = side == NVME_TCP_FROM_CONTROLLER,
		.sequence = FIRST_SEQUENCE + (uint32_t)from,
		.acknowledged = 1000,
		.flags = WIRE_ACK,
		.payload = sample.bytes + from,
		.payload_bytes = to - from,
	};

	rig_send(the_rig, &path, &segment);
}

static void send_piece(enum nvme_tcp_side side, size_t i)
{
	send_bytes(side, cuts.at[i], cuts.at[i + 1]);
}

/* The SYNs that make the side's first byte known. */
static void open_connection(enum nvme_tcp_side side)
{
	struct wire_path path = rig_path();
	struct wire_segment syn = {.sequence = 999, .flags = WIRE_SYN};
	struct wire_segment answer = {.from_controller = true,
		.sequence = 999,
		.acknowledged = 1000,
		.flags = WIRE_SYN | WIRE_ACK};

	rig_clear(the_rig);
	if (side == NVME_TCP_FROM_HOST)
		syn.sequence = FIRST_SEQUENCE - 1;
	else
		answer.sequence = FIRST_SEQUENCE - 1;
	rig_send(the_rig, &path, &syn);
	rig_send(the_rig, &path, &answer);
}

/* All PDUs, once, in order; nothing is kept, nothing was given up. */
static void check(enum nvme_tcp_side side)
{
	struct stoq_flow flow;

	assert_int_equal(the_rig->pdu_count, reference.count);
	for (size_t i = 0; i < reference.count; i++) {
		const struct stoq_event_pdu *pdu = &the_rig->pdus[i];

		assert_int_equal(
			pdu->sequence, FIRST_SEQUENCE + (uint32_t)reference.pdus[i].offset);
		assert_int_equal(pdu->header_bytes, reference.pdus[i].header[2]);
		assert_memory_equal(pdu->header, reference.pdus[i].header, pdu->header_bytes);
	}
	assert_true(rig_flow(the_rig, &flow));
	assert_int_equal(flow.side[side].state, STOQ_FLOW_SYNCED);
	assert_int_equal(flow.side[side].bad_headers, 0);
	assert_int_equal(flow.side[side].resyncs, 0);
	assert_int_equal(flow.side[side].unsynced_bytes, 0);
	assert_int_equal(flow.side[side].gaps, flow.side[side].holes_closed);
	assert_int_equal(flow.side[side].early, 0);
	assert_int_equal(flow.side[side].early_cells, 0);
	assert_int_equal(rig_cells_used(the_rig), 0);
}

/* ---- every order of a few ---- */

static void permute(enum nvme_tcp_side side, size_t *order, size_t fixed)
{
	if (fixed == cuts.count) {
		open_connection(side);
		for (size_t i = 0; i < cuts.count; i++)
			send_piece(side, order[i]);
		check(side);
		return;
	}
	for (size_t i = fixed; i < cuts.count; i++) {
		size_t first = order[fixed];

		order[fixed] = order[i];
		order[i] = first;
		permute(side, order, fixed + 1);
		order[i] = order[fixed];
		order[fixed] = first;
	}
}

static void check_every_order(size_t pieces, size_t pdus, size_t data_max, uint32_t seed)
{
	uint32_t random = seed;

	for (int side = 0; side < NVME_TCP_SIDES; side++) {
		size_t order[8];

		assert_true(pieces <= 8);
		make_stream(side, pdus, data_max, &random);
		cut_evenly(pieces);
		for (size_t i = 0; i < pieces; i++)
			order[i] = i;
		permute(side, order, 0);
	}
}

static void test_every_order_of_six(void **state)
{
	(void)state;
	check_every_order(6, 12, 900, 3);
}

/* Every header is cut, some more than once. */
static void test_every_order_of_short_ones(void **state)
{
	(void)state;
	check_every_order(6, 3, 40, 5);
}

/* ---- any order of many ---- */

static void shuffle(size_t *order, size_t count, size_t distance, uint32_t *random)
{
	for (size_t i = 0; i < count; i++) {
		size_t reach = count - i < distance ? count - i : distance;
		size_t other = i + sample_random(random) % reach, first = order[i];

		order[i] = order[other];
		order[other] = first;
	}
}

/*
 * Pieces of up to `longest` bytes, none more than `distance` places before its own; now and then
 * bytes are sent again, cut otherwise, from where all of what is sent has come.
 */
static void check_random_order(
	int rounds, size_t longest, size_t distance, bool repeat, uint32_t seed)
{
	static size_t order[CUTS_MAX];
	uint32_t random = seed;

	for (int round = 0; round < rounds; round++) {
		enum nvme_tcp_side side = round & 1;

		make_stream(side, 20 + sample_random(&random) % 40, 900, &random);
		cut_randomly(longest, &random);
		for (size_t i = 0; i < cuts.count; i++)
			order[i] = i;
		shuffle(order, cuts.count, distance, &random);
		open_connection(side);
		for (size_t i = 0; i < cuts.count; i++) {
			send_piece(side, order[i]);
			if (repeat && sample_random(&random) % 3 == 0) {
				size_t from = sample_random(&random) % sample.length;
				size_t to = from + 1 + sample_random(&random) % 2000;

				send_bytes(side, from, to < sample.length ? to : sample.length);
			}
		}
		check(side);
	}
}

static void test_neighbours(void **state)
{
	(void)state;
	check_random_order(60, 1460, 3, false, 7);
}

static void test_any_order(void **state)
{
	(void)state;
	check_random_order(60, 1000, CUTS_MAX, false, 11);
}

static void test_any_order_of_short_ones(void **state)
{
	(void)state;
	check_random_order(10, 30, CUTS_MAX, false, 13);
}

/* Most of them overlap what came before: early, in turn or late. */
static void test_repeated(void **state)
{
	(void)state;
	check_random_order(60, 700, 50, true, 17);
}

static void test_single_bytes(void **state)
{
	uint32_t random = 19;

	(void)state;
	for (int side = 0; side < NVME_TCP_SIDES; side++) {
		make_stream(side, 6, 60, &random);
		cut_randomly(1, &random);
		open_connection(side);
		for (size_t i = cuts.count; i-- > 0;)
			send_piece(side, i);
		check(side);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_order_of_six),
		cmocka_unit_test(test_every_order_of_short_ones),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_any_order_of_short_ones),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_single_bytes),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
