/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The sending half of an NVMe/TCP connection: PDUs queue up as pieces of memory, headers in
 * a ring of our own, data where it lies, so that one sendmsg() carries many PDUs.
 * Opens no socket.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "nvme/nvme_tcp_encode.h"

struct peer_tx_piece {
	const uint8_t *base;
	size_t length;
	uint32_t
		ring_end; /* the ring is free up to here once the piece is sent; or the next line */
#define PEER_TX_NO_RING UINT32_MAX
};

struct peer_tx {
	struct peer_tx_piece *pieces;
	uint32_t first, count;
	uint8_t *ring;
	uint32_t ring_size, ring_head, ring_tail;
	bool copy_data;		       /* data may change before it is sent, its digest must not */
	struct nvme_tcp_format format; /* as negotiated */
};

/* Longest data of one PDU if copy_data is set. */
#define PEER_TX_COPY_MAX (1u << 20)

int peer_tx_init(struct peer_tx *tx, bool copy_data);
void peer_tx_free(struct peer_tx *tx);

struct peer_tx_data {
	const void *bytes;
	uint32_t length;
	bool passing; /* at most 8 KiB that are copied, else they must stay as they are until sent
		       */
};

/* True if a PDU with this data (NULL: none) can be queued now. */
bool peer_tx_has_room(const struct peer_tx *tx, const struct peer_tx_data *data);

/*
 * Queues a PDU in two steps: peer_tx_front() gives the place for one of the nvme_tcp_encode_...()
 * functions to write to, peer_tx_push() takes what that returned and adds data (NULL: none) and
 * its digest. There must be room.
 */
uint8_t *peer_tx_front(struct peer_tx *tx, const struct peer_tx_data *data);
void peer_tx_push(struct peer_tx *tx, size_t front_bytes, const struct peer_tx_data *data);

/* What to send next: at most max pieces; their number. */
unsigned int peer_tx_peek(const struct peer_tx *tx, struct iovec *iov, unsigned int max);
/* So many bytes have been sent. */
void peer_tx_consume(struct peer_tx *tx, size_t bytes);
