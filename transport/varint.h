/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Variable-length integers (RFC 9000, 16). Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A variable-length integer (RFC 9000, 16); false: it is cut off. */
bool stoq_varint_get(const uint8_t **at, const uint8_t *end, uint64_t *value);

/* As short as it can be; *at moves on. There must be eight bytes. */
void stoq_varint_put(uint8_t **at, uint64_t value);
