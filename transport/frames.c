// SPDX-License-Identifier: BSD-2-Clause
#include "transport/frames.h"
#include "transport/varint.h"

#include <string.h>

#define VARINT_MAX  ((1ull << 62) - 1)
#define STREAMS_MAX (1ull << 60) /* RFC 9000, 4.6 */
#define CID_MAX	    20
#define TOKEN_BYTES 16 /* of a stateless reset */
#define PATH_BYTES  8

/* RFC 9000, 12.4, and RFC 9221, 4. */
enum frame_type {
	PADDING = 0x00,
	PING = 0x01,
	ACK = 0x02,
	ACK_ECN = 0x03,
	RESET_STREAM = 0x04,
	STOP_SENDING = 0x05,
	CRYPTO = 0x06,
	NEW_TOKEN = 0x07,
	STREAM = 0x08,
	STREAM_LAST = 0x0f,
	MAX_DATA = 0x10,
	MAX_STREAM_DATA = 0x11,
	MAX_STREAMS_BIDI = 0x12,
	MAX_STREAMS_UNI = 0x13,
	DATA_BLOCKED = 0x14,
	STREAM_DATA_BLOCKED = 0x15,
	STREAMS_BLOCKED_BIDI = 0x16,
	STREAMS_BLOCKED_UNI = 0x17,
	NEW_CONNECTION_ID = 0x18,
	RETIRE_CONNECTION_ID = 0x19,
	PATH_CHALLENGE = 0x1a,
	PATH_RESPONSE = 0x1b,
	CONNECTION_CLOSE = 0x1c,
	CONNECTION_CLOSE_APPLICATION = 0x1d,
	HANDSHAKE_DONE = 0x1e,
	DATAGRAM = 0x30,
	DATAGRAM_LENGTH = 0x31,
};

#define STREAM_FIN    1u
#define STREAM_LENGTH 2u
#define STREAM_OFFSET 4u

/* A packet that is read, frame by frame. */
struct reader {
	const uint8_t *at, *end;
	const uint8_t *begin; /* of the frame */
	const struct stoq_frame_rules *rules;
	struct stoq_frame_fault *fault;
	unsigned int seen;
};

static bool wrong(struct reader *reader, enum stoq_transport_code code, const char *reason)
{
	reader->fault->code = code;
	reader->fault->reason = reason;
	return false;
}

static bool cut(struct reader *reader)
{
	return wrong(reader, STOQ_FRAME_ENCODING_ERROR, "a frame is cut off");
}

/* Reads so many integers. */
static bool numbers(struct reader *reader, uint64_t *values, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (!stoq_varint_get(&reader->at, reader->end, &values[i]))
			return cut(reader);
	return true;
}

static bool skip(struct reader *reader, uint64_t bytes)
{
	if ((uint64_t)(reader->end - reader->at) < bytes)
		return cut(reader);
	reader->at += bytes;
	return true;
}

/* ---- streams ---- */

/* Stream IDs: RFC 9000, 2.1. */
static bool is_ours(const struct reader *reader, uint64_t id)
{
	return (id & 1) == reader->rules->server;
}

static bool is_unidirectional(uint64_t id)
{
	return id & 2;
}

static bool check_opened(struct reader *reader, uint64_t id)
{
	int64_t next = is_unidirectional(id) ? reader->rules->next_unidirectional
					     : reader->rules->next_bidirectional;

	if (is_ours(reader, id) && id >= (uint64_t)next)
		return wrong(reader, STOQ_STREAM_STATE_ERROR,
			"a frame is for a stream of ours that we have not opened");
	return true;
}

/* Of frames that the sender of a stream's data sends. */
static bool check_sender(struct reader *reader, uint64_t id)
{
	if (is_unidirectional(id) && is_ours(reader, id))
		return wrong(reader, STOQ_STREAM_STATE_ERROR,
			"a frame of a sender is for a stream that only we send on");
	return check_opened(reader, id);
}

