// SPDX-License-Identifier: BSD-2-Clause
#include "nvme/nvme_tcp_check.h"
#include "nvme/nvme_tcp_stream.h"

#include "sample_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct sample_stream sample;

/* What was reported, checked against the sample as it comes. */
struct witness {
	unsigned int first; /* the sample's PDU that is expected first */
	unsigned int begun, ended, bad_digests;
	uint64_t data_bytes;
};

static void on_pdu(void *context, const struct nvme_tcp_hdr *hdr, uint64_t offset)
{
	struct witness *witness = context;
	const struct sample_pdu *pdu = &sample.pdus[witness->first + witness->begun++];

	assert_true(pdu < sample.pdus + sample.count);
	assert_int_equal(hdr->type, pdu->type);
	assert_true(offset == pdu->offset);
	assert_memory_equal(hdr, sample.bytes + offset, hdr->hlen);
	assert_int_equal(nvme_tcp_data_length(hdr), pdu->data_bytes);
}

static void on_data(void *context, const struct nvme_tcp_hdr *hdr, uint32_t at,
	const uint8_t *bytes, size_t length)
{
	struct witness *witness = context;
	const struct sample_pdu *pdu = &sample.pdus[witness->first + witness->begun - 1];

	assert_true(length > 0 && at + length <= pdu->data_bytes);
	assert_memory_equal(bytes, sample.bytes + pdu->data_offset + at, length);
	witness->data_bytes += length;
}

static void on_end(void *context, const struct nvme_tcp_hdr *hdr, enum nvme_tcp_data_digest digest)
{
	struct witness *witness = context;
	bool has_digest = hdr->flags & NVME_TCP_FLAG_DDGST;

	witness->ended++;
	assert_int_equal(witness->ended, witness->begun);
	if (digest == NVME_TCP_DATA_DIGEST_BAD)
		witness->bad_digests++;
	else
		assert_int_equal(
			digest, has_digest ? NVME_TCP_DATA_DIGEST_GOOD : NVME_TCP_DATA_DIGEST_NONE);
}

static const struct nvme_tcp_stream_events events = {on_pdu, on_data, on_end};

static const struct nvme_tcp_format formats[] = {
	{0},
	{.header_digest = true},
	{.data_digest = true, .data_alignment = 3},
	{.header_digest = true, .data_digest = true, .data_alignment = 17},
};

static uint64_t sample_data_bytes(unsigned int first)
{
	uint64_t bytes = 0;

	for (unsigned int i = first; i < sample.count; i++)
		bytes += sample.pdus[i].data_bytes;
	return bytes;
}

static void feed_pieces(struct nvme_tcp_stream *stream, size_t from, size_t piece)
{
	for (size_t at = from; at < sample.length; at += piece) {
		size_t length = sample.length - at < piece ? sample.length - at : piece;
		/* A copy of exactly this size, so that a sanitizer sees reads beyond it. */
		uint8_t *copy = test_malloc(length);

		memcpy(copy, sample.bytes + at, length);
		nvme_tcp_stream_feed(stream, copy, length);
		test_free(copy);
	}
}

static void assert_saw_all(const struct witness *witness)
{
	assert_int_equal(witness->begun, sample.count - witness->first);
	assert_int_equal(witness->ended, witness->begun);
	assert_true(witness->data_bytes == sample_data_bytes(witness->first));
}

static void test_every_segmentation_gives_the_same(void **state)
{
	for (int i = 0; i < 8; i++) {
		enum nvme_tcp_side side = i % 2;

		sample_stream_make(&sample, side, &formats[i / 2], 20, 400, 77 + i);
		for (size_t piece = 1; piece <= sample.length; piece += piece < 300 ? 1 : 97) {
			struct witness witness = {0};
			struct nvme_tcp_stream stream;

			nvme_tcp_stream_init(&stream, side, true, &events, &witness);
			stream.check_digests = true;
			feed_pieces(&stream, 0, piece);
			assert_saw_all(&witness);
			assert_int_equal(witness.bad_digests, 0);
			assert_int_equal(stream.counters.bad_headers, 0);
			assert_int_equal(stream.counters.pdus, sample.count);
		}
	}
}

static void test_random_segmentation(void **state)
{
	for (uint32_t seed = 1; seed < 200; seed++) {
		struct witness witness = {0};
		struct nvme_tcp_stream stream;
		uint32_t random = seed;
		size_t at = 0;

		sample_stream_make(&sample, seed % 2, &formats[seed % 4], 30, 1500, seed);
		nvme_tcp_stream_init(&stream, seed % 2, true, &events, &witness);
		stream.check_digests = true;
		while (at < sample.length) {
			size_t length = sample_random(&random) % 700;

			if (length > sample.length - at)
				length = sample.length - at;
			nvme_tcp_stream_feed(&stream, sample.bytes + at, length);
			at += length;
		}
		assert_saw_all(&witness);
	}
}

