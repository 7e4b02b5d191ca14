/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Blocks of two sizes, kept when they are given back, up to a limit. One thread uses a pool;
 * stoq_pool_bytes() may be called from any.
 */
#include <stddef.h>
#include <stdint.h>

#define STOQ_POOL_SMALL_BYTES 4096
#define STOQ_POOL_LARGE_BYTES 65536

struct stoq_pool_block; /* a free block */

struct stoq_pool_class {
	struct stoq_pool_block *free;
	size_t free_count;
};

struct stoq_pool {
	struct stoq_pool_class small, large;
	size_t keep_bytes; /* of each class: more than that goes back to the system */
	uint64_t bytes;	   /* allocated: in use or free */
};

void stoq_pool_init(struct stoq_pool *pool, size_t keep_bytes);
/* Everything must have been given back. */
void stoq_pool_destroy(struct stoq_pool *pool);

/* One of the two sizes; NULL: no memory. */
void *stoq_pool_get(struct stoq_pool *pool, size_t bytes);
void stoq_pool_put(struct stoq_pool *pool, void *memory, size_t bytes);

uint64_t stoq_pool_bytes(const struct stoq_pool *pool);
