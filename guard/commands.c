// SPDX-License-Identifier: BSD-2-Clause
#include "guard/commands.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "guard/cli_words.h"
#include "nvme/nvme_names.h"

enum command_class {
	CLASS_READS = 1,
	CLASS_WRITES = 2,
	CLASS_DESTRUCTIVE = 4,
};

struct command_fact {
	uint8_t table;
	uint8_t code;
	uint8_t classes;
	uint8_t touches;
};

/* Commands that are in a class or touch blocks. Doc: doc/guard.md has the same table. */
static const struct command_fact facts[] = {
	{STOQ_GUARD_IO, NVME_NVM_READ, CLASS_READS, STOQ_GUARD_TOUCHES_RANGE},
	{STOQ_GUARD_IO, NVME_NVM_COMPARE, CLASS_READS, STOQ_GUARD_TOUCHES_RANGE},
	{STOQ_GUARD_IO, NVME_NVM_VERIFY, CLASS_READS, STOQ_GUARD_TOUCHES_RANGE},
	{STOQ_GUARD_IO, 0x7a /* Zone Management Receive */, CLASS_READS, STOQ_GUARD_TOUCHES_LIST},
	{STOQ_GUARD_IO, NVME_NVM_COPY, CLASS_READS | CLASS_WRITES, STOQ_GUARD_TOUCHES_LIST},
	{STOQ_GUARD_IO, NVME_NVM_WRITE, CLASS_WRITES, STOQ_GUARD_TOUCHES_RANGE},
	{STOQ_GUARD_IO, NVME_NVM_WRITE_UNCORRECTABLE, CLASS_WRITES, STOQ_GUARD_TOUCHES_RANGE},
	{STOQ_GUARD_IO, NVME_NVM_WRITE_ZEROES, CLASS_WRITES, STOQ_GUARD_TOUCHES_RANGE},
	{STOQ_GUARD_IO, NVME_NVM_DATASET_MANAGEMENT, CLASS_WRITES, STOQ_GUARD_TOUCHES_LIST},
	{STOQ_GUARD_IO, 0x1d /* I/O Management Send */, CLASS_WRITES, STOQ_GUARD_TOUCHES_LIST},
	{STOQ_GUARD_IO, 0x79 /* Zone Management Send */, CLASS_WRITES, STOQ_GUARD_TOUCHES_LIST},
	{STOQ_GUARD_IO, 0x7d /* Zone Append */, CLASS_WRITES, STOQ_GUARD_TOUCHES_LIST},
	{STOQ_GUARD_ADMIN, NVME_ADMIN_FORMAT_NVM, CLASS_WRITES | CLASS_DESTRUCTIVE,
		STOQ_GUARD_TOUCHES_NAMESPACE},
	{STOQ_GUARD_ADMIN, NVME_ADMIN_SANITIZE, CLASS_WRITES | CLASS_DESTRUCTIVE,
		STOQ_GUARD_TOUCHES_SUBSYSTEM},
	{STOQ_GUARD_ADMIN, NVME_ADMIN_NAMESPACE_MANAGEMENT, CLASS_WRITES | CLASS_DESTRUCTIVE,
		STOQ_GUARD_TOUCHES_NAMESPACE},
	{STOQ_GUARD_ADMIN, 0x20 /* Capacity Management */, CLASS_WRITES | CLASS_DESTRUCTIVE,
		STOQ_GUARD_TOUCHES_SUBSYSTEM},
	{STOQ_GUARD_ADMIN, NVME_ADMIN_SECURITY_SEND, CLASS_WRITES | CLASS_DESTRUCTIVE,
		STOQ_GUARD_TOUCHES_SUBSYSTEM},
	{STOQ_GUARD_ADMIN, NVME_ADMIN_NAMESPACE_ATTACHMENT, CLASS_DESTRUCTIVE,
		STOQ_GUARD_TOUCHES_NONE},
	{STOQ_GUARD_ADMIN, NVME_ADMIN_FIRMWARE_COMMIT, CLASS_DESTRUCTIVE, STOQ_GUARD_TOUCHES_NONE},
	{STOQ_GUARD_ADMIN, NVME_ADMIN_FIRMWARE_DOWNLOAD, CLASS_DESTRUCTIVE,
		STOQ_GUARD_TOUCHES_NONE},
	{STOQ_GUARD_ADMIN, 0x1c /* Virtualization Management */, CLASS_DESTRUCTIVE,
		STOQ_GUARD_TOUCHES_NONE},
	{STOQ_GUARD_ADMIN, 0x1d /* NVMe-MI Send */, CLASS_DESTRUCTIVE, STOQ_GUARD_TOUCHES_NONE},
	{STOQ_GUARD_ADMIN, 0x24 /* Lockdown */, CLASS_DESTRUCTIVE, STOQ_GUARD_TOUCHES_NONE},
};
#define FACTS (sizeof(facts) / sizeof(facts[0]))

