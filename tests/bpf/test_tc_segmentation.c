// SPDX-License-Identifier: BSD-2-Clause

/*
 * However a stream is cut, over whatever path, and whatever is sent again: the program finds
 * the PDUs that the reference decoder finds, each once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/stream/event_shared.h"
#include "bpf/stream/flow_key_shared.h"
#include "nvme/nvme_tcp_stream.h"
#include "tests/bpf/rig.h"
#include "tests/unit/nvme/sample_stream.h"

#define FIRST_SEQUENCE 0xfffffc00u /* wraps soon */
#define ROUNDS	       60

static struct sample_stream sample;

struct reference {
	struct {
		uint8_t header[NVME_TCP_HEADER_MAX];
		uint64_t offset;
	} pdus[SAMPLE_PDUS];
	size_t count;
};

static void on_pdu(void *context, const struct nvme_tcp_hdr *hdr, uint64_t offset)
{
	struct reference *reference = context;

	assert_true(reference->count < SAMPLE_PDUS);
	memcpy(reference->pdus[reference->count].header, hdr, hdr->hlen);
	reference->pdus[reference->count++].offset = offset;
}

static void decode(struct reference *reference, enum nvme_tcp_side side)
{
	static const struct nvme_tcp_stream_events events = {.pdu = on_pdu};
	struct nvme_tcp_stream stream;

	reference->count = 0;
	nvme_tcp_stream_init(&stream, side, true, &events, reference);
	nvme_tcp_stream_feed(&stream, sample.bytes, sample.length);
	assert_int_equal(reference->count, sample.count);
}

static void compare(const struct reference *reference, enum nvme_tcp_side side)
{
	assert_int_equal(the_rig->pdu_count, reference->count);
	for (size_t i = 0; i < reference->count; i++) {
		const struct stoq_event_pdu *pdu = &the_rig->pdus[i];

		assert_int_equal(pdu->side, side);
		assert_int_equal(
			pdu->sequence, FIRST_SEQUENCE + (uint32_t)reference->pdus[i].offset);
		assert_int_equal(pdu->header_bytes, reference->pdus[i].header[2]);
		assert_memory_equal(pdu->header, reference->pdus[i].header, pdu->header_bytes);
	}
}

static void send_piece(
	const struct wire_path *path, enum nvme_tcp_side side, size_t from, size_t to)
{
	struct wire_segment segment = {
		.from_controller = side == NVME_TCP_FROM_CONTROLLER,
		.sequence = FIRST_SEQUENCE + (uint32_t)from,
		.acknowledged = 1000,
		.flags = WIRE_ACK,
		.payload = sample.bytes + from,
		.payload_bytes = to - from,
	};

	rig_send(the_rig, path, &segment);
}

/* The SYN that makes the side's first byte known. */
static void open_connection(const struct wire_path *path, enum nvme_tcp_side side)
{
	struct wire_segment syn = {.sequence = 999, .flags = WIRE_SYN};
	struct wire_segment answer = {.from_controller = true,
		.sequence = 999,
		.acknowledged = 1000,
		.flags = WIRE_SYN | WIRE_ACK};

	if (side == NVME_TCP_FROM_HOST)
		syn.sequence = FIRST_SEQUENCE - 1;
	else
		answer.sequence = FIRST_SEQUENCE - 1;
	rig_send(the_rig, path, &syn);
	rig_send(the_rig, path, &answer);
}

static struct wire_path random_path(uint32_t *random)
{
	struct wire_path path = rig_path();

	path.ipv6 = sample_random(random) & 1;
	path.vlan_tags = sample_random(random) % 3;
	path.vlan_id = path.vlan_tags ? 7 : 0;
	path.ip_option_words = sample_random(random) % 11;
	path.ipv6_extensions = sample_random(random) % 4;
	path.tcp_option_words = sample_random(random) % 11;
	path.trailer_bytes = sample_random(random) % 8;
	if (sample_random(random) & 1) { /* either end may be the smaller one */
		path.host_address = 0x0a000003;
		path.host_port = 50000;
	}
	return path;
}

static void make_sample(enum nvme_tcp_side side, uint32_t *random)
{
	struct nvme_tcp_format format = {
		.header_digest = sample_random(random) & 1,
		.data_digest = sample_random(random) & 1,
		.data_alignment = sample_random(random) % 4,
	};

	sample_stream_make(&sample, side, &format, 20 + sample_random(random) % 40, 900,
		sample_random(random) | 1);
}

/* Pieces of up to `longest` bytes; now and then some of it is sent again, in other pieces. */
static void send_cut(const struct wire_path *path, enum nvme_tcp_side side, size_t longest,
	bool repeat, uint32_t *random)
{
	size_t from = 0;

	while (from < sample.length) {
		size_t to = from + 1 + sample_random(random) % longest;

		if (to > sample.length)
			to = sample.length;
		send_piece(path, side, from, to);
		if (repeat && sample_random(random) % 4 == 0) {
			size_t back = sample_random(random) % 2000;

			from = to > back ? to - back : 0;
			send_piece(path, side, from,
				to - from > WIRE_PAYLOAD_MAX ? from + WIRE_PAYLOAD_MAX : to);
		}
		from = to;
	}
}

