// SPDX-License-Identifier: BSD-2-Clause
#include "nvme/nvme_tcp_stream.h"

#include "nvme/nvme_digest.h"
#include "nvme/nvme_tcp_check.h"

#include <string.h>

/* What can be looked at during one call: the carried bytes, then the new ones. */
struct window {
	const uint8_t *carry;
	const uint8_t *bytes;
	uint64_t start;	      /* offset of carry[0] */
	uint64_t bytes_start; /* offset of bytes[0] */
	uint64_t end;
};

enum verdict {
	VERDICT_MORE, /* too few bytes to tell */
	VERDICT_NO,
	VERDICT_BAD_DIGEST,
	VERDICT_PDU,
};

/* The longest contiguous piece of [from, to), which lies in the window and is not empty. */
static const uint8_t *window_piece(
	const struct window *window, uint64_t from, uint64_t to, size_t *length)
{
	if (from < window->bytes_start) {
		*length = (to < window->bytes_start ? to : window->bytes_start) - from;
		return window->carry + (from - window->start);
	}
	*length = to - from;
	return window->bytes + (from - window->bytes_start);
}

static void window_copy(const struct window *window, uint64_t from, uint64_t to, uint8_t *out)
{
	while (from < to) {
		size_t length;
		const uint8_t *piece = window_piece(window, from, to, &length);

		memcpy(out, piece, length);
		out += length;
		from += length;
	}
}

static enum verdict read_header(const struct nvme_tcp_stream *stream, const struct window *window,
	uint64_t at, union nvme_tcp_any_header *out)
{
	uint64_t available = window->end - at;
	size_t hlen, need;
	bool digest;

	if (available < sizeof(out->hdr))
		return VERDICT_MORE;
	window_copy(window, at, at + sizeof(out->hdr), out->bytes);
	if (!nvme_tcp_check_common(&out->hdr) || nvme_tcp_sender(out->hdr.type) != stream->side)
		return VERDICT_NO;
	hlen = out->hdr.hlen;
	digest = stream->check_digests && (out->hdr.flags & NVME_TCP_FLAG_HDGST);
	need = hlen + (digest ? NVME_TCP_DIGEST_LENGTH : 0);
	if (available < need)
		return VERDICT_MORE;
	window_copy(window, at, at + need, out->bytes);
	if (!nvme_tcp_check_header(&out->hdr))
		return VERDICT_NO;
	if (digest && nvme_digest_load(out->bytes + hlen) != nvme_crc32c(out->bytes, hlen))
		return VERDICT_BAD_DIGEST;
	return VERDICT_PDU;
}

/* ---- synced ---- */

static void begin_pdu(struct nvme_tcp_stream *stream)
{
	const struct nvme_tcp_hdr *hdr = &stream->header.hdr;
	uint32_t data_length = nvme_tcp_data_length(hdr);

	stream->pdu_end = stream->at + nvme_le32(hdr->plen);
	stream->data_start = stream->at + (data_length ? hdr->pdo : hdr->hlen);
	stream->data_end = stream->data_start + data_length;
	stream->data_crc = NVME_CRC32C_INIT;
	stream->phase = NVME_TCP_STREAM_BODY;
	stream->counters.pdus++;
	stream->counters.pdu_types[hdr->type]++;
	if (stream->events->pdu)
		stream->events->pdu(stream->context, hdr, stream->at);
	stream->at += hdr->hlen;
}

static void lose(struct nvme_tcp_stream *stream, enum verdict verdict)
{
	stream->counters.bad_headers++;
	if (verdict == VERDICT_BAD_DIGEST)
		stream->counters.bad_header_digests++;
	memset(stream->candidates, 0, sizeof(stream->candidates));
	stream->phase = stream->never_learn ? NVME_TCP_STREAM_LOST : NVME_TCP_STREAM_LEARNING;
}

/* These three deal with bytes from `at` on; false: they need more. */
static bool step_header(struct nvme_tcp_stream *stream, const struct window *window)
{
	enum verdict verdict = read_header(stream, window, stream->at, &stream->header);

	if (verdict == VERDICT_MORE)
		return false;
	if (verdict == VERDICT_PDU)
		begin_pdu(stream);
	else
		lose(stream, verdict);
	return true;
}

/* The part of [from, to) that the window has and that was not dealt with; false: none. */
static bool next_part(const struct nvme_tcp_stream *stream, const struct window *window,
	uint64_t *from, uint64_t *to)
{
	if (*from < stream->at)
		*from = stream->at;
	if (*to > window->end)
		*to = window->end;
	return *from < *to;
}

static bool has_data_digest(const struct nvme_tcp_stream *stream)
{
	return (stream->header.hdr.flags & NVME_TCP_FLAG_DDGST) &&
	       stream->data_end > stream->data_start;
}

static void take_data(struct nvme_tcp_stream *stream, const struct window *window)
{
	uint64_t from = stream->data_start, to = stream->data_end;

	if (!next_part(stream, window, &from, &to))
		return;
	while (from < to) {
		size_t length;
		const uint8_t *piece = window_piece(window, from, to, &length);

		if (stream->events->data)
			stream->events->data(stream->context, &stream->header.hdr,
				(uint32_t)(from - stream->data_start), piece, length);
		if (stream->check_digests && has_data_digest(stream))
			stream->data_crc = nvme_crc32c_update(stream->data_crc, piece, length);
		from += length;
	}
}

