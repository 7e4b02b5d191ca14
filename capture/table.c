// SPDX-License-Identifier: BSD-2-Clause
#include "capture/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NONE UINT32_MAX

/* Of an entry: the next one with the same hash; its neighbours by use. */
struct link {
	uint32_t next, older, newer;
	bool used;
};

struct stoq_table {
	enum stoq_table_kind kind;
	size_t key_bytes, value_bytes, stride;
	uint32_t limit;
	uint32_t fresh; /* entries from here on were never used */
	uint32_t mask;
	uint32_t *heads; /* index + 1; 0: no entry */
	struct link *links;
	uint32_t oldest, newest;	/* by use */
	uint32_t first_free, last_free; /* in the order in which they were freed, by next */
	uint8_t *keys, *values;
};

/* Zeros, which take no memory until they are used. NULL: no memory. */
static void *map_values(size_t bytes)
{
	void *values = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return values == MAP_FAILED ? NULL : values;
}

static bool has_memory(const struct stoq_table *table)
{
	return table->values &&
	       (table->kind == STOQ_TABLE_ARRAY || (table->keys && table->links && table->heads));
}

struct stoq_table *stoq_table_new(
	enum stoq_table_kind kind, size_t key_bytes, size_t value_bytes, uint32_t limit)
{
	struct stoq_table *table = calloc(1, sizeof(*table));
	uint32_t heads = 16;

	if (!table)
		return NULL;
	while (heads < limit && heads < 1u << 30)
		heads *= 2;
	*table = (struct stoq_table){.kind = kind,
		.key_bytes = key_bytes,
		.value_bytes = value_bytes,
		.stride = (value_bytes + 7) & ~(size_t)7,
		.limit = limit,
		.mask = heads - 1,
		.oldest = NONE,
		.newest = NONE,
		.first_free = NONE,
		.last_free = NONE};
	table->values = map_values(limit * table->stride);
	if (kind != STOQ_TABLE_ARRAY) {
		table->keys = calloc(limit, key_bytes);
		table->links = calloc(limit, sizeof(*table->links));
		table->heads = calloc(heads, sizeof(*table->heads));
	}
	if (has_memory(table))
		return table;
	stoq_table_free(table);
	return NULL;
}

void stoq_table_free(struct stoq_table *table)
{
	if (!table)
		return;
	if (table->values)
		munmap(table->values, table->limit * table->stride);
	free(table->keys);
	free(table->links);
	free(table->heads);
	free(table);
}

static uint8_t *value_of(const struct stoq_table *table, uint32_t at)
{
	return table->values + at * table->stride;
}

static uint8_t *key_of(const struct stoq_table *table, uint32_t at)
{
	return table->keys + at * table->key_bytes;
}

/* FNV-1a. */
static uint32_t *head_of(const struct stoq_table *table, const void *key)
{
	const uint8_t *bytes = key;
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < table->key_bytes; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u;
	return &table->heads[(hash ^ hash >> 32) & table->mask];
}

static uint32_t find(const struct stoq_table *table, const void *key)
{
	for (uint32_t at = *head_of(table, key); at; at = table->links[at - 1].next)
		if (memcmp(key_of(table, at - 1), key, table->key_bytes) == 0)
			return at - 1;
	return NONE;
}

/* ---- by use ---- */

static void unuse(struct stoq_table *table, uint32_t at)
{
	struct link *link = &table->links[at];

	if (link->older != NONE)
		table->links[link->older].newer = link->newer;
	else
		table->oldest = link->newer;
	if (link->newer != NONE)
		table->links[link->newer].older = link->older;
	else
		table->newest = link->older;
}

static void use(struct stoq_table *table, uint32_t at)
{
	struct link *link = &table->links[at];

	link->older = table->newest;
	link->newer = NONE;
	if (table->newest != NONE)
		table->links[table->newest].newer = at;
	else
		table->oldest = at;
	table->newest = at;
}

/* ---- places ---- */

static void release(struct stoq_table *table, uint32_t at)
{
	uint32_t *from = head_of(table, key_of(table, at));

	while (*from != at + 1)
		from = &table->links[*from - 1].next;
	*from = table->links[at].next;
	unuse(table, at);
	table->links[at].used = false;
	table->links[at].next = NONE;
	if (table->last_free != NONE)
		table->links[table->last_free].next = at;
	else
		table->first_free = at;
	table->last_free = at;
}

/* A place for one more entry, or NONE. */
static uint32_t take_place(struct stoq_table *table)
{
	uint32_t at;

	if (table->fresh < table->limit)
		return table->fresh++;
	if (table->first_free == NONE && table->kind == STOQ_TABLE_LRU)
		release(table, table->oldest);
	at = table->first_free;
	if (at == NONE)
		return NONE;
	table->first_free = table->links[at].next;
	if (table->first_free == NONE)
		table->last_free = NONE;
	return at;
}

static void *array_find(struct stoq_table *table, const void *key)
{
	uint32_t at;

	memcpy(&at, key, sizeof(at));
	return at < table->limit ? value_of(table, at) : NULL;
}

void *stoq_table_find(struct stoq_table *table, const void *key)
{
	uint32_t at;

	if (table->kind == STOQ_TABLE_ARRAY)
		return array_find(table, key);
	at = find(table, key);
	if (at == NONE)
		return NULL;
	unuse(table, at);
	use(table, at);
	return value_of(table, at);
}

int stoq_table_put(struct stoq_table *table, const void *key, const void *value, bool only_new)
{
	uint8_t *place = stoq_table_find(table, key);
	uint32_t at, *head;

	if (place && only_new)
		return -EEXIST;
	if (place) {
		memcpy(place, value, table->value_bytes);
		return 0;
	}
	at = table->kind == STOQ_TABLE_ARRAY ? NONE : take_place(table);
	if (at == NONE)
		return -E2BIG;
	memcpy(key_of(table, at), key, table->key_bytes);
	memcpy(value_of(table, at), value, table->value_bytes);
	head = head_of(table, key);
	table->links[at].next = *head;
	table->links[at].used = true;
	*head = at + 1;
	use(table, at);
	return 0;
}

int stoq_table_remove(struct stoq_table *table, const void *key)
{
	uint32_t at = table->kind == STOQ_TABLE_ARRAY ? NONE : find(table, key);

	if (at == NONE)
		return -ENOENT;
	release(table, at);
	return 0;
}

size_t stoq_table_value_bytes(const struct stoq_table *table)
{
	return table->value_bytes;
}

uint32_t stoq_table_limit(const struct stoq_table *table)
{
	return table->limit;
}

void *stoq_table_values(struct stoq_table *table)
{
	return table->values;
}

int stoq_table_each(struct stoq_table *table,
	int (*take)(void *context, const void *key, const void *value), void *context)
{
	int result = 0;

	for (uint32_t at = 0; at < table->fresh && !result; at++)
		if (table->links[at].used)
			result = take(context, key_of(table, at), value_of(table, at));
	return result;
}
