/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Frames of an honest peer, one by one: RFC 9000, section 19. */
#include <stddef.h>
#include <stdint.h>

struct frame_walk {
	uint64_t type;
	const uint8_t *begin;
	uint64_t numbers[4];
	const uint8_t *data; /* of those that have some; a connection ID */
	uint64_t size;
};

/* The frame at *at, which goes on behind it. The test fails for what is no frame. */
struct frame_walk frame_walk_next(const uint8_t **at, const uint8_t *end);
/* NEW_CONNECTION_ID become PADDING. */
void frame_walk_erase_ids(uint8_t *begin, const uint8_t *end);
/* The first byte of the datagram's packet with a short header. NULL: the datagram has only long headers. */
uint8_t *frame_walk_find_short(uint8_t *at, uint8_t *end);
/* RFC 9000, A.3. */
uint64_t frame_walk_packet_number(const uint8_t *at, size_t size, uint64_t largest);
