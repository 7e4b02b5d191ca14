/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Commands of the host's record that wait for their partner: a hash with a fixed number of places. */
#include <stdint.h>

#include "join/connections.h"

struct stoq_join_key {
	uint32_t path; /* its index */
	uint32_t sequence;
	uint16_t cid;
};

enum stoq_join_state {
	STOQ_JOIN_FREE,
	STOQ_JOIN_WAITS,
	STOQ_JOIN_TAKEN,     /* has a partner */
	STOQ_JOIN_AMBIGUOUS, /* there are several, on either side */
	STOQ_JOIN_DIFFERENT, /* waits, but the other record has another command with its key */
};

/* What of a command is compared, and what is summed up. */
struct stoq_join_command {
	struct stoq_join_key key;
	uint8_t opcode, fctype;
	uint8_t kind;  /* enum nvme_queue_kind */
	uint8_t state; /* enum stoq_join_state */
	uint32_t nsid;
	uint32_t print; /* of all that both ends see alike: stoq_join_print() */
	uint32_t connection[STOQ_JOIN_SIDES];
	uint64_t start_unix_ns; /* by the host's clock */
	uint64_t latency_ns[STOQ_JOIN_SIDES];
};

/* The command as this side's record has it: but for the state, and the other side's fields. */
void stoq_join_command_from(struct stoq_join_command *command, enum stoq_join_side side,
	uint32_t path, uint32_t connection, const struct stoq_record_command *entry);

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
