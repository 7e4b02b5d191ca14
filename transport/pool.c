// SPDX-License-Identifier: BSD-2-Clause
#include "transport/pool.h"

#include <stdlib.h>

#include "transport/counter.h"

struct stoq_pool_block {
	struct stoq_pool_block *next;
};

void stoq_pool_init(struct stoq_pool *pool, size_t keep_bytes)
{
	*pool = (struct stoq_pool){.keep_bytes = keep_bytes};
}

static void empty(struct stoq_pool_class *class)
{
	while (class->free) {
		struct stoq_pool_block *block = class->free;

		class->free = block->next;
		free(block);
	}
	class->free_count = 0;
}

void stoq_pool_destroy(struct stoq_pool *pool)
{
	empty(&pool->small);
	empty(&pool->large);
}

static struct stoq_pool_class *class_of(struct stoq_pool *pool, size_t bytes)
{
	return bytes <= STOQ_POOL_SMALL_BYTES ? &pool->small : &pool->large;
}

void *stoq_pool_get(struct stoq_pool *pool, size_t bytes)
{
	struct stoq_pool_class *class = class_of(pool, bytes);
	struct stoq_pool_block *block = class->free;

	if (block) {
		class->free = block->next;
		class->free_count--;
		return block;
	}
	block = malloc(bytes);
	if (block)
		stoq_counter_add(&pool->bytes, bytes);
	return block;
}

void stoq_pool_put(struct stoq_pool *pool, void *memory, size_t bytes)
{
	struct stoq_pool_class *class = class_of(pool, bytes);
	struct stoq_pool_block *block = memory;

	if ((class->free_count + 1) * bytes > pool->keep_bytes) {
		stoq_counter_subtract(&pool->bytes, bytes);
		free(memory);
		return;
	}
	block->next = class->free;
	class->free = block;
	class->free_count++;
}

uint64_t stoq_pool_bytes(const struct stoq_pool *pool)
{
	return stoq_counter_read(&pool->bytes);
}
