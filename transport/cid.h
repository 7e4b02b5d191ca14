/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Connection IDs: making ours (bpf/xdp/cid_shared.h says what they look like), and finding the
 * connection that an ID belongs to. The hash is keyed: clients choose the IDs of their first
 * packets, and must not choose collisions.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/xdp/cid_shared.h"
#include "transport/ngtcp2_compat.h"

#define STOQ_RESET_SECRET_BYTES 32

struct stoq_connection;
struct stoq_cid_entry;

struct stoq_cid_table {
	struct stoq_cid_key key; /* of the hash; random */
	struct stoq_cid_entry **buckets;
	size_t bucket_count; /* a power of two */
	size_t count;
};

/* 0 or -ENOMEM. */
int stoq_cid_table_init(struct stoq_cid_table *table, const struct stoq_cid_key *key);
void stoq_cid_table_destroy(struct stoq_cid_table *table);

/* 0, -ENOMEM, or -EEXIST. */
int stoq_cid_insert(
	struct stoq_cid_table *table, const ngtcp2_cid *cid, struct stoq_connection *connection);
void stoq_cid_remove(struct stoq_cid_table *table, const ngtcp2_cid *cid);
struct stoq_connection *stoq_cid_find(
	const struct stoq_cid_table *table, const uint8_t *cid, size_t size);

/* A new one of worker's, sealed with key. 0 or -EIO: no random numbers. */
int stoq_cid_make(ngtcp2_cid *cid, const struct stoq_cid_key *key, unsigned int worker,
	unsigned int worker_count);

/* Whether an endpoint with that key made it. */
bool stoq_cid_is_ours(const struct stoq_cid_key *key, const uint8_t *cid, size_t size);