/* Of those that the receiver sends. */
static bool check_receiver(struct reader *reader, uint64_t id)
{
	if (is_unidirectional(id) && !is_ours(reader, id))
		return wrong(reader, STOQ_STREAM_STATE_ERROR,
			"a frame of a receiver is for a stream that only the peer sends on");
	return check_opened(reader, id);
}

static bool stream(struct reader *reader, uint64_t type)
{
	uint64_t id, offset = 0, size;

	if (!numbers(reader, &id, 1) || (type & STREAM_OFFSET && !numbers(reader, &offset, 1)))
		return false;
	size = (uint64_t)(reader->end - reader->at);
	if (type & STREAM_LENGTH && !numbers(reader, &size, 1))
		return false;
	if (!skip(reader, size))
		return false;
	if (offset + size > VARINT_MAX)
		return wrong(reader, STOQ_FRAME_ENCODING_ERROR,
			"a stream would be longer than 2^62-1 bytes");
	return check_sender(reader, id);
}

/* A stream's ID first, and more numbers. */
static bool about_stream(struct reader *reader, unsigned int count,
	bool (*check)(struct reader *reader, uint64_t id))
{
	uint64_t values[3];

	return numbers(reader, values, count) && check(reader, values[0]);
}

static bool stream_count(struct reader *reader)
{
	uint64_t count;

	if (!numbers(reader, &count, 1))
		return false;
	return count <= STREAMS_MAX ||
	       wrong(reader, STOQ_FRAME_ENCODING_ERROR, "more than 2^60 streams");
}

/* ---- the others ---- */

/* RFC 9000, 19.3.1: ranges go down from the largest number, and none below zero. */
static bool acknowledgement(struct reader *reader, bool ecn)
{
	static const char below[] = "an ACK frame acknowledges packets below number 0";
	uint64_t head[4], range[2], smallest, counts[3];

	if (!numbers(reader, head, 4))
		return false;
	if (head[3] > head[0])
		return wrong(reader, STOQ_FRAME_ENCODING_ERROR, below);
	smallest = head[0] - head[3];
	for (uint64_t i = 0; i < head[2]; i++) {
		if (!numbers(reader, range, 2))
			return false;
		if (range[0] + 2 > smallest || range[1] > smallest - range[0] - 2)
			return wrong(reader, STOQ_FRAME_ENCODING_ERROR, below);
		smallest -= range[0] + 2 + range[1];
	}
	return !ecn || numbers(reader, counts, 3);
}

static bool crypto(struct reader *reader)
{
	uint64_t values[2];

	reader->seen |= STOQ_SEEN_CRYPTO;
	if (!numbers(reader, values, 2) || !skip(reader, values[1]))
		return false;
	return values[0] + values[1] <= VARINT_MAX ||
	       wrong(reader, STOQ_FRAME_ENCODING_ERROR, "CRYPTO data end beyond 2^62-1");
}

static bool new_token(struct reader *reader)
{
	uint64_t size;

	if (reader->rules->server)
		return wrong(reader, STOQ_PROTOCOL_VIOLATION, "a client sent NEW_TOKEN");
	if (!numbers(reader, &size, 1))
		return false;
	if (!size)
		return wrong(reader, STOQ_FRAME_ENCODING_ERROR, "a token is empty");
	return skip(reader, size);
}

static bool new_connection_id(struct reader *reader)
{
	uint64_t values[2];
	uint8_t size;

	reader->seen |= STOQ_SEEN_NEW_CONNECTION_ID;
	if (!numbers(reader, values, 2))
		return false;
	if (reader->at == reader->end)
		return cut(reader);
	size = *reader->at++;
	if (!size || size > CID_MAX)
		return wrong(reader, STOQ_FRAME_ENCODING_ERROR,
			"a connection ID has no byte, or more than 20");
	if (values[1] > values[0])
		return wrong(reader, STOQ_FRAME_ENCODING_ERROR,
			"NEW_CONNECTION_ID retires what it has not given yet");
	return skip(reader, size + TOKEN_BYTES);
}

