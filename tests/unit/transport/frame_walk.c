// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/transport/frame_walk.h"

#include "tests/unit/transport/rig.h"
#include "transport/frames.h"
#include "transport/varint.h"

static uint64_t number(const uint8_t **at, const uint8_t *end)
{
	uint64_t value;

	assert_true(stoq_varint_get(at, end, &value));
	return value;
}

static void take_data(
	struct frame_walk *frame, const uint8_t **at, const uint8_t *end, uint64_t size)
{
	assert_true(size <= (uint64_t)(end - *at));
	frame->data = *at;
	frame->size = size;
	*at += size;
}

static void stream(struct frame_walk *frame, const uint8_t **at, const uint8_t *end)
{
	uint64_t size;

	frame->numbers[0] = number(at, end);
	frame->numbers[1] = frame->type & 4 ? number(at, end) : 0;
	size = frame->type & 2 ? number(at, end) : (uint64_t)(end - *at);
	take_data(frame, at, end, size);
}

static void acknowledgement(struct frame_walk *frame, const uint8_t **at, const uint8_t *end)
{
	for (int i = 0; i < 4; i++)
		frame->numbers[i] = number(at, end);
	for (uint64_t i = 0; i < 2 * frame->numbers[2]; i++)
		number(at, end);
	for (int i = 0; frame->type == 0x03 && i < 3; i++)
		number(at, end);
}

static void connection_id(struct frame_walk *frame, const uint8_t **at, const uint8_t *end)
{
	uint8_t size;

	frame->numbers[0] = number(at, end);
	frame->numbers[1] = number(at, end);
	size = *(*at)++;
	take_data(frame, at, end, size);
	*at += 16;
	assert_true(*at <= end);
}

/* Of frames that are numbers alone. */
static unsigned int count_numbers(uint64_t type)
{
	switch (type) {
	case 0x04:
		return 3;
	case 0x05:
	case 0x11:
	case 0x15:
		return 2;
	case 0x10:
	case 0x12:
	case 0x13:
	case 0x14:
	case 0x16:
	case 0x17:
	case 0x19:
		return 1;
	default:
		return 0;
	}
}

struct frame_walk frame_walk_next(const uint8_t **at, const uint8_t *end)
{
	struct frame_walk frame = {.begin = *at};

	frame.type = number(at, end);
	for (unsigned int i = 0; i < count_numbers(frame.type); i++)
		frame.numbers[i] = number(at, end);
	if (frame.type >= 0x08 && frame.type <= 0x0f)
		stream(&frame, at, end);
	else if (frame.type == 0x02 || frame.type == 0x03)
		acknowledgement(&frame, at, end);
	else if (frame.type == 0x18)
		connection_id(&frame, at, end);
	else if (frame.type == 0x1a || frame.type == 0x1b)
		take_data(&frame, at, end, 8);
	else if (frame.type == 0x1c || frame.type == 0x1d || frame.type == 0x30)
		take_data(&frame, at, end, (uint64_t)(end - *at));
	else if (frame.type == 0x06)
		frame.numbers[0] = number(at, end);
	if (frame.type == 0x06 || frame.type == 0x07 || frame.type == 0x31) {
		uint64_t size = number(at, end);

		take_data(&frame, at, end, size);
	}
	if (frame.type > 0x1e && frame.type != 0x30 && frame.type != 0x31)
		fail_msg("frame %lx", frame.type);
	return frame;
}

void frame_walk_erase_ids(uint8_t *begin, const uint8_t *end)
{
	const uint8_t *at = begin;

	while (at < end) {
		const struct frame_walk frame = frame_walk_next(&at, end);

		if (frame.type == 0x18)
			memset(begin + (frame.begin - begin), 0, (size_t)(at - frame.begin));
	}
}

uint8_t *frame_walk_find_short(uint8_t *at, uint8_t *end)
{
	while (at < end && *at & 0x80) {
		const uint8_t *next = at + 5;
		uint64_t size;

		next += 1 + *next;
		next += 1 + *next;
		if (!(at[0] & 0x30)) {
			size = number(&next, end);
			next += size;
		}
		size = number(&next, end);
		at = (uint8_t *)next + size;
	}
	return at < end && *at & 0x40 ? at : NULL;
}

uint64_t frame_walk_packet_number(const uint8_t *at, size_t size, uint64_t largest)
{
	uint64_t value = 0, window = 1ull << 8 * size, expected = largest + 1, candidate;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | at[i];
	candidate = (expected & ~(window - 1)) | value;
	if (candidate + window / 2 <= expected)
		return candidate + window;
	if (candidate > expected + window / 2 && candidate >= window)
		return candidate - window;
	return candidate;
}