static void check_cuts(size_t longest, bool repeat, uint32_t seed)
{
	uint32_t random = seed;

	for (int round = 0; round < ROUNDS; round++) {
		enum nvme_tcp_side side = round & 1;
		struct wire_path path = random_path(&random);
		struct reference reference;
		struct stoq_flow flow;

		make_sample(side, &random);
		decode(&reference, side);
		rig_clear(the_rig);
		open_connection(&path, side);
		send_cut(&path, side, longest, repeat, &random);
		compare(&reference, side);
		assert_true(rig_flow(the_rig, &flow));
		assert_int_equal(flow.side[side].state, STOQ_FLOW_SYNCED);
		assert_int_equal(flow.side[side].bad_headers, 0);
		assert_int_equal(flow.side[side].gaps, 0);
		assert_int_equal(flow.side[side].payload_bytes, sample.length);
		if (!repeat)
			assert_int_equal(flow.side[side].duplicate_bytes, 0);
	}
}

static void test_single_bytes(void **state)
{
	uint32_t random = 5;
	struct wire_path path = rig_path();
	struct reference reference;

	(void)state;
	for (int side = 0; side < NVME_TCP_SIDES; side++) {
		make_sample(side, &random);
		decode(&reference, side);
		rig_clear(the_rig);
		open_connection(&path, side);
		send_cut(&path, side, 1, false, &random);
		compare(&reference, side);
	}
}

static void test_small_pieces(void **state)
{
	(void)state;
	check_cuts(60, false, 11);
}

static void test_middling_pieces(void **state)
{
	(void)state;
	check_cuts(700, false, 13);
}

static void test_large_pieces(void **state)
{
	(void)state;
	check_cuts(WIRE_PAYLOAD_MAX, false, 17);
}

static void test_retransmission(void **state)
{
	(void)state;
	check_cuts(1000, true, 19);
}

/* Where the stream is cut: where a PDU begins, and every SWAP_PIECE bytes in it. */
#define SWAP_PIECE 200
#define SWAP_CUTS  (SAMPLE_BYTES / SWAP_PIECE + SAMPLE_PDUS)

static size_t cut_by_pdus(const struct reference *reference, size_t cuts[static SWAP_CUTS + 1])
{
	size_t count = 0;

	for (size_t i = 0; i < reference->count; i++) {
		size_t end =
			i + 1 < reference->count ? reference->pdus[i + 1].offset : sample.length;

		for (size_t at = reference->pdus[i].offset; at < end; at += SWAP_PIECE)
			cuts[count++] = at;
	}
	cuts[count] = sample.length;
	return count;
}

/*
 * Neighbouring segments change places, as happens when packets of one direction pass on two
 * CPUs: every PDU is found, once.
 */
static void test_neighbours_swapped(void **state)
{
	size_t cuts[SWAP_CUTS + 1] = {0};
	uint32_t random = 23;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		enum nvme_tcp_side side = round & 1;
		struct wire_path path = random_path(&random);
		struct reference reference;
		struct stoq_flow flow;
		size_t count;

		make_sample(side, &random);
		decode(&reference, side);
		count = cut_by_pdus(&reference, cuts);
		assert_true(count > 1);
		rig_clear(the_rig);
		open_connection(&path, side);
		send_piece(&path, side, cuts[0], cuts[1]);
		for (size_t i = 1; i < count; i++) {
			bool swap = i + 1 < count && sample_random(&random) % 3 == 0;

			if (swap)
				send_piece(&path, side, cuts[i + 1], cuts[i + 2]);
			send_piece(&path, side, cuts[i], cuts[i + 1]);
			i += swap;
		}
		assert_int_equal(the_rig->pdu_count, reference.count);
		assert_true(rig_flow(the_rig, &flow));
		assert_int_equal(flow.side[side].state, STOQ_FLOW_SYNCED);
		assert_int_equal(flow.side[side].gaps, flow.side[side].holes_closed);
	}
}

/* A segment that holds more than a hundred PDUs. */
static void test_many_in_one(void **state)
{
	struct nvme_tcp_format format = {0};
	struct wire_path path = rig_path();
	uint8_t front[NVME_TCP_FRONT_MAX];

	(void)state;
	rig_clear(the_rig);
	open_connection(&path, NVME_TCP_FROM_CONTROLLER);
	sample.length = 0;
	for (uint16_t cid = 0; cid < WIRE_PAYLOAD_MAX / 24; cid++) {
		struct nvme_cqe cqe = nvme_encode_cqe(cid, 0, 0);

		nvme_tcp_encode_capsule_resp(front, &format, &cqe);
		memcpy(sample.bytes + sample.length, front, 24);
		sample.length += 24;
	}
	send_piece(&path, NVME_TCP_FROM_CONTROLLER, 0, sample.length);
	assert_int_equal(the_rig->pdu_count, WIRE_PAYLOAD_MAX / 24);
	for (size_t i = 0; i < the_rig->pdu_count; i++)
		assert_int_equal(the_rig->pdus[i].header[20], i & 0xff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single_bytes),
		cmocka_unit_test(test_small_pieces),
		cmocka_unit_test(test_middling_pieces),
		cmocka_unit_test(test_large_pieces),
		cmocka_unit_test(test_retransmission),
		cmocka_unit_test(test_neighbours_swapped),
		cmocka_unit_test(test_many_in_one),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
