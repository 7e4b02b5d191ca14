// SPDX-License-Identifier: BSD-2-Clause
#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>

#define CAPACITY_MIN 16

void *stoq_array_room(void *items, size_t count, size_t *capacity, size_t item_bytes)
{
	size_t wanted = *capacity ? 2 * *capacity : CAPACITY_MIN;
	void *grown;

	if (count < *capacity)
		return items;
	if (*capacity > SIZE_MAX / 2 / item_bytes)
		return NULL;
	grown = realloc(items, wanted * item_bytes);
	if (grown)
		*capacity = wanted;
	return grown;
}
