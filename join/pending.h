/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Commands of the host's record that wait for their partner: a hash with a fixed number of places. */
#include <stdint.h>

struct stoq_join_key {
	uint32_t connection; /* its index */
	uint32_t sequence;
	uint16_t cid;
};

/* What of a command is compared, and what is summed up. */
struct stoq_join_command {
	struct stoq_join_key key;
	uint8_t opcode;
	uint8_t state; /* enum stoq_join_state */
	uint32_t nsid;
	uint64_t start_unix_ns;
	uint64_t latency_ns;
};

enum stoq_join_state {
	STOQ_JOIN_FREE,
	STOQ_JOIN_WAITS,
	STOQ_JOIN_MATCHED,
	STOQ_JOIN_AMBIGUOUS,
	STOQ_JOIN_DIFFERENT,
	STOQ_JOIN_LONGER,
};

struct stoq_join_pending {
	struct stoq_join_command *items;
	uint32_t mask, count;
};

uint64_t stoq_join_key_hash(const struct stoq_join_key *key);

/* Room for so many. 0 or -ENOMEM. */
int stoq_join_pending_init(struct stoq_join_pending *pending, uint32_t room);
void stoq_join_pending_free(struct stoq_join_pending *pending);
void stoq_join_pending_clear(struct stoq_join_pending *pending);

/* NULL: it is not there. */
struct stoq_join_command *stoq_join_pending_find(
	const struct stoq_join_pending *pending, const struct stoq_join_key *key);

/*
 * Adds one that waits. 0; 1: there is one with its key, which is ambiguous from now on; -E2BIG: there is no
 * room.
 */
int stoq_join_pending_add(
	struct stoq_join_pending *pending, const struct stoq_join_command *command);
