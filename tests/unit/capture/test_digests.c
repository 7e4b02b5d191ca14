// SPDX-License-Identifier: BSD-2-Clause
/*
 * Digests in captures: those of a conversation are all right, however it is cut, sent twice or out of order; any byte that is
 * changed is found; what was not captured is counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "flow/violations.h"
#include "nvme/nvme_tcp_check.h"
#include "talk.h"
#include "tests/unit/nvme/sample_stream.h"
#include "watch/capture.h"

#define COMMANDS 40
#define SEEDS	 16

struct reading {
	struct stoq_watch *watch;
	const struct stoq_model *model;
	struct stoq_event_violation first; /* kind: valid if there was one */
	unsigned int events;
};

static void on_happening(
	void *context, const struct stoq_event_happening *event, const struct stoq_identity *queue)
{
	struct reading *reading = context;

	if (event->violation && !reading->events++)
		reading->first = *event->violation;
}

static struct stoq_event_handlers handlers = {.happening = on_happening};

static void begin_reading(struct reading *reading)
{
	struct stoq_watch_config config;
	struct stoq_error error;

	*reading = (struct reading){0};
	handlers.context = reading;
	stoq_watch_config_init(&config);
	config.check = true;
	config.max_flows = config.max_series = 64;
	config.max_commands = 1024;
	config.max_early = 1;
	assert_int_equal(stoq_watch_open_capture(
				 &reading->watch, &config, "capture", "x", &handlers, &error),
		0);
}

/* At most `snap` bytes of it. */
static void take_frame(struct reading *reading, const struct talk_frame *frame, uint32_t snap)
{
	const struct stoq_capture_packet packet = {.bytes = frame->bytes,
		.captured = frame->length < snap ? (uint32_t)frame->length : snap,
		.length = (uint32_t)frame->length};

	stoq_watch_packet(reading->watch, &packet, frame->time_ns);
}

static void take_talk(struct reading *reading, const struct talk *talk, uint32_t snap)
{
	struct stoq_error error;

	begin_reading(reading);
	for (size_t i = 0; i < talk->frame_count; i++)
		take_frame(reading, &talk->frames[i], snap);
	assert_int_equal(stoq_watch_update(reading->watch, &reading->model, &error), 0);
}

static uint64_t violations(const struct reading *reading)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < STOQ_VIOLATIONS; i++)
		sum += reading->model->violations[i];
	return sum;
}

static void make_talk(struct talk *talk, uint32_t seed)
{
	talk_init(talk);
	talk->random = seed;
	talk->piece = seed % 3 ? 1400 : 60;
	talk->format.header_digest = seed & 1;
	talk->format.data_digest = seed & 2;
	talk->format.data_alignment = seed & 4 ? 7 : 0;
	talk_make(talk, COMMANDS);
}

/* All but those of ICReq and ICResp; and one PDU of each command, and Connect, has data. */
static void assert_counts(const struct reading *reading, const struct talk *talk)
{
	const struct stoq_model *model = reading->model;

	assert_true(model->digested);
	assert_int_equal(model->header_digests.checked + model->header_digests.unchecked,
		talk->format.header_digest ? talk_pdus(talk) - 2 : 0);
	assert_int_equal(model->data_digests.checked + model->data_digests.unchecked,
		talk->format.data_digest ? COMMANDS + 1 : 0);
	assert_int_equal(violations(reading), 0);
}

static void test_cut_anywhere(void **state)
{
	for (uint32_t seed = 0; seed < SEEDS; seed++) {
		struct reading reading;
		struct talk talk;

		make_talk(&talk, seed);
		take_talk(&reading, &talk, UINT32_MAX);
		assert_counts(&reading, &talk);
		assert_int_equal(reading.model->header_digests.unchecked, 0);
		assert_int_equal(reading.model->data_digests.unchecked, 0);
		stoq_watch_close(reading.watch);
		talk_free(&talk);
	}
}

/* Neighbours that were sent at the same time change places. */
static void shuffle(struct talk *talk)
{
	for (size_t i = talk->first_io; i + 1 < talk->frame_count; i++) {
		struct talk_frame one = talk->frames[i], other = talk->frames[i + 1];

		if (sample_random(&talk->random) % 3 || one.time_ns != other.time_ns ||
			one.from_controller != other.from_controller)
			continue;
		talk->frames[i] = other;
		talk->frames[i + 1] = one;
	}
}

