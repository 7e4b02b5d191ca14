// SPDX-License-Identifier: BSD-2-Clause
#include "transport/cid.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

struct stoq_cid_entry {
	struct stoq_cid_entry *next;
	struct stoq_connection *connection;
	ngtcp2_cid cid;
};

#define FIRST_BUCKETS 256

_Static_assert(NGTCP2_MAX_CIDLEN <= 24, "the hash takes three words");

int stoq_cid_table_init(struct stoq_cid_table *table, const struct stoq_cid_key *key)
{
	*table = (struct stoq_cid_table){.key = *key, .bucket_count = FIRST_BUCKETS};
	table->buckets = calloc(FIRST_BUCKETS, sizeof(struct stoq_cid_entry *));
	return table->buckets ? 0 : -ENOMEM;
}

void stoq_cid_table_destroy(struct stoq_cid_table *table)
{
	for (size_t i = 0; table->buckets && i < table->bucket_count; i++) {
		while (table->buckets[i]) {
			struct stoq_cid_entry *entry = table->buckets[i];

			table->buckets[i] = entry->next;
			free(entry);
		}
	}
	free(table->buckets);
	*table = (struct stoq_cid_table){0};
}

static uint64_t hash(const struct stoq_cid_table *table, const uint8_t *cid, size_t size)
{
	uint64_t words[3] = {0}, result;

	memcpy(words, cid, size);
	result = stoq_cid_tag(&table->key, words[0]);
	/* What we made is told apart by its first word; what a client made need not be. */
	if (size > sizeof(words[0]))
		result = stoq_cid_tag(&table->key, result ^ words[1]);
	if (size > 2 * sizeof(words[0]))
		result = stoq_cid_tag(&table->key, result ^ words[2]);
	return result;
}

static bool matches(const struct stoq_cid_entry *entry, const uint8_t *cid, size_t size)
{
	return entry->cid.datalen == size && memcmp(entry->cid.data, cid, size) == 0;
}

/* Where the pointer to the entry stands; to NULL if there is none. */
static struct stoq_cid_entry **locate(
	const struct stoq_cid_table *table, const uint8_t *cid, size_t size)
{
	size_t bucket = hash(table, cid, size) & (table->bucket_count - 1);
	struct stoq_cid_entry **place = &table->buckets[bucket];

	while (*place && !matches(*place, cid, size))
		place = &(*place)->next;
	return place;
}

/* Without memory for more buckets the chains grow longer; nothing else happens. */
static void grow(struct stoq_cid_table *table)
{
	struct stoq_cid_table larger = *table;

	larger.bucket_count *= 2;
	larger.buckets = calloc(larger.bucket_count, sizeof(struct stoq_cid_entry *));
	if (!larger.buckets)
		return;
	for (size_t i = 0; i < table->bucket_count; i++) {
		while (table->buckets[i]) {
			struct stoq_cid_entry *entry = table->buckets[i];
			struct stoq_cid_entry **place;

			table->buckets[i] = entry->next;
			entry->next = NULL;
			place = locate(&larger, entry->cid.data, entry->cid.datalen);
			*place = entry;
		}
	}
	free(table->buckets);
	*table = larger;
}

int stoq_cid_insert(
	struct stoq_cid_table *table, const ngtcp2_cid *cid, struct stoq_connection *connection)
{
	struct stoq_cid_entry **place, *entry;

	if (table->count >= table->bucket_count)
		grow(table);
	place = locate(table, cid->data, cid->datalen);
	if (*place)
		return -EEXIST;
	entry = malloc(sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	*entry = (struct stoq_cid_entry){.connection = connection, .cid = *cid};
	*place = entry;
	table->count++;
	return 0;
}

void stoq_cid_remove(struct stoq_cid_table *table, const ngtcp2_cid *cid)
{
	struct stoq_cid_entry **place = locate(table, cid->data, cid->datalen);
	struct stoq_cid_entry *entry = *place;

	if (!entry)
		return;
	*place = entry->next;
	free(entry);
	table->count--;
}

struct stoq_connection *stoq_cid_find(
	const struct stoq_cid_table *table, const uint8_t *cid, size_t size)
{
	struct stoq_cid_entry *entry;

	if (size > NGTCP2_MAX_CIDLEN)
		return NULL;
	entry = *locate(table, cid, size);
	return entry ? entry->connection : NULL;
}

int stoq_cid_make(ngtcp2_cid *cid, const struct stoq_cid_key *key, unsigned int worker,
	unsigned int worker_count)
{
	struct stoq_cid made;
	uint8_t first;

	if (gnutls_rnd(GNUTLS_RND_NONCE, &made.random, sizeof(made.random)) < 0)
		return -EIO;
	memcpy(&first, &made.random, 1);
	/* The first byte modulo the number of workers has to be the worker. */
	first -= first % worker_count;
	if (first + worker > UINT8_MAX)
		first -= worker_count;
	first += worker;
	memcpy(&made.random, &first, 1);
	made.tag = stoq_cid_tag(key, made.random);
	ngtcp2_cid_init(cid, (const uint8_t *)&made, sizeof(made));
	return 0;
}

bool stoq_cid_is_ours(const struct stoq_cid_key *key, const uint8_t *cid, size_t size)
{
	struct stoq_cid parts;

	if (size != sizeof(parts))
		return false;
	memcpy(&parts, cid, sizeof(parts));
	return stoq_cid_tag(key, parts.random) == parts.tag;
}
