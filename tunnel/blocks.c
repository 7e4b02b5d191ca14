// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Unused blocks that are kept; others go back to the heap. */
#define KEEP_BYTES (4u << 20)

void stoq_block_pool_init(struct stoq_block_pool *pool, uint64_t limit_bytes)
{
	*pool = (struct stoq_block_pool){.limit_bytes = limit_bytes};
}

void stoq_block_pool_init_part(struct stoq_block_pool *pool, struct stoq_block_pool *whole)
{
	*pool = (struct stoq_block_pool){.whole = whole};
}

void stoq_block_pool_charge(struct stoq_block_pool *pool, size_t bytes)
{
	pool->used_bytes += bytes;
	if (pool->whole)
		pool->whole->used_bytes += bytes;
}

void stoq_block_pool_discharge(struct stoq_block_pool *pool, size_t bytes)
{
	pool->used_bytes -= bytes;
	if (pool->whole)
		pool->whole->used_bytes -= bytes;
}

void stoq_block_pool_destroy(struct stoq_block_pool *pool)
{
	while (pool->unused) {
		struct stoq_block *block = pool->unused;

		pool->unused = block->next;
		free(block);
	}
}

bool stoq_block_pool_full(const struct stoq_block_pool *pool)
{
	const struct stoq_block_pool *whole = pool->whole;

	if (!whole)
		return pool->used_bytes >= pool->limit_bytes;
	return whole->used_bytes >= whole->limit_bytes ||
	       pool->used_bytes >= whole->limit_bytes - whole->used_bytes;
}

struct stoq_block *stoq_block_get(struct stoq_block_pool *pool)
{
	struct stoq_block_pool *store = pool->whole ? pool->whole : pool;
	struct stoq_block *block = store->unused;

	if (block) {
		store->unused = block->next;
		store->unused_bytes -= STOQ_BLOCK_BYTES;
	} else {
		block = malloc(STOQ_BLOCK_BYTES);
		if (!block)
			return NULL;
	}
	block->next = NULL;
	block->first = block->end = 0;
	stoq_block_pool_charge(pool, STOQ_BLOCK_BYTES);
	return block;
}

void stoq_block_put(struct stoq_block_pool *pool, struct stoq_block *block)
{
	struct stoq_block_pool *store = pool->whole ? pool->whole : pool;

	stoq_block_pool_discharge(pool, STOQ_BLOCK_BYTES);
	if (store->unused_bytes >= KEEP_BYTES) {
		free(block);
		return;
	}
	block->next = store->unused;
	store->unused = block;
	store->unused_bytes += STOQ_BLOCK_BYTES;
}

static int append_block(struct stoq_byte_queue *queue, struct stoq_block_pool *pool)
{
	struct stoq_block *block = stoq_block_get(pool);

	if (!block)
		return -ENOMEM;
	if (queue->last)
		queue->last->next = block;
	else
		queue->first = block;
	queue->last = block;
	return 0;
}

int stoq_byte_queue_add(
	struct stoq_byte_queue *queue, struct stoq_block_pool *pool, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	while (size) {
		struct stoq_block *block = queue->last;
		size_t part = block ? STOQ_BLOCK_ROOM - block->end : 0;

		if (!part) {
			if (append_block(queue, pool))
				return -ENOMEM;
			continue;
		}
		if (part > size)
			part = size;
		memcpy(block->data + block->end, bytes, part);
		block->end += (uint32_t)part;
		queue->bytes += part;
		bytes += part;
		size -= part;
	}
	return 0;
}

unsigned int stoq_byte_queue_peek(
	const struct stoq_byte_queue *queue, struct iovec *pieces, unsigned int max)
{
	unsigned int count = 0;

	for (struct stoq_block *block = queue->first; block && count < max; block = block->next)
		pieces[count++] = (struct iovec){.iov_base = block->data + block->first,
			.iov_len = block->end - block->first};
	return count;
}

void stoq_byte_queue_drop(struct stoq_byte_queue *queue, struct stoq_block_pool *pool, size_t size)
{
	queue->bytes -= size;
	while (size && queue->first) {
		struct stoq_block *block = queue->first;
		size_t part = block->end - block->first;

		if (size < part) {
			block->first += (uint32_t)size;
			return;
		}
		size -= part;
		queue->first = block->next;
		if (!queue->first)
			queue->last = NULL;
		stoq_block_put(pool, block);
	}
}

void stoq_byte_queue_clear(struct stoq_byte_queue *queue, struct stoq_block_pool *pool)
{
	stoq_byte_queue_drop(queue, pool, queue->bytes);
}
