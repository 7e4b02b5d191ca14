/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The receiving half of an NVMe/TCP connection: a byte stream in, in pieces of any size, PDUs
 * out. What is not right ends the connection: a bad header, a wrong digest, a PDU that this
 * side of this connection cannot send. Opens no socket.
 */
#include "nvme/nvme_tcp_stream.h"

/* Each returns 0, or a negative errno that ends the connection (and peer_rx_feed()). */
struct peer_rx_ops {
	/* A whole header that passed the checks; its data, if any, follows. */
	int (*header)(void *context, const struct nvme_tcp_hdr *hdr);
	int (*data)(void *context, const uint8_t *bytes, uint32_t length);
	int (*end)(void *context, const struct nvme_tcp_hdr *hdr);
};

struct peer_rx {
	const struct peer_rx_ops *ops;
	void *context;
	struct nvme_tcp_stream stream;
	bool header_digest; /* negotiated */
	bool data_digest;
	bool initialised; /* ICReq or ICResp has been received */
	int status;
	const char *problem; /* what was wrong, after an error */
};

/* from: who sends what comes in. */
void peer_rx_init(
	struct peer_rx *rx, enum nvme_tcp_side from, const struct peer_rx_ops *ops, void *context);

/* Takes all bytes. 0 or a negative errno: -EPROTO and rx->problem, or an operation's. */
int peer_rx_feed(struct peer_rx *rx, const uint8_t *bytes, size_t length);
