// SPDX-License-Identifier: BSD-2-Clause
#include "transport/quic_memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "transport/budget.h"

/* What the block takes of the heap: its size as it was rounded up, and a word before it. */
static size_t bytes_of(void *block)
{
	return block ? malloc_usable_size(block) + sizeof(size_t) : 0;
}

static void *added(struct stoq_budget_account *account, void *block)
{
	stoq_budget_add_own(account, bytes_of(block));
	return block;
}

static void *take(size_t size, void *account)
{
	return added(account, malloc(size));
}

static void *take_reserve(struct stoq_budget_account *account, size_t bytes)
{
	void *block = account->reserve;

	if (!block || bytes > account->reserve_bytes)
		return NULL;
	account->reserve = NULL;
	return memset(block, 0, bytes);
}

static void *take_zeroed(size_t count, size_t size, void *account)
{
	void *block = calloc(count, size);

	return added(account, block ? block : take_reserve(account, count * size));
}

static void give_back(void *block, void *account)
{
	stoq_budget_subtract_own(account, bytes_of(block));
	free(block);
}

static void *resize(void *block, size_t size, void *account)
{
	size_t before = bytes_of(block);
	void *moved = realloc(block, size);

	/* It is where and what it was, then. */
	if (!moved && size)
		return NULL;
	stoq_budget_subtract_own(account, before);
	return added(account, moved);
}

bool stoq_quic_memory_reserve(struct stoq_budget_account *account, size_t bytes)
{
	account->reserve = malloc(bytes);
	account->reserve_bytes = bytes;
	return account->reserve != NULL;
}

void stoq_quic_memory_end_reserve(struct stoq_budget_account *account)
{
	free(account->reserve);
	account->reserve = NULL;
}

ngtcp2_mem stoq_quic_memory(struct stoq_budget_account *account)
{
	return (ngtcp2_mem){
		.user_data = account,
		.malloc = take,
		.free = give_back,
		.calloc = take_zeroed,
		.realloc = resize,
	};
}
