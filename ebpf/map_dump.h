/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* All entries of a BPF hash map, read in batches. */
#include <stddef.h>
#include <stdint.h>

struct stoq_map_dump {
	size_t key_bytes;
	size_t value_bytes;
	size_t capacity; /* entries that there is memory for */
	size_t limit;	 /* entries that there may be: the map's maximum, and some more */
	size_t count;
	void *keys;
	void *values;
};

/* Memory is taken as it is needed, for max_entries at most. 0 or -ENOMEM. */
int stoq_map_dump_init(
	struct stoq_map_dump *dump, size_t key_bytes, size_t value_bytes, size_t max_entries);
void stoq_map_dump_free(struct stoq_map_dump *dump);

/* Reads the map. Entries that come or go meanwhile may or may not be in. 0 or a negative errno. */
int stoq_map_dump_read(struct stoq_map_dump *dump, int map_fd);

/* The same for a second map of this kind: its entries come behind those that are there. */
int stoq_map_dump_add(struct stoq_map_dump *dump, int map_fd);

/* Adds an entry that is in no map of the kernel. 0, -ENOMEM, or -E2BIG: there is no room. */
int stoq_map_dump_put(struct stoq_map_dump *dump, const void *key, const void *value);

static inline const void *stoq_map_dump_key(const struct stoq_map_dump *dump, size_t i)
{
	return (const uint8_t *)dump->keys + i * dump->key_bytes;
}
static inline const void *stoq_map_dump_value(const struct stoq_map_dump *dump, size_t i)
{
	return (const uint8_t *)dump->values + i * dump->value_bytes;
}
