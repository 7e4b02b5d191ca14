// SPDX-License-Identifier: BSD-2-Clause
#include "tests/peer/rx.h"

#include <errno.h>
#include <string.h>

#include "nvme/nvme_digest.h"

void peer_rx_init(
	struct peer_rx *rx, enum nvme_tcp_side from, const struct peer_rx_ops *ops, void *context)
{
	memset(rx, 0, sizeof(*rx));
	rx->ops = ops;
	rx->context = context;
	rx->from = from;
	rx->want = sizeof(struct nvme_tcp_hdr);
}

static int problem(struct peer_rx *rx, const char *text)
{
	rx->problem = text;
	return -EPROTO;
}

static void next_stage(struct peer_rx *rx, enum peer_rx_stage stage, uint32_t want)
{
	rx->stage = stage;
	rx->have = 0;
	rx->want = want;
}

/* Digest flags must be what was negotiated: both ends know where each PDU ends. */
static const char *check_flags(const struct peer_rx *rx)
{
	const struct nvme_tcp_hdr *hdr = &rx->header.hdr;
	int initialises = hdr->type <= NVME_TCP_ICRESP;

	if (nvme_tcp_sender(hdr->type) != rx->from)
		return "PDU type of the wrong direction";
	if (initialises == rx->initialised)
		return initialises ? "second ICReq or ICResp" : "PDU before ICReq or ICResp";
	if (hdr->type <= NVME_TCP_C2H_TERM)
		return NULL;
	if (!(hdr->flags & NVME_TCP_FLAG_HDGST) != !rx->header_digest)
		return "header digest flag is not as negotiated";
	if (nvme_tcp_data_length(hdr) && !(hdr->flags & NVME_TCP_FLAG_DDGST) != !rx->data_digest)
		return "data digest flag is not as negotiated";
	return NULL;
}

static int common_header_done(struct peer_rx *rx)
{
	const struct nvme_tcp_hdr *hdr = &rx->header.hdr;
	const char *text;

	if (!nvme_tcp_check_common(hdr))
		return problem(rx, "not a PDU header");
	text = check_flags(rx);
	if (text)
		return problem(rx, text);
	rx->want = nvme_tcp_data_start_min(hdr);
	return 0;
}

static int pdu_done(struct peer_rx *rx)
{
	int status = rx->ops->end(rx->context, &rx->header.hdr);

	if (rx->header.hdr.type <= NVME_TCP_ICRESP)
		rx->initialised = 1;
	next_stage(rx, PEER_RX_HEADER, sizeof(struct nvme_tcp_hdr));
	return status;
}

static int data_begins(struct peer_rx *rx)
{
	rx->crc = NVME_CRC32C_INIT;
	next_stage(rx, PEER_RX_DATA, nvme_tcp_data_length(&rx->header.hdr));
	return 0;
}

static int header_done(struct peer_rx *rx)
{
	const struct nvme_tcp_hdr *hdr = &rx->header.hdr;
	uint32_t padding;
	int status;

	if (hdr->flags & NVME_TCP_FLAG_HDGST && nvme_digest_load(rx->header.bytes + hdr->hlen) !=
							nvme_crc32c(rx->header.bytes, hdr->hlen))
		return problem(rx, "wrong header digest");
	if (!nvme_tcp_check_header(hdr))
		return problem(rx, "header contradicts itself");
	status = rx->ops->header(rx->context, hdr);
	if (status)
		return status;
	if (!nvme_tcp_data_length(hdr)) {
		/* A termination request carries the PDU in error: of no use here. */
		padding = nvme_le32(hdr->plen) - nvme_tcp_data_start_min(hdr);
		next_stage(rx, PEER_RX_PADDING, padding);
		return padding ? 0 : pdu_done(rx);
	}
	padding = hdr->pdo - nvme_tcp_data_start_min(hdr);
	next_stage(rx, PEER_RX_PADDING, padding);
	return padding ? 0 : data_begins(rx);
}

static int data_done(struct peer_rx *rx)
{
	if (!(rx->header.hdr.flags & NVME_TCP_FLAG_DDGST))
		return pdu_done(rx);
	next_stage(rx, PEER_RX_DATA_DIGEST, NVME_TCP_DIGEST_LENGTH);
	return 0;
}

static int stage_done(struct peer_rx *rx)
{
	switch (rx->stage) {
	case PEER_RX_HEADER:
		if (rx->want == sizeof(struct nvme_tcp_hdr))
			return common_header_done(rx);
		return header_done(rx);
	case PEER_RX_PADDING:
		return nvme_tcp_data_length(&rx->header.hdr) ? data_begins(rx) : pdu_done(rx);
	case PEER_RX_DATA:
		return data_done(rx);
	case PEER_RX_DATA_DIGEST:
		break;
	}
	if (nvme_digest_load(rx->trailer) != nvme_crc32c_final(rx->crc))
		return problem(rx, "wrong data digest");
	return pdu_done(rx);
}

/* Takes length bytes, no more than the stage still wants. */
static int take(struct peer_rx *rx, const uint8_t *bytes, uint32_t length)
{
	int status = 0;

	switch (rx->stage) {
	case PEER_RX_HEADER:
		memcpy(rx->header.bytes + rx->have, bytes, length);
		break;
	case PEER_RX_PADDING:
		break;
	case PEER_RX_DATA:
		if (rx->header.hdr.flags & NVME_TCP_FLAG_DDGST)
			rx->crc = nvme_crc32c_update(rx->crc, bytes, length);
		status = rx->ops->data(rx->context, bytes, length);
		break;
	case PEER_RX_DATA_DIGEST:
		memcpy(rx->trailer + rx->have, bytes, length);
		break;
	}
	rx->have += length;
	return status;
}

int peer_rx_feed(struct peer_rx *rx, const uint8_t *bytes, size_t length)
{
	while (length) {
		uint32_t left = rx->want - rx->have;
		uint32_t part = length < left ? (uint32_t)length : left;
		int status = take(rx, bytes, part);

		if (!status && rx->have == rx->want)
			status = stage_done(rx);
		if (status)
			return status;
		bytes += part;
		length -= part;
	}
	return 0;
}