/* Entered anywhere, the stream is believed at the last PDU of the first whole chain. */
static void test_entered_in_the_middle(void **state)
{
	static const size_t pieces[] = {1, 7, 100, SAMPLE_BYTES};

	sample_stream_make(&sample, NVME_TCP_FROM_CONTROLLER, &formats[1], 30, 300, 5);
	for (size_t from = 1; from < sample.pdus[20].offset; from += 13) {
		unsigned int next = 0;

		while (sample.pdus[next].offset < from)
			next++;
		for (int i = 0; i < 4; i++) {
			struct witness witness = {.first = next + NVME_TCP_SYNC_CHAIN - 1};
			struct nvme_tcp_stream stream;

			nvme_tcp_stream_init(
				&stream, NVME_TCP_FROM_CONTROLLER, false, &events, &witness);
			/* Offsets count from the first byte fed: make them the sample's. */
			stream.at = stream.end = from;
			stream.check_digests = true;
			assert_false(nvme_tcp_stream_synced(&stream));
			feed_pieces(&stream, from, pieces[i]);
			assert_true(nvme_tcp_stream_synced(&stream));
			assert_saw_all(&witness);
			assert_int_equal(stream.counters.resyncs, 1);
			assert_int_equal(stream.counters.unsynced_bytes,
				sample.pdus[witness.first].offset - from);
		}
	}
}

static unsigned int break_at; /* index of the PDU whose header is broken */

static void on_pdu_around_break(void *context, const struct nvme_tcp_hdr *hdr, uint64_t offset)
{
	struct witness *witness = context;
	unsigned int index = witness->begun++;

	if (index >= break_at)
		index += NVME_TCP_SYNC_CHAIN;
	assert_true(offset == sample.pdus[index].offset);
}

static void test_a_bad_header_leads_to_learning_and_back(void **state)
{
	static const struct nvme_tcp_stream_events only_pdus = {.pdu = on_pdu_around_break};

	for (break_at = 1; break_at < 20; break_at++) {
		struct witness witness = {0};
		struct nvme_tcp_stream stream;

		sample_stream_make(&sample, NVME_TCP_FROM_HOST, &formats[0], 30, 200, 9);
		sample.bytes[sample.pdus[break_at].offset + 2] ^= 0x55;
		nvme_tcp_stream_init(&stream, NVME_TCP_FROM_HOST, true, &only_pdus, &witness);
		feed_pieces(&stream, 0, 11);
		assert_int_equal(stream.counters.bad_headers, 1);
		assert_int_equal(stream.counters.bad_header_digests, 0);
		assert_int_equal(stream.counters.resyncs, 1);
		assert_int_equal(witness.begun, sample.count - NVME_TCP_SYNC_CHAIN);
	}
}

static void test_a_wrong_header_digest_is_a_bad_header(void **state)
{
	static const struct nvme_tcp_stream_events none;

	for (int check = 0; check < 2; check++) {
		struct nvme_tcp_stream stream;

		sample_stream_make(&sample, NVME_TCP_FROM_CONTROLLER, &formats[1], 30, 200, 9);
		sample.bytes[sample.pdus[7].offset + 24] ^= 1;
		nvme_tcp_stream_init(&stream, NVME_TCP_FROM_CONTROLLER, true, &none, NULL);
		stream.check_digests = check;
		feed_pieces(&stream, 0, 50);
		assert_int_equal(stream.counters.bad_header_digests, check);
		assert_int_equal(stream.counters.bad_headers, check);
		assert_int_equal(stream.counters.pdus,
			check ? sample.count - NVME_TCP_SYNC_CHAIN : sample.count);
	}
}

static void test_a_wrong_data_digest_is_told_and_following_goes_on(void **state)
{
	struct witness witness = {0};
	struct nvme_tcp_stream stream;
	unsigned int victim = 1;

	sample_stream_make(&sample, NVME_TCP_FROM_HOST, &formats[2], 30, 200, 9);
	while (!sample.pdus[victim].data_bytes)
		victim++;
	sample.bytes[sample.pdus[victim].data_offset + sample.pdus[victim].data_bytes] ^= 1;
	nvme_tcp_stream_init(&stream, NVME_TCP_FROM_HOST, true, &events, &witness);
	stream.check_digests = true;
	feed_pieces(&stream, 0, 33);
	assert_saw_all(&witness);
	assert_int_equal(witness.bad_digests, 1);
	assert_int_equal(stream.counters.bad_data_digests, 1);
}

