// SPDX-License-Identifier: BSD-2-Clause
#include "capture/digests.h"

#include <string.h>

#include "nvme/nvme_digest.h"
#include "nvme/nvme_tcp_check.h"

void stoq_digest_begin(struct stoq_digest_pdu *pdu, const struct nvme_tcp_hdr *hdr,
	uint32_t sequence, uint8_t flags, struct stoq_digest_counts *counts)
{
	uint32_t length = nvme_tcp_data_length(hdr);

	*pdu = (struct stoq_digest_pdu){.sequence = sequence,
		.next = hdr->hlen,
		.has_header = (flags & NVME_TCP_FLAG_HDGST) != 0,
		.has_data = (flags & NVME_TCP_FLAG_DDGST) && length,
		.data = hdr->pdo,
		.data_end = hdr->pdo + length,
		.data_crc = NVME_CRC32C_INIT};
	memcpy(pdu->header, hdr, hdr->hlen);
	if (pdu->has_header)
		pdu->header_crc = nvme_crc32c_update(NVME_CRC32C_INIT, hdr, hdr->hlen);
	pdu->end = pdu->next;
	if (pdu->has_header)
		pdu->end += NVME_TCP_DIGEST_LENGTH;
	if (pdu->has_data)
		pdu->end = nvme_le32(hdr->plen);
	counts->due[STOQ_DIGEST_HEADER] += pdu->has_header;
	counts->due[STOQ_DIGEST_DATA] += pdu->has_data;
}

/* The bytes from offset pdu->next to `end`, as far as they are there. */
static uint32_t part(const struct stoq_digest_pdu *pdu, uint32_t end, uint32_t length)
{
	return end - pdu->next < length ? end - pdu->next : length;
}

static void judge(
	struct stoq_digest_pdu *pdu, enum stoq_digest which, const struct stoq_digest_sink *sink)
{
	uint32_t came = nvme_digest_load(pdu->came);
	uint32_t crc = which == STOQ_DIGEST_HEADER ? pdu->header_crc : pdu->data_crc;
	uint32_t bytes = which == STOQ_DIGEST_HEADER ? 0 : pdu->data_end - pdu->data;

	sink->counts->checked[which]++;
	if (!nvme_digest_agrees(crc, bytes, came))
		sink->wrong(sink->context, which, nvme_crc32c_final(crc), came);
}

/* A digest that begins at offset `at`. How many of the bytes are its own. */
static uint32_t take_digest(struct stoq_digest_pdu *pdu, enum stoq_digest which, uint32_t at,
	const uint8_t *bytes, uint32_t length, const struct stoq_digest_sink *sink)
{
	uint32_t some = part(pdu, at + NVME_TCP_DIGEST_LENGTH, length);

	memcpy(&pdu->came[pdu->next - at], bytes, some);
	if (pdu->next + some == at + NVME_TCP_DIGEST_LENGTH)
		judge(pdu, which, sink);
	return some;
}

/* Takes some of the bytes, from offset pdu->next on. How many. */
static uint32_t take_some(struct stoq_digest_pdu *pdu, const uint8_t *bytes, uint32_t length,
	const struct stoq_digest_sink *sink)
{
	uint32_t header_end = pdu->header[2]; /* HLEN */
	uint32_t some;

	if (pdu->has_header && pdu->next < header_end + NVME_TCP_DIGEST_LENGTH)
		return take_digest(pdu, STOQ_DIGEST_HEADER, header_end, bytes, length, sink);
	if (pdu->next < pdu->data)
		return part(pdu, pdu->data, length);
	if (pdu->next >= pdu->data_end)
		return take_digest(pdu, STOQ_DIGEST_DATA, pdu->data_end, bytes, length, sink);
	some = part(pdu, pdu->data_end, length);
	pdu->data_crc = nvme_crc32c_update(pdu->data_crc, bytes, some);
	return some;
}

void stoq_digest_take(struct stoq_digest_pdu *pdu, uint32_t sequence, const uint8_t *bytes,
	uint32_t length, const struct stoq_digest_sink *sink)
{
	int64_t skip = (int32_t)(pdu->sequence + pdu->next - sequence);

	if (pdu->next == pdu->end || skip >= length ||
		(int32_t)(sequence - (pdu->sequence + pdu->end)) >= 0)
		return;
	if (skip < 0) {
		pdu->next = pdu->end; /* what comes before was not seen */
		return;
	}
	bytes += skip;
	length -= (uint32_t)skip;
	while (length && pdu->next < pdu->end) {
		uint32_t some = take_some(pdu, bytes, length, sink);

		pdu->next += some;
		bytes += some;
		length -= some;
	}
}
