/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Commands outstanding: how the program keeps them, and how user space reads them. */
#include <linux/types.h>

#include "base/latency_bucket.h"
#include "nvme/nvme_types.h"

/*
 * A command begins on one CPU and ends on another, so each cache line that it is kept in travels
 * to and fro, and that costs as much as decoding it. Hence a slot is a quarter of a line, and
 * commands with neighbouring CIDs share one. A flow has slots of its own, which are taken without
 * atomic instructions, as no other flow uses them. Commands for which these do not suffice are in
 * a hash table of our own in an array map, which all flows share.
 */
struct stoq_slot {
	__u32 owner; /* STOQ_COMMAND_FREE, or whose it is: see the two kinds of slots below */
	__u32 bytes;
	__u64 packed; /* see stoq_slot_pack() */
};
NVME_ASSERT_SIZE(struct stoq_slot, 16);

#define STOQ_COMMAND_FREE 0

/*
 * The slots of a flow: a command may be in the one at its CID modulo their number. Drivers keep
 * CIDs dense, and queues of 128 entries are what SPDK and Linux ask for unless configured otherwise.
 */
#define STOQ_OWN_SLOTS 128

/* The owner of a flow's slot: its command. */
static inline __u32 stoq_own_owner(__u16 cid)
{
	return 1u << 16 | cid;
}

/*
 * The shared table. What only events contain, and the namespace id if it is large, is in a table
 * of its own by the same index; a command that needs either is in no slot of its flow.
 */
#define STOQ_COMMAND_CHOICES 4	   /* slots where a command may be */
#define STOQ_COMMANDS_MIN    65536 /* so that a slot and its owner determine the CID */
#define STOQ_UID_MAX	     0x3fffffffu

/* The owner of a shared slot. */
static inline __u32 stoq_command_owner(__u32 uid, __u32 choice)
{
	return uid << 2 | choice;
}

/*
 * Index of a choice, 0 to STOQ_COMMAND_CHOICES - 1: two places, and their neighbours. mask: the
 * number of slots, a power of two, less one.
 */
static inline __u32 stoq_command_index(__u32 uid, __u16 cid, __u32 choice, __u32 mask)
{
	__u32 base = choice & 2 ? uid * 0x85ebca6bu >> 9 : uid * 0x9e3779b1u >> 7;

	return ((base + cid) ^ (choice & 1)) & mask;
}

enum stoq_keep {
	STOQ_KEEP_DETAILS = 1, /* what events contain: SLBAs and more */
	STOQ_KEEP_SIZES = 2,   /* their size class: series are told apart by it */
};

struct stoq_detail {
	__u64 slba;
	__u32 nsid;
	__u32 blocks;
	__u32 sequence; /* TCP sequence number of the capsule */
	__u32 pad;
};
NVME_ASSERT_SIZE(struct stoq_detail, 24);

/* A command outstanding, unpacked. */
struct stoq_command {
	__u64 start_ns; /* modulo STOQ_SLOT_TIME */
	__u64 slba;	/* if details are kept */
	__u32 nsid;
	__u32 bytes;
	__u32 blocks;	/* if details are kept */
	__u32 sequence; /* likewise */
	__u8 opcode;
	__u8 kind;
	__u8 fctype;
	__u8 untimed; /* AER: waits for an event, its latency means nothing */
};

#define STOQ_SLOT_TIME_BITS	40 /* 18 minutes; all beyond 137 s is one bucket */
#define STOQ_SLOT_TIME		(1ull << STOQ_SLOT_TIME_BITS)
#define STOQ_SLOT_CLASS_SHIFT	STOQ_SLOT_TIME_BITS /* above: all that a series' key has of it */
#define STOQ_SLOT_UNTIMED_SHIFT 57
#define STOQ_SLOT_NSID_FAR	0xff /* the detail has it */
#define STOQ_FCTYPE_OTHER	0x3f /* the reserved and vendor specific ones beyond */

/*
 * The size of a command's data in powers of two: 0: none; n: from 2^(n - 1) bytes up to twice that. Where
 * sizes are counted, it stands where Fabrics commands have their type.
 */
static inline __attribute__((always_inline)) __u32 stoq_size_class(__u32 bytes)
{
	return stoq_latency_exponent(bytes | 1u) + (__u32)((0 - (__u64)bytes) >> 63);
}

static inline __attribute__((always_inline)) __u64 stoq_slot_pack(
	const struct stoq_command *command)
{
	__u64 nsid = command->nsid < STOQ_SLOT_NSID_FAR ? command->nsid : STOQ_SLOT_NSID_FAR;
	__u64 fctype = command->fctype < STOQ_FCTYPE_OTHER ? command->fctype : STOQ_FCTYPE_OTHER;

	return (command->start_ns & (STOQ_SLOT_TIME - 1)) | (__u64)command->opcode << 40 |
	       nsid << 48 | (__u64)(command->kind & 1) << 56 |
	       (__u64)command->untimed << STOQ_SLOT_UNTIMED_SHIFT | fctype << 58;
}

/* All but slba and blocks, and nsid if it is STOQ_SLOT_NSID_FAR afterwards. */
static inline __attribute__((always_inline)) void stoq_slot_unpack(
	struct stoq_command *command, const struct stoq_slot *slot)
{
	__u64 packed = slot->packed;

	command->bytes = slot->bytes;
	command->start_ns = packed & (STOQ_SLOT_TIME - 1);
	command->opcode = packed >> 40 & 0xff;
	command->nsid = packed >> 48 & 0xff;
	command->kind = packed >> 56 & 1;
	command->untimed = packed >> STOQ_SLOT_UNTIMED_SHIFT & 1;
	command->fctype = packed >> 58;
	command->slba = 0;
	command->blocks = 0;
	command->sequence = 0;
}