static void take_data_digest(struct nvme_tcp_stream *stream, const struct window *window)
{
	uint64_t from = stream->data_end, to = stream->pdu_end;

	if (!has_data_digest(stream))
		return;
	if (next_part(stream, window, &from, &to))
		window_copy(window, from, to, stream->data_digest + (from - stream->data_end));
}

static enum nvme_tcp_data_digest judge_data_digest(struct nvme_tcp_stream *stream)
{
	uint32_t digest = nvme_digest_load(stream->data_digest);

	if (!has_data_digest(stream))
		return NVME_TCP_DATA_DIGEST_NONE;
	if (!stream->check_digests)
		return NVME_TCP_DATA_DIGEST_UNCHECKED;
	if (nvme_digest_agrees(stream->data_crc, stream->data_end - stream->data_start, digest))
		return NVME_TCP_DATA_DIGEST_GOOD;
	stream->counters.bad_data_digests++;
	return NVME_TCP_DATA_DIGEST_BAD;
}

static bool step_body(struct nvme_tcp_stream *stream, const struct window *window)
{
	enum nvme_tcp_data_digest digest;

	take_data(stream, window);
	take_data_digest(stream, window);
	if (window->end < stream->pdu_end) {
		stream->at = window->end;
		return false;
	}
	stream->at = stream->pdu_end;
	stream->phase = NVME_TCP_STREAM_HEADER;
	digest = judge_data_digest(stream);
	if (stream->events->end)
		stream->events->end(stream->context, &stream->header.hdr, digest);
	return true;
}

/* ---- learning ---- */

static void drop_candidates(struct nvme_tcp_stream *stream, uint64_t at)
{
	for (int i = 0; i < NVME_TCP_STREAM_CANDIDATES; i++) {
		if (stream->candidates[i].chain && stream->candidates[i].next == at)
			stream->candidates[i].chain = 0;
	}
}

/*
 * The slot of the longest chain that goes on at `at`; chains that meet become one. Else an
 * unused slot. Else the one that claims to go on farthest away: what only looks like a long PDU
 * would fill the slots for long.
 */
static int pick_slot(struct nvme_tcp_stream *stream, uint64_t at)
{
	int best = -1, unused = -1, farthest = 0;

	for (int i = 0; i < NVME_TCP_STREAM_CANDIDATES; i++) {
		if (!stream->candidates[i].chain)
			unused = i;
		else if (stream->candidates[i].next == at &&
			 (best < 0 || stream->candidates[i].chain > stream->candidates[best].chain))
			best = i;
		else if (stream->candidates[i].next > stream->candidates[farthest].next)
			farthest = i;
	}
	if (best < 0)
		return unused >= 0 ? unused : farthest;
	for (int i = 0; i < NVME_TCP_STREAM_CANDIDATES; i++) {
		if (i != best && stream->candidates[i].next == at)
			stream->candidates[i].chain = 0;
	}
	return best;
}

static int extend_chain(struct nvme_tcp_stream *stream, uint64_t at, uint32_t plen)
{
	int slot = pick_slot(stream, at);

	if (stream->candidates[slot].next != at)
		stream->candidates[slot].chain = 0;
	stream->candidates[slot].next = at + plen;
	return ++stream->candidates[slot].chain;
}

static bool step_learning(struct nvme_tcp_stream *stream, const struct window *window)
{
	enum verdict verdict = read_header(stream, window, stream->at, &stream->header);

	if (verdict == VERDICT_MORE)
		return false;
	if (verdict != VERDICT_PDU) {
		drop_candidates(stream, stream->at);
	} else if (extend_chain(stream, stream->at, nvme_le32(stream->header.hdr.plen)) >=
		   NVME_TCP_SYNC_CHAIN) {
		stream->counters.resyncs++;
		stream->phase = NVME_TCP_STREAM_HEADER;
		return true;
	}
	stream->counters.unsynced_bytes++;
	stream->at++;
	return true;
}

/* ---- both ---- */

static bool step(struct nvme_tcp_stream *stream, const struct window *window)
{
	switch (stream->phase) {
	case NVME_TCP_STREAM_HEADER:
		return step_header(stream, window);
	case NVME_TCP_STREAM_BODY:
		return step_body(stream, window);
	case NVME_TCP_STREAM_LEARNING:
		return step_learning(stream, window);
	default:
		return false;
	}
}

void nvme_tcp_stream_init(struct nvme_tcp_stream *stream, enum nvme_tcp_side side, bool from_start,
	const struct nvme_tcp_stream_events *events, void *context)
{
	memset(stream, 0, sizeof(*stream));
	stream->side = side;
	stream->phase = from_start ? NVME_TCP_STREAM_HEADER : NVME_TCP_STREAM_LEARNING;
	stream->events = events;
	stream->context = context;
}

void nvme_tcp_stream_feed(struct nvme_tcp_stream *stream, const void *bytes, size_t length)
{
	struct window window = {
		.carry = stream->carry,
		.bytes = bytes,
		.start = stream->at,
		.bytes_start = stream->end,
		.end = stream->end + length,
	};
	uint8_t rest[sizeof(stream->carry)];

	while (step(stream, &window))
		;
	if (stream->phase == NVME_TCP_STREAM_LOST)
		return;
	/* What is left is less than a header and its digest, or it would have been judged. */
	window_copy(&window, stream->at, window.end, rest);
	memcpy(stream->carry, rest, window.end - stream->at);
	stream->end = window.end;
}
