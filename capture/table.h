/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What stands for a BPF map in user space: an array, a hash, or a hash whose least recently used
 * entry makes way. Its memory is bounded by its limit, and taken as it is used. As in the kernel, the
 * address of a value stays valid while a packet is handled: the place of an entry that was deleted is
 * the last one to be used again.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stoq_table_kind {
	STOQ_TABLE_ARRAY, /* by a __u32 index; every entry is there */
	STOQ_TABLE_HASH,  /* when it is full, no entry can be added */
	STOQ_TABLE_LRU,
};

struct stoq_table;

/* NULL: no memory. */
struct stoq_table *stoq_table_new(
	enum stoq_table_kind kind, size_t key_bytes, size_t value_bytes, uint32_t limit);
void stoq_table_free(struct stoq_table *table);

/* The value's place, or NULL. */
void *stoq_table_find(struct stoq_table *table, const void *key);

/* Adds the entry, or writes over it. 0, -EEXIST (with only_new), -E2BIG: it is full. */
int stoq_table_put(struct stoq_table *table, const void *key, const void *value, bool only_new);

/* 0 or -ENOENT. */
int stoq_table_remove(struct stoq_table *table, const void *key);

size_t stoq_table_value_bytes(const struct stoq_table *table);
uint32_t stoq_table_limit(const struct stoq_table *table);

/* The values of an array, one behind the other, rounded up to 8 bytes each. */
void *stoq_table_values(struct stoq_table *table);

/* Calls take for every entry. The first result other than 0 ends it and is returned. */
int stoq_table_each(struct stoq_table *table,
	int (*take)(void *context, const void *key, const void *value), void *context);
