// SPDX-License-Identifier: BSD-2-Clause
#include "join/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t stoq_join_key_hash(const struct stoq_join_key *key)
{
	uint64_t hash = (uint64_t)key->sequence << 32 | (uint64_t)key->cid << 16;

	hash ^= key->path * 0x9e3779b97f4a7c15u;
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdu;
	hash ^= hash >> 33;
	return hash * 0xc4ceb9fe1a85ec53u;
}

/* FNV-1a of so many bytes, the lowest ones of the number. */
static uint64_t stir(uint64_t hash, uint64_t number, int bytes)
{
	for (int i = 0; i < bytes; i++, number >>= 8)
		hash = (hash ^ (number & 0xff)) * 0x100000001b3u;
	return hash;
}

/* Of what the wire has of a command and of its end, beside the key: the ends of a connection see it alike. */
static uint32_t print_of(const struct stoq_record_command *entry)
{
	uint64_t hash = 0xcbf29ce484222325u;

	hash = stir(hash,
		entry->opcode | (uint64_t)entry->kind << 8 | (uint64_t)entry->fctype << 16 |
			(uint64_t)entry->do_not_retry << 24 | (uint64_t)entry->nsid << 32,
		8);
	hash = stir(hash, entry->slba, 8);
	hash = stir(hash, entry->blocks | (uint64_t)entry->bytes << 32, 8);
	hash = stir(hash, entry->status, 2);
	return (uint32_t)(hash ^ hash >> 32);
}

void stoq_join_command_from(struct stoq_join_command *command, enum stoq_join_side side,
	uint32_t path, uint32_t connection, const struct stoq_record_command *entry)
{
	*command = (struct stoq_join_command){
		.key = {.path = path, .sequence = entry->sequence, .cid = entry->cid},
		.opcode = entry->opcode,
		.fctype = entry->fctype,
		.kind = entry->kind,
		.nsid = entry->nsid,
		.print = print_of(entry),
		.start_unix_ns = entry->start_unix_ns};
	command->connection[side] = connection;
	command->latency_ns[side] = entry->latency_ns;
}

int stoq_join_pending_init(struct stoq_join_pending *pending, uint32_t room)
{
	uint64_t places = 64;

	while (places < room * 3ull / 2)
		places *= 2;
	pending->items = calloc(places, sizeof(*pending->items));
	pending->mask = (uint32_t)(places - 1);
	return pending->items ? 0 : -ENOMEM;
}

void stoq_join_pending_free(struct stoq_join_pending *pending)
{
	free(pending->items);
	pending->items = NULL;
}

void stoq_join_pending_clear(struct stoq_join_pending *pending)
{
	pending->count = 0;
	memset(pending->items, 0, (pending->mask + 1ull) * sizeof(*pending->items));
}

/* The command with this key, or the free place where it belongs. */
static struct stoq_join_command *place_of(
	const struct stoq_join_pending *pending, const struct stoq_join_key *key)
{
	uint32_t at = (uint32_t)(stoq_join_key_hash(key) >> 32) & pending->mask;

	for (;; at = (at + 1) & pending->mask) {
		struct stoq_join_command *item = &pending->items[at];

		if (item->state == STOQ_JOIN_FREE ||
			(item->key.path == key->path && item->key.sequence == key->sequence &&
				item->key.cid == key->cid))
			return item;
	}
}

struct stoq_join_command *stoq_join_pending_find(
	const struct stoq_join_pending *pending, const struct stoq_join_key *key)
{
	struct stoq_join_command *item = place_of(pending, key);

	return item->state == STOQ_JOIN_FREE ? NULL : item;
}

int stoq_join_pending_add(
	struct stoq_join_pending *pending, const struct stoq_join_command *command)
{
	struct stoq_join_command *item = place_of(pending, &command->key);

	if (item->state != STOQ_JOIN_FREE) {
		item->state = STOQ_JOIN_AMBIGUOUS;
		return 1;
	}
	/* Some places stay free: a search ends at one. */
	if (pending->count >= pending->mask - pending->mask / 8)
		return -E2BIG;
	pending->count++;
	*item = *command;
	item->state = STOQ_JOIN_WAITS;
	return 0;
}
