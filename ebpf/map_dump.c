// SPDX-License-Identifier: BSD-2-Clause
#include "ebpf/map_dump.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A batch must have room for one whole hash chain; this is far more than any. */
#define BATCH_MIN 64
#define FIRST	  512 /* entries; twice as many each time that is not enough */

/* Entries beyond `count` that a batch may fill. 0 or -ENOMEM. */
static int grow(struct stoq_map_dump *dump, size_t capacity)
{
	void *keys, *values;

	if (capacity > dump->limit)
		capacity = dump->limit;
	keys = reallocarray(dump->keys, capacity, dump->key_bytes);
	if (keys)
		dump->keys = keys;
	values = reallocarray(dump->values, capacity, dump->value_bytes);
	if (values)
		dump->values = values;
	if (!keys || !values)
		return -ENOMEM;
	dump->capacity = capacity;
	return 0;
}

int stoq_map_dump_init(
	struct stoq_map_dump *dump, size_t key_bytes, size_t value_bytes, size_t max_entries)
{
	*dump = (struct stoq_map_dump){
		.key_bytes = key_bytes,
		.value_bytes = value_bytes,
		/* LRU maps hold a few more than their maximum for each CPU. */
		.limit = max_entries + BATCH_MIN * 16,
	};
	if (grow(dump, FIRST) == 0)
		return 0;
	stoq_map_dump_free(dump);
	return -ENOMEM;
}

void stoq_map_dump_free(struct stoq_map_dump *dump)
{
	free(dump->keys);
	free(dump->values);
	*dump = (struct stoq_map_dump){0};
}

/* The next batch. 0: there may be more; -ENOENT: it was the last; -ENOMEM and what the kernel says.
 */
static int read_batch(struct stoq_map_dump *dump, int map_fd, void *in, uint32_t *position)
{
	uint32_t count = dump->capacity - dump->count;
	int result = bpf_map_lookup_batch(map_fd, in, position,
		(uint8_t *)dump->keys + dump->count * dump->key_bytes,
		(uint8_t *)dump->values + dump->count * dump->value_bytes, &count, NULL);

	if (result && result != -ENOENT && result != -ENOSPC)
		return result;
	dump->count += count;
	/* A chain for which there was no room is read again. */
	return result == -ENOSPC && dump->capacity < dump->limit ? 0 : result;
}

int stoq_map_dump_add(struct stoq_map_dump *dump, int map_fd)
{
	uint32_t position = 0;
	void *in = NULL;
	int result = 0;

	while (!result) {
		size_t before = dump->count;

		if (dump->capacity - dump->count < FIRST / 2 && dump->capacity < dump->limit)
			result = grow(dump, dump->capacity * 2);
		if (dump->capacity - dump->count < BATCH_MIN)
			return result;
		if (!result)
			result = read_batch(dump, map_fd, in, &position);
		if (dump->count != before)
			in = &position;
	}
	return result == -ENOENT ? 0 : result;
}

int stoq_map_dump_read(struct stoq_map_dump *dump, int map_fd)
{
	dump->count = 0;
	return stoq_map_dump_add(dump, map_fd);
}

int stoq_map_dump_put(struct stoq_map_dump *dump, const void *key, const void *value)
{
	if (dump->count == dump->limit)
		return -E2BIG;
	if (dump->count == dump->capacity && grow(dump, dump->capacity * 2))
		return -ENOMEM;
	memcpy((uint8_t *)dump->keys + dump->count * dump->key_bytes, key, dump->key_bytes);
	memcpy((uint8_t *)dump->values + dump->count * dump->value_bytes, value, dump->value_bytes);
	dump->count++;
	return 0;
}