static const struct command_fact *find_fact(uint8_t table, uint8_t code)
{
	for (size_t i = 0; i < FACTS; i++) {
		if (facts[i].table == table && facts[i].code == code)
			return &facts[i];
	}
	return NULL;
}

static void set_bit(struct stoq_guard_commands *set, unsigned int table, unsigned int code)
{
	set->bits[table][code / 64] |= UINT64_C(1) << (code % 64);
}

/* Fabrics has an opcode in both tables, but is not looked up there. */
static bool is_named(uint8_t table, uint8_t code)
{
	char buffer[NVME_NAME_LENGTH];
	enum nvme_queue_kind kind = table == STOQ_GUARD_IO ? NVME_QUEUE_IO : NVME_QUEUE_ADMIN;

	if (table == STOQ_GUARD_FABRICS)
		return nvme_opcode_name(kind, NVME_OPCODE_FABRICS, code, buffer) != buffer;
	return code == NVME_OPCODE_FABRICS || nvme_opcode_name(kind, code, 0, buffer) != buffer;
}

static void add_unnamed(struct stoq_guard_commands *set)
{
	for (unsigned int code = 0; code < 256; code++) {
		if (!is_named(STOQ_GUARD_ADMIN, (uint8_t)code))
			set_bit(set, STOQ_GUARD_ADMIN, code);
		if (!is_named(STOQ_GUARD_IO, (uint8_t)code))
			set_bit(set, STOQ_GUARD_IO, code);
	}
}

static void add_class(struct stoq_guard_commands *set, unsigned int classes)
{
	for (size_t i = 0; i < FACTS; i++) {
		if (facts[i].classes & classes)
			set_bit(set, facts[i].table, facts[i].code);
	}
}

static void add_admin(struct stoq_guard_commands *set)
{
	memset(set->bits[STOQ_GUARD_ADMIN], 0xff, sizeof(set->bits[0]));
	memset(set->bits[STOQ_GUARD_FABRICS], 0xff, sizeof(set->bits[0]));
}

/* By the specification's name for it. */
static int find_named(const char *name, uint8_t *table, uint8_t *code)
{
	uint8_t opcode, fctype;

	if (!nvme_opcode_from_name(NVME_QUEUE_IO, name, &opcode, &fctype)) {
		*table = opcode == NVME_OPCODE_FABRICS ? STOQ_GUARD_FABRICS : STOQ_GUARD_IO;
		*code = opcode == NVME_OPCODE_FABRICS ? fctype : opcode;
		return 0;
	}
	if (nvme_opcode_from_name(NVME_QUEUE_ADMIN, name, &opcode, &fctype))
		return -ENOENT;
	*table = STOQ_GUARD_ADMIN;
	*code = opcode;
	return 0;
}

int stoq_guard_command_find(const char *name, uint8_t *table, uint8_t *code)
{
	const struct stoq_guard_cli_word *word = stoq_guard_cli_find(name);

	return find_named(word && word->alone ? word->command : name, table, code);
}

int stoq_guard_commands_add(struct stoq_guard_commands *set, const char *text, bool fearful)
{
	uint8_t table, code;

	if (strcasecmp(text, "reads") == 0) {
		add_class(set, CLASS_READS);
		return 0;
	}
	if (strcasecmp(text, "admin") == 0) {
		add_admin(set);
		return 0;
	}
	if (strcasecmp(text, "writes") == 0 || strcasecmp(text, "destructive") == 0) {
		add_class(set, (text[0] | 0x20) == 'w' ? CLASS_WRITES : CLASS_DESTRUCTIVE);
		if (fearful)
			add_unnamed(set);
		return 0;
	}
	if (stoq_guard_command_find(text, &table, &code))
		return -ENOENT;
	set_bit(set, table, code);
	return 0;
}

void stoq_guard_commands_changing(struct stoq_guard_commands *set)
{
	add_class(set, CLASS_WRITES | CLASS_DESTRUCTIVE);
	add_unnamed(set);
}

uint8_t stoq_guard_command_touches(uint8_t table, uint8_t code)
{
	const struct command_fact *fact = find_fact(table, code);

	if (fact)
		return fact->touches;
	if (is_named(table, code) || table == STOQ_GUARD_FABRICS)
		return STOQ_GUARD_TOUCHES_NONE;
	/* What it does is not known, nor whether it minds its NSID: vendors' admin commands often have none. */
	return table == STOQ_GUARD_IO ? STOQ_GUARD_TOUCHES_LIST : STOQ_GUARD_TOUCHES_SUBSYSTEM;
}
