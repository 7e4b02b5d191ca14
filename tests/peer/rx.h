/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The receiving half of an NVMe/TCP connection: a byte stream in, in pieces of any size,
 * PDUs out. Keeps at most one header; data is handed on as it comes, digests are checked.
 * Opens no socket.
 */
#include <stddef.h>
#include <stdint.h>

#include "nvme/nvme_tcp_check.h"

/* Each returns 0, or a negative errno that ends the connection (and peer_rx_feed()). */
struct peer_rx_ops {
	/* A whole header that passed the checks; its data, if any, follows. */
	int (*header)(void *context, const struct nvme_tcp_hdr *hdr);
	int (*data)(void *context, const uint8_t *bytes, uint32_t length);
	int (*end)(void *context, const struct nvme_tcp_hdr *hdr);
};

enum peer_rx_stage {
	PEER_RX_HEADER,
	PEER_RX_PADDING,
	PEER_RX_DATA,
	PEER_RX_DATA_DIGEST,
};

struct peer_rx {
	const struct peer_rx_ops *ops;
	void *context;
	enum nvme_tcp_side from; /* who sends what comes in */
	uint8_t header_digest;	 /* negotiated */
	uint8_t data_digest;
	uint8_t initialised; /* ICReq or ICResp has been received */
	enum peer_rx_stage stage;
	uint32_t have; /* bytes of this stage */
	uint32_t want; /* bytes this stage needs */
	uint32_t crc;
	const char *problem; /* what was wrong, after an error */
	uint8_t trailer[NVME_TCP_DIGEST_LENGTH];
	union {
		struct nvme_tcp_hdr hdr;
		struct nvme_tcp_icreq_pdu icreq; /* for the alignment of all */
		uint8_t bytes[NVME_TCP_HEADER_MAX + NVME_TCP_DIGEST_LENGTH];
	} header;
};

void peer_rx_init(
	struct peer_rx *rx, enum nvme_tcp_side from, const struct peer_rx_ops *ops, void *context);

/* Takes all bytes. 0 or a negative errno: -EPROTO and rx->problem, or an operation's. */
int peer_rx_feed(struct peer_rx *rx, const uint8_t *bytes, size_t length);
