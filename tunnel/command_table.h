/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The outstanding commands of a queue, by CID. As large as the most that were outstanding at once,
 * at most 65,536: CIDs have 16 bits.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stoq_command {
	uint64_t started_ns;
	uint16_t cid;
	uint8_t lane; /* that its capsule came or went in */
	uint8_t opcode;
	bool connect;	      /* Fabrics Connect */
	uint16_t refuse_with; /* the target's answer is replaced by this status; 0: it is not */
	bool discovery;	      /* Get Log Page of the discovery log, */
	uint32_t
		data_bytes; /* that it moves, as the host's SGL states it; 0 for most others than reads and writes */
	uint64_t log_at; /* from this offset on */
};

struct stoq_command_table {
	struct stoq_command *slots;
	uint32_t capacity; /* a power of two, or 0 */
	uint32_t count;
	uint64_t data_bytes; /* of all commands */
};

/* Adds one, or replaces that with its CID. 0 or -ENOMEM. */
int stoq_command_table_put(struct stoq_command_table *table, const struct stoq_command *command);

/* NULL: there is no such command. Valid until the next change. */
const struct stoq_command *stoq_command_table_find(
	const struct stoq_command_table *table, uint16_t cid);

/* This status is to replace the answer to an outstanding command. */
void stoq_command_table_replace_answer(
	struct stoq_command_table *table, uint16_t cid, uint16_t status);

/* Does nothing if there is no such command. */
void stoq_command_table_remove(struct stoq_command_table *table, uint16_t cid);

/* What it takes; and whether the next command makes it grow. */
static inline size_t stoq_command_table_bytes(const struct stoq_command_table *table)
{
	return table->capacity * sizeof(table->slots[0]);
}
static inline bool stoq_command_table_crowded(const struct stoq_command_table *table)
{
	return 2 * (table->count + 1) > table->capacity;
}

void stoq_command_table_free(struct stoq_command_table *table);
