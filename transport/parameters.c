// SPDX-License-Identifier: BSD-2-Clause
#include "transport/parameters.h"

#include <errno.h>
#include <string.h>

#include "transport/frames.h"
#include "transport/varint.h"

#define MAX_DATAGRAM_FRAME_SIZE 0x20 /* RFC 9221, 3 */
/* RFC 9000 and its extensions have some twenty, and peers add one or two that mean nothing. */
#define PARAMETERS_MAX		128

struct parameter {
	uint64_t id;
	const uint8_t *begin, *value, *end;
};

static bool next(struct parameter *parameter, const uint8_t **at, const uint8_t *end)
{
	uint64_t size;

	parameter->begin = *at;
	if (!stoq_varint_get(at, end, &parameter->id) || !stoq_varint_get(at, end, &size) ||
		(uint64_t)(end - *at) < size)
		return false;
	parameter->value = *at;
	*at += size;
	parameter->end = *at;
	return true;
}

static bool is_among(const uint64_t *ids, size_t count, uint64_t id)
{
	for (size_t i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static int fail(struct stoq_parameters *parameters, const char *fault)
{
	parameters->fault = fault;
	return -EPROTO;
}

static bool take_datagram_size(struct stoq_parameters *parameters, const struct parameter *from)
{
	const uint8_t *at = from->value;

	return stoq_varint_get(&at, from->end, &parameters->max_datagram_frame_bytes) &&
	       at == from->end;
}

/* What ngtcp2 believes. */
static uint8_t *append_datagram_size(uint8_t *out)
{
	uint8_t value[8], *end = value;

	stoq_varint_put(&end, STOQ_DATAGRAM_FRAME_MAX);
	stoq_varint_put(&out, MAX_DATAGRAM_FRAME_SIZE);
	stoq_varint_put(&out, (uint64_t)(end - value));
	memcpy(out, value, (size_t)(end - value));
	return out + (end - value);
}

ptrdiff_t stoq_parameters_take(
	struct stoq_parameters *parameters, const uint8_t *data, size_t size, uint8_t *out)
{
	const uint8_t *at = data, *const end = data + size;
	uint64_t ids[PARAMETERS_MAX];
	uint8_t *const begin = out;
	size_t count = 0;

	*parameters = (struct stoq_parameters){0};
	while (at < end) {
		struct parameter one;

		if (!next(&one, &at, end))
			return fail(parameters, "a transport parameter is cut off");
		if (is_among(ids, count, one.id))
			return fail(parameters, "a transport parameter comes twice");
		if (count == PARAMETERS_MAX)
			return fail(parameters, "there are more than 128 transport parameters");
		ids[count++] = one.id;
		if (one.id != MAX_DATAGRAM_FRAME_SIZE) {
			memcpy(out, one.begin, (size_t)(one.end - one.begin));
			out += one.end - one.begin;
		} else if (!take_datagram_size(parameters, &one)) {
			return fail(parameters, "max_datagram_frame_size is no number");
		}
	}
	return append_datagram_size(out) - begin;
}
