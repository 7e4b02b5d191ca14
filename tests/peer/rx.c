// SPDX-License-Identifier: BSD-2-Clause
#include "tests/peer/rx.h"

#include <errno.h>
#include <string.h>

#include "nvme/nvme_tcp_check.h"

/* Digest flags must be what was negotiated: both ends know where each PDU ends. */
static const char *check_pdu(const struct peer_rx *rx, const struct nvme_tcp_hdr *hdr)
{
	bool initialises = hdr->type <= NVME_TCP_ICRESP;

	if (initialises == rx->initialised)
		return initialises ? "second ICReq or ICResp" : "PDU before ICReq or ICResp";
	if (hdr->type <= NVME_TCP_C2H_TERM)
		return NULL;
	if (!(hdr->flags & NVME_TCP_FLAG_HDGST) == rx->header_digest)
		return "header digest flag is not as negotiated";
	if (nvme_tcp_data_length(hdr) && !(hdr->flags & NVME_TCP_FLAG_DDGST) == rx->data_digest)
		return "data digest flag is not as negotiated";
	return NULL;
}

static void fail(struct peer_rx *rx, const char *text)
{
	rx->problem = text;
	rx->status = -EPROTO;
}

static void on_pdu(void *context, const struct nvme_tcp_hdr *hdr, uint64_t offset)
{
	struct peer_rx *rx = context;
	const char *text;

	if (rx->status)
		return;
	text = check_pdu(rx, hdr);
	if (text)
		fail(rx, text);
	else
		rx->status = rx->ops->header(rx->context, hdr);
}

static void on_data(void *context, const struct nvme_tcp_hdr *hdr, uint32_t at,
	const uint8_t *bytes, size_t length)
{
	struct peer_rx *rx = context;

	if (!rx->status)
		rx->status = rx->ops->data(rx->context, bytes, (uint32_t)length);
}

static void on_end(void *context, const struct nvme_tcp_hdr *hdr, enum nvme_tcp_data_digest digest)
{
	struct peer_rx *rx = context;

	if (rx->status)
		return;
	if (hdr->type <= NVME_TCP_ICRESP)
		rx->initialised = true;
	if (digest == NVME_TCP_DATA_DIGEST_BAD)
		fail(rx, "wrong data digest");
	else
		rx->status = rx->ops->end(rx->context, hdr);
}

static const struct nvme_tcp_stream_events events = {
	.pdu = on_pdu,
	.data = on_data,
	.end = on_end,
};

void peer_rx_init(
	struct peer_rx *rx, enum nvme_tcp_side from, const struct peer_rx_ops *ops, void *context)
{
	memset(rx, 0, sizeof(*rx));
	rx->ops = ops;
	rx->context = context;
	nvme_tcp_stream_init(&rx->stream, from, true, &events, rx);
	rx->stream.check_digests = true;
}

int peer_rx_feed(struct peer_rx *rx, const uint8_t *bytes, size_t length)
{
	if (rx->status)
		return rx->status;
	nvme_tcp_stream_feed(&rx->stream, bytes, length);
	if (rx->stream.counters.bad_header_digests)
		fail(rx, "wrong header digest");
	else if (rx->stream.counters.bad_headers)
		fail(rx, "not a PDU header of the other side");
	return rx->status;
}
