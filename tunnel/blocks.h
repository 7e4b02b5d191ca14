/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Memory of a worker for bytes that wait: blocks of one size, and queues of bytes in such blocks. A
 * pool has a limit. It is asked before bytes are taken (stoq_byte_queue_open()), so that
 * back-pressure begins before memory ends: a queue that is open takes what it is given.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define STOQ_BLOCK_BYTES 65536

struct stoq_block {
	struct stoq_block *next;
	uint32_t first, end; /* of the bytes in data */
	uint8_t data[];
};
#define STOQ_BLOCK_ROOM (STOQ_BLOCK_BYTES - sizeof(struct stoq_block))

struct stoq_block_pool {
	struct stoq_block *unused;
	uint64_t unused_bytes, used_bytes;
	uint64_t limit_bytes;
	struct stoq_block_pool *whole; /* NULL: it is a part of no other */
};

void stoq_block_pool_init(struct stoq_block_pool *pool, uint64_t limit_bytes);
/*
 * A part of a pool: it is full when it has as much as is left for all others (a dynamic threshold: Choudhury and Hahne, IEEE/ACM
 * ToN 6:2, 1998). So one part has half of the whole at most, and one that comes later finds memory.
 */
void stoq_block_pool_init_part(struct stoq_block_pool *pool, struct stoq_block_pool *whole);
void stoq_block_pool_destroy(struct stoq_block_pool *pool); /* no block may be in use */
bool stoq_block_pool_full(const struct stoq_block_pool *pool);

/* What is held elsewhere counts, too. */
void stoq_block_pool_charge(struct stoq_block_pool *pool, size_t bytes);
void stoq_block_pool_discharge(struct stoq_block_pool *pool, size_t bytes);

/* NULL: no memory. The limit is the caller's to look at first. */
struct stoq_block *stoq_block_get(struct stoq_block_pool *pool);
void stoq_block_put(struct stoq_block_pool *pool, struct stoq_block *block);

/* Zero is an empty one. */
struct stoq_byte_queue {
	struct stoq_block *first, *last;
	size_t bytes;
};

/*
 * May more come? As long as it holds less than limit_bytes and the pool is not full; one that is
 * empty is always open, so that a full pool stops none for good.
 */
static inline bool stoq_byte_queue_open(
	const struct stoq_byte_queue *queue, const struct stoq_block_pool *pool, size_t limit_bytes)
{
	return !queue->bytes || (queue->bytes < limit_bytes && !stoq_block_pool_full(pool));
}

/* 0, or -ENOMEM: then the queue is as it was but for a part that may have been added. */
int stoq_byte_queue_add(
	struct stoq_byte_queue *queue, struct stoq_block_pool *pool, const void *data, size_t size);

/* Its first bytes; how many pieces there are. */
unsigned int stoq_byte_queue_peek(
	const struct stoq_byte_queue *queue, struct iovec *pieces, unsigned int max);
void stoq_byte_queue_drop(struct stoq_byte_queue *queue, struct stoq_block_pool *pool, size_t size);
void stoq_byte_queue_clear(struct stoq_byte_queue *queue, struct stoq_block_pool *pool);