static void test_digest_over_zero_padding_is_accepted(void **state)
{
	struct nvme_tcp_format format = {.data_digest = true};
	struct nvme_tcp_data_fields fields = {.type = NVME_TCP_C2H_DATA, .length = 5};
	uint8_t bytes[NVME_TCP_FRONT_MAX + 16], padded[8] = {1, 2, 3, 4, 5};
	static const struct nvme_tcp_stream_events none;
	struct nvme_tcp_stream stream;
	size_t front = nvme_tcp_encode_data(bytes, &format, &fields);

	memcpy(bytes + front, padded, 5);
	nvme_digest_store(bytes + front + 5, nvme_crc32c(padded, 8));
	nvme_tcp_stream_init(&stream, NVME_TCP_FROM_CONTROLLER, true, &none, NULL);
	stream.check_digests = true;
	nvme_tcp_stream_feed(&stream, bytes, front + 9);
	assert_int_equal(stream.counters.pdus, 1);
	assert_int_equal(stream.counters.bad_data_digests, 0);
}

static void count_data(void *context, const struct nvme_tcp_hdr *hdr, uint32_t at,
	const uint8_t *bytes, size_t length)
{
	struct witness *witness = context;

	assert_memory_equal(bytes, &"data"[at], length);
	witness->data_bytes += length;
}

/*
 * What looks like the start of a long header holds back all that follows it, until it is
 * complete: then whole PDUs come out of the kept bytes at once.
 */
static void test_pdus_that_were_held_back(void **state)
{
	static const struct nvme_tcp_stream_events only_data = {.data = count_data};
	static const uint8_t icresp[8] = {1, 0, 128, 0, 128, 0, 0, 0};
	struct nvme_tcp_data_fields fields = {.type = NVME_TCP_C2H_DATA, .length = 4};
	struct nvme_cqe cqe = nvme_encode_cqe(1, 1, 0);
	uint8_t bytes[NVME_TCP_HEADER_MAX + NVME_TCP_FRONT_MAX] = {0}, *end = bytes;
	struct witness witness = {0};
	struct nvme_tcp_stream stream;

	memcpy(end, icresp, sizeof(icresp));
	end += sizeof(icresp);
	for (int i = 0; i < NVME_TCP_SYNC_CHAIN - 1; i++)
		end += nvme_tcp_encode_capsule_resp(end, &formats[0], &cqe);
	end += nvme_tcp_encode_data(end, &formats[0], &fields);
	memcpy(end, "data", 4);
	assert_true(end + 4 < bytes + NVME_TCP_HEADER_MAX);
	nvme_tcp_stream_init(&stream, NVME_TCP_FROM_CONTROLLER, false, &only_data, &witness);
	for (int i = 0; i < NVME_TCP_HEADER_MAX; i++) {
		assert_true(witness.data_bytes == 0);
		nvme_tcp_stream_feed(&stream, &bytes[i], 1);
	}
	assert_true(witness.data_bytes == 4);
	assert_int_equal(stream.counters.pdus, 1);
}

/* A PDU that only the other side sends is no PDU. */
static void test_the_wrong_side_is_refused(void **state)
{
	static const struct nvme_tcp_stream_events none;
	struct nvme_tcp_stream stream;

	sample_stream_make(&sample, NVME_TCP_FROM_HOST, &formats[0], 30, 200, 9);
	nvme_tcp_stream_init(&stream, NVME_TCP_FROM_CONTROLLER, true, &none, NULL);
	feed_pieces(&stream, 0, 1000);
	assert_int_equal(stream.counters.pdus, 0);
	assert_int_equal(stream.counters.bad_headers, 1);
	/* What may still be the start of a header waits for more. */
	assert_true(stream.counters.unsynced_bytes + sizeof(struct nvme_tcp_hdr) > sample.length);
}

/* C2HData whose data is the header of another one, which claims `claimed` bytes of data. */
static void feed_nested(struct nvme_tcp_stream *stream, uint32_t claimed)
{
	struct nvme_tcp_format format = {0};
	struct nvme_tcp_data_fields inner = {.type = NVME_TCP_C2H_DATA, .length = claimed};
	struct nvme_tcp_data_fields outer = {.type = NVME_TCP_C2H_DATA, .length = 64};
	uint8_t bytes[2 * NVME_TCP_FRONT_MAX] = {0};
	size_t front = nvme_tcp_encode_data(bytes, &format, &outer);

	nvme_tcp_encode_data(bytes + front, &format, &inner);
	memset(bytes + front + 24, 0xff, 64 - 24);
	nvme_tcp_stream_feed(stream, bytes, front + outer.length);
}

