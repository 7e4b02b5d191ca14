// SPDX-License-Identifier: BSD-2-Clause
#include "tests/peer/tx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PIECES	       2048 /* a power of two */
#define RING_BYTES     (64u << 10)
#define RING_PER_PDU   (NVME_TCP_FRONT_MAX + NVME_TCP_DIGEST_LENGTH)
#define PIECES_PER_PDU 3

int peer_tx_init(struct peer_tx *tx, bool copy_data)
{
	memset(tx, 0, sizeof(*tx));
	tx->copy_data = copy_data;
	/* A block that is cut off by the ring's end must still fit in front. */
	tx->ring_size = RING_BYTES + (copy_data ? 2 * PEER_TX_COPY_MAX : 0);
	tx->pieces = calloc(PIECES, sizeof(*tx->pieces));
	tx->ring = malloc(tx->ring_size);
	if (!tx->pieces || !tx->ring) {
		peer_tx_free(tx);
		return -ENOMEM;
	}
	return 0;
}

void peer_tx_free(struct peer_tx *tx)
{
	free(tx->pieces);
	free(tx->ring);
	tx->pieces = NULL;
	tx->ring = NULL;
}

/* Where in the ring length bytes in a row are free; -1: nowhere. */
static int64_t ring_place(const struct peer_tx *tx, uint32_t length)
{
	if (!tx->count)
		return length <= tx->ring_size ? 0 : -1;
	if (tx->ring_head >= tx->ring_tail) {
		if (tx->ring_size - tx->ring_head >= length)
			return tx->ring_head;
		return tx->ring_tail > length ? 0 : -1;
	}
	return tx->ring_tail - tx->ring_head > length ? (int64_t)tx->ring_head : -1;
}

static bool copies(const struct peer_tx *tx, const struct peer_tx_data *data)
{
	return data && (tx->copy_data || data->passing);
}

static int64_t pdu_place(const struct peer_tx *tx, const struct peer_tx_data *data)
{
	return ring_place(tx, RING_PER_PDU + (copies(tx, data) ? data->length : 0));
}

bool peer_tx_has_room(const struct peer_tx *tx, const struct peer_tx_data *data)
{
	return tx->count + PIECES_PER_PDU <= PIECES && pdu_place(tx, data) >= 0;
}

static void add_piece(struct peer_tx *tx, const uint8_t *base, size_t length, uint32_t ring_end)
{
	struct peer_tx_piece *last = &tx->pieces[(tx->first + tx->count - 1) % PIECES];

	if (tx->count && last->base + last->length == base && last->ring_end != PEER_TX_NO_RING &&
		ring_end != PEER_TX_NO_RING) {
		last->length += length;
		last->ring_end = ring_end;
		return;
	}
	tx->pieces[(tx->first + tx->count) % PIECES] =
		(struct peer_tx_piece){.base = base, .length = length, .ring_end = ring_end};
	tx->count++;
}

uint8_t *peer_tx_front(struct peer_tx *tx, const struct peer_tx_data *data)
{
	int64_t place = pdu_place(tx, data);

	if (!tx->count)
		tx->ring_tail = 0;
	tx->ring_head = (uint32_t)place;
	return tx->ring + place;
}

/* Adds length bytes of the ring, written already. */
static void push_ring(struct peer_tx *tx, size_t length)
{
	uint8_t *base = tx->ring + tx->ring_head;

	tx->ring_head += (uint32_t)length;
	add_piece(tx, base, length, tx->ring_head);
}

void peer_tx_push(struct peer_tx *tx, size_t front_bytes, const struct peer_tx_data *data)
{
	const uint8_t *bytes;

	push_ring(tx, front_bytes);
	if (!data)
		return;
	bytes = data->bytes;
	if (copies(tx, data)) {
		bytes = memcpy(tx->ring + tx->ring_head, data->bytes, data->length);
		push_ring(tx, data->length);
	} else {
		add_piece(tx, data->bytes, data->length, PEER_TX_NO_RING);
	}
	if (!tx->format.data_digest)
		return;
	nvme_digest_store(tx->ring + tx->ring_head, nvme_crc32c(bytes, data->length));
	push_ring(tx, NVME_TCP_DIGEST_LENGTH);
}

unsigned int peer_tx_peek(const struct peer_tx *tx, struct iovec *iov, unsigned int max)
{
	unsigned int n = tx->count < max ? tx->count : max;

	for (unsigned int i = 0; i < n; i++) {
		const struct peer_tx_piece *piece = &tx->pieces[(tx->first + i) % PIECES];

		iov[i].iov_base = (void *)piece->base;
		iov[i].iov_len = piece->length;
	}
	return n;
}

void peer_tx_consume(struct peer_tx *tx, size_t bytes)
{
	while (bytes) {
		struct peer_tx_piece *piece = &tx->pieces[tx->first];

		if (bytes < piece->length) {
			piece->base += bytes;
			piece->length -= bytes;
			return;
		}
		bytes -= piece->length;
		if (piece->ring_end != PEER_TX_NO_RING)
			tx->ring_tail = piece->ring_end;
		tx->first = (tx->first + 1) % PIECES;
		tx->count--;
	}
}