static void test_sent_twice_and_out_of_order(void **state)
{
	uint64_t checked = 0, unchecked = 0;

	for (uint32_t seed = 1; seed < SEEDS; seed++) {
		struct reading reading;
		struct stoq_error error;
		struct talk talk;

		make_talk(&talk, seed);
		shuffle(&talk);
		begin_reading(&reading);
		for (size_t i = 0; i < talk.frame_count; i++)
			for (int twice = sample_random(&talk.random) % 4 == 0; twice >= 0; twice--)
				take_frame(&reading, &talk.frames[i], UINT32_MAX);
		assert_int_equal(stoq_watch_update(reading.watch, &reading.model, &error), 0);
		assert_counts(&reading, &talk);
		checked +=
			reading.model->header_digests.checked + reading.model->data_digests.checked;
		unchecked += reading.model->header_digests.unchecked +
			     reading.model->data_digests.unchecked;
		stoq_watch_close(reading.watch);
		talk_free(&talk);
	}
	assert_true(unchecked > 0);
	assert_true(checked > unchecked);
}

/* The payload's place in a frame of the talk: Ethernet, IPv4 and TCP without options. */
#define PAYLOAD 54

/* One byte of one frame at a time: a receiver would notice, and so does the reader. */
static void test_any_byte_changed(void **state)
{
	struct talk talk;

	make_talk(&talk, 7);
	for (size_t i = talk.first_io; i < talk.frame_count; i++) {
		uint8_t *payload = talk.frames[i].bytes + PAYLOAD;
		size_t at = sample_random(&talk.random) % (talk.frames[i].length - PAYLOAD);
		uint8_t before = payload[at];
		struct reading reading;
		const uint64_t *kinds;

		payload[at] ^= (uint8_t)(1u << i % 8);
		take_talk(&reading, &talk, UINT32_MAX);
		kinds = reading.model->violations;
		assert_true(kinds[STOQ_VIOLATION_HEADER_DIGEST_WRONG] +
				    kinds[STOQ_VIOLATION_DATA_DIGEST_WRONG] +
				    kinds[STOQ_VIOLATION_MALFORMED] >
			    0);
		payload[at] = before;
		stoq_watch_close(reading.watch);
	}
	talk_free(&talk);
}

/* The last bytes of the talk are a response with its digest; those before a PDU with data and its own. */
static void test_what_is_reported(void **state)
{
	char text[STOQ_VIOLATION_TEXT];
	struct reading reading;
	struct talk talk;
	struct talk_frame *last;

	talk_init(&talk);
	talk.piece = WIRE_PAYLOAD_MAX;
	talk.format.header_digest = talk.format.data_digest = true;
	talk_make(&talk, 2); /* the second one is a read with a response */
	last = &talk.frames[talk.frame_count - 1];
	last->bytes[last->length - 1] ^= 0x80;
	take_talk(&reading, &talk, UINT32_MAX);
	assert_int_equal(violations(&reading), 1);
	assert_int_equal(reading.events, 1);
	assert_int_equal(reading.first.violation.kind, STOQ_VIOLATION_HEADER_DIGEST_WRONG);
	assert_int_equal(reading.first.violation.came ^ reading.first.violation.expected, 1u << 31);
	assert_int_equal(reading.first.side, NVME_TCP_FROM_CONTROLLER);
	stoq_watch_close(reading.watch);
	last->bytes[last->length - 1] ^= 0x80;

	last[-1].bytes[last[-1].length - 5] ^= 1;
	take_talk(&reading, &talk, UINT32_MAX);
	assert_int_equal(violations(&reading), 1);
	assert_int_equal(reading.first.violation.kind, STOQ_VIOLATION_DATA_DIGEST_WRONG);
	assert_int_equal(reading.first.header[0], NVME_TCP_C2H_DATA);
	stoq_violation_text(text, &reading.first);
	assert_non_null(strstr(text, "C2HData of CID 0x0002: data digest 0x"));
	assert_int_equal(reading.model->data_digests.checked, 3);
	stoq_watch_close(reading.watch);
	talk_free(&talk);
}

/* Where the snap length leaves headers, their digests are checked. */
static void test_snap_length(void **state)
{
	struct reading reading;
	struct talk talk;

	talk_init(&talk);
	talk.piece = WIRE_PAYLOAD_MAX;
	talk.format.header_digest = talk.format.data_digest = true;
	talk_make(&talk, COMMANDS);
	take_talk(&reading, &talk, PAYLOAD + 132);
	assert_int_equal(reading.model->header_digests.checked, talk_pdus(&talk) - 2);
	assert_int_equal(reading.model->data_digests.checked, 0);
	assert_counts(&reading, &talk);
	stoq_watch_close(reading.watch);
	talk_free(&talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_sent_twice_and_out_of_order),
		cmocka_unit_test(test_any_byte_changed),
		cmocka_unit_test(test_what_is_reported),
		cmocka_unit_test(test_snap_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
