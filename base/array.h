/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Arrays that grow as items come. */
#include <stddef.h>

/*
 * Makes sure that one more item fits behind the first `count`: doubles the room where there is
 * none left. Returns the items, which may have moved, or NULL: out of memory; then nothing has
 * changed. Start with NULL and a capacity of 0; give back with free().
 */
void *stoq_array_room(void *items, size_t count, size_t *capacity, size_t item_bytes);
