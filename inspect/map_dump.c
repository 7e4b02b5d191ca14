// SPDX-License-Identifier: BSD-2-Clause
#include "inspect/map_dump.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

/* A batch must have room for one whole hash chain; this is far more than any. */
#define BATCH_MIN 64

int stoq_map_dump_init(
	struct stoq_map_dump *dump, size_t key_bytes, size_t value_bytes, size_t max_entries)
{
	*dump = (struct stoq_map_dump){
		.key_bytes = key_bytes,
		.value_bytes = value_bytes,
		/* LRU maps hold a few more than their maximum for each CPU. */
		.capacity = max_entries + BATCH_MIN * 16,
	};
	dump->keys = calloc(dump->capacity, key_bytes);
	dump->values = calloc(dump->capacity, value_bytes);
	if (dump->keys && dump->values)
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

int stoq_map_dump_read(struct stoq_map_dump *dump, int map_fd)
{
	uint32_t position = 0;
	void *in = NULL;

	dump->count = 0;
	while (dump->capacity - dump->count >= BATCH_MIN) {
		uint32_t count = dump->capacity - dump->count;
		int result = bpf_map_lookup_batch(map_fd, in, &position,
			(uint8_t *)dump->keys + dump->count * dump->key_bytes,
			(uint8_t *)dump->values + dump->count * dump->value_bytes, &count, NULL);

		if (result && result != -ENOENT && result != -ENOSPC)
			return result;
		dump->count += count;
		if (result == -ENOENT)
			return 0;
		if (result == -ENOSPC && count == 0)
			return result;
		in = &position;
	}
	return 0;
}
