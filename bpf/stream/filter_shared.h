/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Which connections and which commands are wanted, as the program and user space both ask. An
 * entry that is not used repeats the last one that is.
 */
#include "bpf/stream/flow_key_shared.h"
#include "nvme/nvme.h"

#define STOQ_WANTED_MAX 16 /* values of a kind */

struct stoq_wanted_address {
	__u64 address[2]; /* in memory order, cut to the mask */
	__u64 mask[2];
};

/* Either end has one of the addresses, and either end one of the ports. */
struct stoq_wanted_ends {
	__u32 addresses_given, ports_given;
	struct stoq_wanted_address addresses[STOQ_WANTED_MAX];
	__be16 ports[STOQ_WANTED_MAX];
};

enum stoq_opcode_class { STOQ_CLASS_ADMIN, STOQ_CLASS_IO, STOQ_CLASS_FABRICS, STOQ_CLASSES };

/* 256 bits a class, and as many unused ones, so that an index can be bounded. */
#define STOQ_WANTED_WORDS 16

struct stoq_wanted_commands {
	__u32 nsids_given, opcodes_given;
	__u32 nsids[STOQ_WANTED_MAX];
	__u64 opcodes[STOQ_WANTED_WORDS];
};

static inline __attribute__((always_inline)) int stoq_wanted_has_address(
	const volatile struct stoq_wanted_ends *wanted, const __u8 *bytes)
{
	__u64 address[2];

	if (!wanted->addresses_given)
		return 1;
	__builtin_memcpy(address, bytes, sizeof(address));
	for (int i = 0; i < STOQ_WANTED_MAX; i++) {
		const volatile struct stoq_wanted_address *one = &wanted->addresses[i];

		if ((address[0] & one->mask[0]) == one->address[0] &&
			(address[1] & one->mask[1]) == one->address[1])
			return 1;
	}
	return 0;
}

static inline __attribute__((always_inline)) int stoq_wanted_has_port(
	const volatile struct stoq_wanted_ends *wanted, __be16 one, __be16 other)
{
	if (!wanted->ports_given)
		return 1;
	for (int i = 0; i < STOQ_WANTED_MAX; i++)
		if (wanted->ports[i] == one || wanted->ports[i] == other)
			return 1;
	return 0;
}

static inline __attribute__((always_inline)) int stoq_wanted_has_ends(
	const volatile struct stoq_wanted_ends *wanted, const struct stoq_flow_key *key)
{
	return stoq_wanted_has_port(wanted, key->port_a, key->port_b) &&
	       (stoq_wanted_has_address(wanted, key->address_a) ||
		       stoq_wanted_has_address(wanted, key->address_b));
}

static inline __attribute__((always_inline)) int stoq_wanted_has_nsid(
	const volatile struct stoq_wanted_commands *wanted, __u32 nsid)
{
	if (!wanted->nsids_given)
		return 1;
	for (int i = 0; i < STOQ_WANTED_MAX; i++)
		if (wanted->nsids[i] == nsid)
			return 1;
	return 0;
}

/* The bit of an opcode, or of a Fabrics command's type. */
static inline __attribute__((always_inline)) __u32 stoq_wanted_bit(
	__u8 opcode, __u8 kind, __u8 fctype)
{
	if (opcode == NVME_OPCODE_FABRICS)
		return STOQ_CLASS_FABRICS << 8 | fctype;
	return (kind & 1) << 8 | opcode;
}

static inline __attribute__((always_inline)) int stoq_wanted_has_opcode(
	const volatile struct stoq_wanted_commands *wanted, __u32 bit)
{
	return !wanted->opcodes_given ||
	       (wanted->opcodes[bit >> 6 & (STOQ_WANTED_WORDS - 1)] >> (bit & 63) & 1);
}