static bool connection_close(struct reader *reader, unsigned int count)
{
	uint64_t values[3];

	return numbers(reader, values, count) && skip(reader, values[count - 1]);
}

static bool handshake_done(struct reader *reader)
{
	reader->seen |= STOQ_SEEN_HANDSHAKE_DONE;
	return !reader->rules->server ||
	       wrong(reader, STOQ_PROTOCOL_VIOLATION, "a client sent HANDSHAKE_DONE");
}

/* RFC 9221, 3: the frame's type and length count for the limit. */
static bool datagram(struct reader *reader, bool has_length)
{
	uint64_t size = (uint64_t)(reader->end - reader->at);

	if (!reader->rules->datagram_frame_max)
		return wrong(reader, STOQ_PROTOCOL_VIOLATION, "a DATAGRAM frame, and we take none");
	if (has_length && !numbers(reader, &size, 1))
		return false;
	if (!skip(reader, size))
		return false;
	return (uint64_t)(reader->at - reader->begin) <= reader->rules->datagram_frame_max ||
	       wrong(reader, STOQ_PROTOCOL_VIOLATION, "a DATAGRAM frame is larger than we take");
}

/* ---- which frames, where ---- */

/* RFC 9000, 12.4, table 3, and 12.5. */
static bool allowed(enum stoq_packet_kind kind, uint64_t type)
{
	switch (type) {
	case PADDING:
	case PING:
	case CONNECTION_CLOSE:
		return true;
	case ACK:
	case ACK_ECN:
	case CRYPTO:
		return kind != STOQ_EARLY;
	case NEW_TOKEN:
	case RETIRE_CONNECTION_ID:
	case PATH_RESPONSE:
	case HANDSHAKE_DONE:
		return kind == STOQ_ONE_RTT;
	default:
		return kind == STOQ_EARLY || kind == STOQ_ONE_RTT;
	}
}

static bool known(uint64_t type)
{
	return type <= HANDSHAKE_DONE || type == DATAGRAM || type == DATAGRAM_LENGTH;
}

static bool body(struct reader *reader, uint64_t type)
{
	uint64_t value;

	if (type >= STREAM && type <= STREAM_LAST)
		return stream(reader, type);
	switch (type) {
	case ACK:
	case ACK_ECN:
		return acknowledgement(reader, type == ACK_ECN);
	case RESET_STREAM:
		return about_stream(reader, 3, check_sender);
	case STOP_SENDING:
	case MAX_STREAM_DATA:
		return about_stream(reader, 2, check_receiver);
	case STREAM_DATA_BLOCKED:
		return about_stream(reader, 2, check_sender);
	case CRYPTO:
		return crypto(reader);
	case NEW_TOKEN:
		return new_token(reader);
	case MAX_DATA:
	case DATA_BLOCKED:
	case RETIRE_CONNECTION_ID:
		return numbers(reader, &value, 1);
	case MAX_STREAMS_BIDI:
	case MAX_STREAMS_UNI:
	case STREAMS_BLOCKED_BIDI:
	case STREAMS_BLOCKED_UNI:
		return stream_count(reader);
	case NEW_CONNECTION_ID:
		return new_connection_id(reader);
	case PATH_CHALLENGE:
	case PATH_RESPONSE:
		return skip(reader, PATH_BYTES);
	case CONNECTION_CLOSE:
		return connection_close(reader, 3);
	case CONNECTION_CLOSE_APPLICATION:
		return connection_close(reader, 2);
	case HANDSHAKE_DONE:
		return handshake_done(reader);
	case DATAGRAM:
	case DATAGRAM_LENGTH:
		return datagram(reader, type == DATAGRAM_LENGTH);
	default: /* PADDING, PING */
		return true;
	}
}