/* Three PDUs in random bytes are not believed, nor is a chain that ends in random bytes. */
static void test_short_chains_are_not_believed(void **state)
{
	static const struct nvme_tcp_stream_events none;
	struct nvme_tcp_stream stream;
	uint32_t random = 12345;

	sample_stream_make(&sample, NVME_TCP_FROM_CONTROLLER, &formats[0], 30, 200, 9);
	nvme_tcp_stream_init(&stream, NVME_TCP_FROM_CONTROLLER, false, &none, NULL);
	for (int round = 0; round < 50; round++) {
		size_t from = sample.pdus[round % 20].offset;
		size_t to = sample.pdus[round % 20 + NVME_TCP_SYNC_CHAIN - 1].offset;

		nvme_tcp_stream_feed(&stream, sample.bytes + from, to - from);
		for (int i = 0; i < 100; i++) {
			uint8_t byte = (uint8_t)(sample_random(&random) | 0x10);

			nvme_tcp_stream_feed(&stream, &byte, 1);
		}
	}
	assert_false(nvme_tcp_stream_synced(&stream));
	assert_int_equal(stream.counters.resyncs, 0);
	/* Nor do they stay in the way. */
	for (int pdu = 0; pdu < 10; pdu++)
		feed_nested(&stream, 1 << 20);
	assert_int_equal(stream.counters.pdus, 10 - NVME_TCP_SYNC_CHAIN + 1);
}

/* Headers inside of data: of PDUs that reach far, and of one that ends where the real one does. */
static void test_headers_inside_of_data_do_not_hide_the_real_ones(void **state)
{
	static const uint32_t claims[] = {1 << 20, 64 - 24};
	static const struct nvme_tcp_stream_events none;

	for (int i = 0; i < 2; i++) {
		struct nvme_tcp_stream stream;

		nvme_tcp_stream_init(&stream, NVME_TCP_FROM_CONTROLLER, false, &none, NULL);
		for (int pdu = 0; pdu < NVME_TCP_STREAM_CANDIDATES; pdu++) {
			uint8_t front[NVME_TCP_FRONT_MAX];
			struct nvme_tcp_data_fields far = {
				.type = NVME_TCP_C2H_DATA, .length = 1 << 21};

			nvme_tcp_stream_feed(
				&stream, front, nvme_tcp_encode_data(front, &formats[0], &far));
		}
		for (int pdu = 0; pdu < 10; pdu++)
			feed_nested(&stream, claims[i]);
		assert_int_equal(stream.counters.resyncs, 1);
		assert_int_equal(stream.counters.pdus, 10 - NVME_TCP_SYNC_CHAIN + 1);
	}
}

/* More false beginnings than there are slots, all claiming to be long, do not hide the truth. */
static void test_false_candidates_do_not_fill_the_slots_for_good(void **state)
{
	static const struct nvme_tcp_stream_events none;
	struct nvme_tcp_stream stream;
	struct nvme_tcp_format format = {0};
	uint8_t front[NVME_TCP_FRONT_MAX];

	nvme_tcp_stream_init(&stream, NVME_TCP_FROM_CONTROLLER, false, &none, NULL);
	for (int i = 0; i < 3 * NVME_TCP_STREAM_CANDIDATES; i++) {
		struct nvme_tcp_data_fields fields = {
			.type = NVME_TCP_C2H_DATA, .length = 1000000 + 4096 * i};
		size_t bytes = nvme_tcp_encode_data(front, &format, &fields);

		nvme_tcp_stream_feed(&stream, front, bytes);
	}
	sample_stream_make(&sample, NVME_TCP_FROM_CONTROLLER, &format, 30, 200, 9);
	feed_pieces(&stream, 0, 1000);
	assert_true(nvme_tcp_stream_synced(&stream));
	assert_int_equal(stream.counters.pdus, sample.count - NVME_TCP_SYNC_CHAIN + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_segmentation_gives_the_same),
		cmocka_unit_test(test_random_segmentation),
		cmocka_unit_test(test_entered_in_the_middle),
		cmocka_unit_test(test_a_bad_header_leads_to_learning_and_back),
		cmocka_unit_test(test_a_wrong_header_digest_is_a_bad_header),
		cmocka_unit_test(test_a_wrong_data_digest_is_told_and_following_goes_on),
		cmocka_unit_test(test_digest_over_zero_padding_is_accepted),
		cmocka_unit_test(test_pdus_that_were_held_back),
		cmocka_unit_test(test_the_wrong_side_is_refused),
		cmocka_unit_test(test_short_chains_are_not_believed),
		cmocka_unit_test(test_headers_inside_of_data_do_not_hide_the_real_ones),
		cmocka_unit_test(test_false_candidates_do_not_fill_the_slots_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
