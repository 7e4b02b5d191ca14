// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/judge/reassembly.h"

#define STREAM_BYTES 5000
#define FIRST	     (UINT32_MAX - 700) /* sequence numbers wrap within the stream */

struct sink {
	uint8_t bytes[STREAM_BYTES];
	size_t length;
};

static void on_bytes(void *context, const uint8_t *bytes, size_t length)
{
	struct sink *sink = context;

	assert_true(length > 0 && length <= sizeof(sink->bytes) - sink->length);
	memcpy(sink->bytes + sink->length, bytes, length);
	sink->length += length;
}

static uint8_t stream[STREAM_BYTES];

static void make_stream(void)
{
	for (size_t i = 0; i < sizeof(stream); i++)
		stream[i] = (uint8_t)(i * 7 + i / 251);
}

static int add(struct reassembly *reassembly, struct sink *sink, size_t from, size_t to)
{
	return reassembly_add(
		reassembly, (uint32_t)(FIRST + from), stream + from, to - from, on_bytes, sink);
}

static void test_in_order(void **state)
{
	struct reassembly reassembly;
	struct sink sink = {.length = 0};

	make_stream();
	reassembly_start(&reassembly, FIRST);
	assert_int_equal(add(&reassembly, &sink, 0, 1000), 0);
	assert_int_equal(add(&reassembly, &sink, 1000, 1000), 0);
	assert_int_equal(add(&reassembly, &sink, 1000, STREAM_BYTES), 0);
	assert_int_equal(sink.length, STREAM_BYTES);
	assert_memory_equal(sink.bytes, stream, STREAM_BYTES);
	assert_false(reassembly_has_gap(&reassembly));
	assert_int_equal(reassembly.early_segments, 0);
	assert_int_equal(reassembly.retransmitted_bytes, 0);
}

static void test_gap_and_what_closes_it(void **state)
{
	struct reassembly reassembly;
	struct sink sink = {.length = 0};

	make_stream();
	reassembly_start(&reassembly, FIRST);
	assert_int_equal(add(&reassembly, &sink, 600, 900), 0);
	assert_int_equal(add(&reassembly, &sink, 200, 400), 0);
	assert_int_equal(add(&reassembly, &sink, 0, 150), 0);
	assert_int_equal(sink.length, 150);
	assert_true(reassembly_has_gap(&reassembly));
	/* Closes the first gap; half of it came before. */
	assert_int_equal(add(&reassembly, &sink, 100, 200), 0);
	assert_int_equal(sink.length, 400);
	assert_int_equal(reassembly.retransmitted_bytes, 50);
	/* Closes the second and covers what is held behind it. */
	assert_int_equal(add(&reassembly, &sink, 400, 1000), 0);
	assert_int_equal(sink.length, 1000);
	assert_memory_equal(sink.bytes, stream, 1000);
	assert_false(reassembly_has_gap(&reassembly));
	assert_int_equal(reassembly.held_bytes, 0);
	assert_int_equal(reassembly.early_segments, 2);
}

static void test_retransmission_is_dropped(void **state)
{
	struct reassembly reassembly;
	struct sink sink = {.length = 0};

	make_stream();
	reassembly_start(&reassembly, FIRST);
	assert_int_equal(add(&reassembly, &sink, 0, 800), 0);
	assert_int_equal(add(&reassembly, &sink, 0, 800), 0);
	assert_int_equal(add(&reassembly, &sink, 300, 500), 0);
	assert_int_equal(sink.length, 800);
	assert_int_equal(reassembly.retransmitted_bytes, 1000);
	/* With new bytes behind the old ones. */
	assert_int_equal(add(&reassembly, &sink, 700, 1200), 0);
	assert_int_equal(sink.length, 1200);
	assert_memory_equal(sink.bytes, stream, 1200);
}

/* Segments of any length, in any order, some twice, overlapping. */
static void test_any_order(void **state)
{
	make_stream();
	for (unsigned int round = 1; round <= 200; round++) {
		struct reassembly reassembly;
		struct sink sink = {.length = 0};
		unsigned int seed = round;

		reassembly_start(&reassembly, FIRST);
		while (sink.length < STREAM_BYTES) {
			size_t from = (size_t)rand_r(&seed) % STREAM_BYTES;
			size_t to = from + (size_t)rand_r(&seed) % 600;

			if (rand_r(&seed) % 8 == 0)
				from = sink.length;
			if (to > STREAM_BYTES)
				to = STREAM_BYTES;
			if (from < to)
				assert_int_equal(add(&reassembly, &sink, from, to), 0);
		}
		assert_memory_equal(sink.bytes, stream, STREAM_BYTES);
		assert_false(reassembly_has_gap(&reassembly));
	}
}

static void test_memory_is_bounded(void **state)
{
	size_t length = 1 << 20;
	uint8_t *bytes = calloc(1, length);
	struct reassembly reassembly;
	struct sink sink = {.length = 0};
	int result = 0;
	uint32_t count = 0;

	assert_non_null(bytes);
	reassembly_start(&reassembly, 0);
	while (!result && count < 100)
		result = reassembly_add(&reassembly, (uint32_t)(1 + count++ * length), bytes,
			length, on_bytes, &sink);
	assert_int_equal(result, -ENOBUFS);
	assert_int_equal(count - 1, REASSEMBLY_HELD_MAX / length);
	reassembly_free(&reassembly);
	assert_false(reassembly_has_gap(&reassembly));
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_gap_and_what_closes_it),
		cmocka_unit_test(test_retransmission_is_dropped),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