/* Types are encoded in the fewest bytes (RFC 9000, 12.4), so all that are known are one byte. */
static bool frame(struct reader *reader)
{
	uint64_t type;

	reader->begin = reader->at;
	if (!numbers(reader, &type, 1))
		return false;
	reader->fault->type = type;
	if (!known(type))
		return wrong(reader, STOQ_FRAME_ENCODING_ERROR, "a frame of unknown type");
	if (reader->at - reader->begin != 1)
		return wrong(reader, STOQ_PROTOCOL_VIOLATION,
			"a frame's type is not encoded in the fewest bytes");
	if (!allowed(reader->rules->kind, type))
		return wrong(reader, STOQ_PROTOCOL_VIOLATION,
			"a frame is in a packet that may not hold it");
	return body(reader, type);
}

bool stoq_frames_check(const uint8_t *payload, size_t size, const struct stoq_frame_rules *rules,
	struct stoq_frame_fault *fault, unsigned int *seen)
{
	struct reader reader = {
		.at = payload, .end = payload + size, .rules = rules, .fault = fault};

	*fault = (struct stoq_frame_fault){0};
	if (!size)
		return wrong(&reader, STOQ_PROTOCOL_VIOLATION, "a packet without frames");
	while (reader.at < reader.end) {
		if (*reader.at == PADDING)
			reader.at++;
		else if (!frame(&reader))
			return false;
	}
	*seen = reader.seen;
	return true;
}

/* What we write ourselves, or have checked, breaks no rule: only the lengths matter. */
static const struct stoq_frame_rules any = {.kind = STOQ_ONE_RTT,
	.datagram_frame_max = UINT64_MAX,
	.next_bidirectional = INT64_MAX,
	.next_unidirectional = INT64_MAX};

/* The frame becomes a PATH_RESPONSE to no challenge. Early data may have no PATH_RESPONSE (RFC 9000, 12.5): there it becomes a PING. */
static void make_meaningless(uint8_t *frame, const uint8_t *end, enum stoq_packet_kind kind)
{
	memset(frame, 0, (size_t)(end - frame));
	frame[0] = kind == STOQ_EARLY ? PING : PATH_RESPONSE;
}

void stoq_frames_filter_ids(uint8_t *payload, size_t size, enum stoq_packet_kind kind,
	bool (*take)(void *context, uint64_t number, uint64_t retire_prior_to), void *context)
{
	struct stoq_frame_fault fault;
	struct reader reader = {
		.at = payload, .end = payload + size, .rules = &any, .fault = &fault};

	while (reader.at < reader.end) {
		uint8_t *frame = payload + (reader.at - payload);
		const uint8_t *at = frame + 1;
		uint64_t number, prior;

		reader.begin = reader.at++;
		if (!body(&reader, *frame) && fault.code == STOQ_FRAME_ENCODING_ERROR)
			return;
		if (*frame == NEW_CONNECTION_ID && stoq_varint_get(&at, reader.at, &number) &&
			stoq_varint_get(&at, reader.at, &prior) && !take(context, number, prior))
			make_meaningless(frame, reader.at, kind);
	}
}

uint8_t *stoq_frames_find_datagram(uint8_t *payload, size_t size, size_t *header_size)
{
	struct stoq_frame_fault fault;
	struct reader reader = {
		.at = payload, .end = payload + size, .rules = &any, .fault = &fault};

	while (reader.at < reader.end) {
		uint64_t type = *reader.at, length;
		const uint8_t *at = reader.at + 1;

		if (type == DATAGRAM || type == DATAGRAM_LENGTH) {
			if (type == DATAGRAM_LENGTH && !stoq_varint_get(&at, reader.end, &length))
				return NULL;
			*header_size = (size_t)(at - reader.at);
			return payload + (reader.at - payload);
		}
		reader.begin = reader.at++;
		/* A rule that is broken does not matter, a frame that is cut off does. */
		if (!body(&reader, type) && fault.code == STOQ_FRAME_ENCODING_ERROR)
			return NULL;
	}
	return NULL;
}
