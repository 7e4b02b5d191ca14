/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Initial packets of QUIC version 1 taken apart and made, as anybody on the way can: their keys
 * follow from the client's first destination connection ID. For tests and fuzzers that play the
 * attacker.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUIC_CID_MAX	   20
#define QUIC_PACKET_MAX	   1500
#define QUIC_INITIAL_BYTES 1200 /* a client's datagram has so many at least */

struct quic_cid {
	uint8_t bytes[QUIC_CID_MAX];
	size_t size;
};

struct quic_initial {
	struct quic_cid destination, source;
	uint8_t token[512];
	size_t token_size;
	uint64_t number;
	uint8_t payload[QUIC_PACKET_MAX]; /* frames */
	size_t payload_size;
	size_t packet_size; /* when read: how much of the datagram it was */
};

/*
 * key: the destination that the client's first packet had, or, after a Retry, the source of that.
 * False: it is no Initial packet, or not protected by that key.
 */
bool quic_initial_open(struct quic_initial *initial, const uint8_t *datagram, size_t size,
	const struct quic_cid *key, bool from_client);

/* Adds PADDING to the size of a datagram. Returns its bytes; 0: it does not fit. */
size_t quic_initial_seal(uint8_t datagram[static QUIC_INITIAL_BYTES],
	const struct quic_initial *initial, const struct quic_cid *key, bool from_client);

/* What the long headers of all versions have; false: it is too short, or has a short header. */
bool quic_long_header(const uint8_t *packet, size_t size, uint32_t *version,
	struct quic_cid *destination, struct quic_cid *source, size_t *header_size);

/* Writes such a header; returns its bytes. */
size_t quic_long_header_write(uint8_t *packet, uint8_t first, uint32_t version,
	const struct quic_cid *destination, const struct quic_cid *source);
