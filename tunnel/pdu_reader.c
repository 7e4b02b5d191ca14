// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/pdu_reader.h"

#include <string.h>

#include "nvme/nvme_tcp_check.h"
#include "tunnel/lane_header.h"

void stoq_pdu_reader_init(struct stoq_pdu_reader *reader, enum nvme_tcp_side side, bool records)
{
	memset(reader, 0, sizeof(*reader));
	reader->side = side;
	reader->records = records;
}

static bool check_common(const struct stoq_pdu_reader *reader)
{
	const struct nvme_tcp_hdr *hdr = &reader->header.hdr;

	if (reader->records && stoq_lane_record_valid(hdr))
		return true;
	return nvme_tcp_check_common(hdr) && nvme_tcp_sender(hdr->type) == reader->side;
}

/* Fills the header up to `want` bytes; false: there are not so many yet. */
static bool gather(
	struct stoq_pdu_reader *reader, const uint8_t **data, const uint8_t *end, uint32_t want)
{
	size_t missing = want > reader->have ? want - reader->have : 0;
	size_t there = (size_t)(end - *data);

	if (missing > there)
		missing = there;
	if (missing)
		memcpy(reader->header.bytes + reader->have, *data, missing);
	reader->have += (uint32_t)missing;
	*data += missing;
	return reader->have >= want;
}

static enum stoq_pdu_verdict begin(struct stoq_pdu_reader *reader, const uint8_t **data,
	const uint8_t *end, struct stoq_pdu_piece *piece)
{
	const uint8_t *start = *data;
	bool split = reader->have; /* the header's first bytes came with what was fed before */
	uint32_t hlen, plen, size;

	if (!gather(reader, data, end, sizeof(reader->header.hdr)))
		return STOQ_PDU_MORE;
	if (!check_common(reader))
		return STOQ_PDU_BAD;
	hlen = reader->header.hdr.hlen;
	plen = nvme_le32(reader->header.hdr.plen);
	if (!gather(reader, data, end, hlen))
		return STOQ_PDU_MORE;
	if (!nvme_tcp_check_header(&reader->header.hdr))
		return STOQ_PDU_BAD;
	size = hlen;
	if (!split) {
		size = (size_t)(end - start) < plen ? (uint32_t)(end - start) : plen;
		*data = start + size;
	}
	*piece = (struct stoq_pdu_piece){.bytes = split ? reader->header.bytes : start,
		.size = size,
		.begins = true,
		.ends = size == plen};
	reader->have = 0;
	reader->rest = plen - size;
	return STOQ_PDU_PIECE;
}

enum stoq_pdu_verdict stoq_pdu_reader_next(struct stoq_pdu_reader *reader, const uint8_t **data,
	const uint8_t *end, struct stoq_pdu_piece *piece)
{
	size_t there = (size_t)(end - *data);

	if (!there)
		return STOQ_PDU_MORE;
	if (!reader->rest)
		return begin(reader, data, end, piece);
	if (there > reader->rest)
		there = reader->rest;
	reader->rest -= (uint32_t)there;
	*piece = (struct stoq_pdu_piece){.bytes = *data, .size = there, .ends = !reader->rest};
	*data += there;
	return STOQ_PDU_PIECE;
}

void stoq_pdu_reader_put_back(struct stoq_pdu_reader *reader, size_t size)
{
	reader->rest += (uint32_t)size;
}

const uint8_t *stoq_pdu_reader_put_back_begin(
	struct stoq_pdu_reader *reader, const struct stoq_pdu_piece *piece, const uint8_t *data)
{
	bool split = piece->bytes == reader->header.bytes;

	/* Of a header in pieces the reader keeps all but the last byte, which was fed last. */
	reader->have = split ? (uint32_t)piece->size - 1 : 0;
	reader->rest = 0;
	return split ? data - 1 : piece->bytes;
}
