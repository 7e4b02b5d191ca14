/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* An input, piece by piece: a kind, a length (two bytes, little endian), so many bytes. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pieces {
	const uint8_t *at, *end;
};

struct piece {
	uint8_t kind;
	const uint8_t *bytes;
	size_t size; /* at most what next_piece() was told */
};

/* False: there are no more. */
static inline bool next_piece(struct pieces *pieces, size_t max, struct piece *piece)
{
	const size_t left = (size_t)(pieces->end - pieces->at);

	if (left < 3)
		return false;
	piece->kind = pieces->at[0];
	piece->size = (size_t)(pieces->at[1] | pieces->at[2] << 8);
	piece->bytes = pieces->at + 3;
	if (piece->size > left - 3)
		piece->size = left - 3;
	if (piece->size > max)
		piece->size = max;
	pieces->at = piece->bytes + piece->size;
	return true;
}
