/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* UTF-8 (RFC 3629). */
#include <stddef.h>
#include <stdint.h>

/* Length of the sequence that begins at text, of at most length bytes, and its character; 0: invalid. */
size_t stoq_utf8_decode(const unsigned char *text, size_t length, uint32_t *character);
