/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Reads pairs of hexadecimal digits; returns how many bytes they are. */
static inline size_t hex_bytes(uint8_t *bytes, size_t capacity, const char *text)
{
	size_t count = strlen(text) / 2;

	if (strlen(text) % 2 || count > capacity)
		fail_msg("bad vector: %s", text);
	for (size_t i = 0; i < count; i++) {
		unsigned int byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1) // NOLINT(cert-err34-c)
			fail_msg("bad vector: %s", text);
		bytes[i] = (uint8_t)byte;
	}
	return count;
}

/* Fails with both texts unless the bytes are those of the text. */
static inline void hex_expect(const uint8_t *bytes, const char *text)
{
	uint8_t expected[2048];
	size_t size = hex_bytes(expected, sizeof(expected), text);

	assert_memory_equal(bytes, expected, size);
}
