// SPDX-License-Identifier: BSD-2-Clause
#include "transport/varint.h"

bool stoq_varint_get(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
	const uint8_t *p = *at;
	size_t size;

	if (p == end)
		return false;
	size = (size_t)1 << (*p >> 6);
	if ((size_t)(end - p) < size)
		return false;
	*value = *p & 0x3f;
	for (size_t i = 1; i < size; i++)
		*value = *value << 8 | p[i];
	*at = p + size;
	return true;
}

void stoq_varint_put(uint8_t **at, uint64_t value)
{
	unsigned int log = value < 1u << 6 ? 0 : value < 1u << 14 ? 1 : value < 1u << 30 ? 2 : 3;
	size_t size = (size_t)1 << log;
	uint8_t *p = *at;

	for (size_t i = size; i-- > 0; value >>= 8)
		p[i] = (uint8_t)value;
	p[0] |= (uint8_t)(log << 6);
	*at = p + size;
}
