/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Sets of NVMe commands by name, and the classes that a policy can name instead. */
#include <stdbool.h>
#include <stdint.h>

#include "bpf/guard/policy_shared.h"

struct stoq_guard_commands {
	uint64_t bits[STOQ_GUARD_TABLES][4];
};

static inline bool stoq_guard_commands_has(
	const struct stoq_guard_commands *set, unsigned int table, unsigned int code)
{
	return set->bits[table][code / 64] >> (code % 64) & 1;
}

/*
 * Adds the commands that text names: a class, or a command as the specification calls it, or nvme-cli
 * where its word means just this one. Case does not matter.
 * Opcodes without a name do what nobody knows: in a rule that refuses (fearful) the classes
 * writes and destructive have them too. Returns 0 or -ENOENT.
 */
int stoq_guard_commands_add(struct stoq_guard_commands *set, const char *text, bool fearful);

/*
 * What can change the data of a namespace: the class writes, destructive commands, and
 * whatever has no name.
 */
void stoq_guard_commands_changing(struct stoq_guard_commands *set);

/* One command by name; 0 or -ENOENT. */
int stoq_guard_command_find(const char *name, uint8_t *table, uint8_t *code);

/* enum stoq_guard_touches; LIST for a command without a name. */
uint8_t stoq_guard_command_touches(uint8_t table, uint8_t code);
