/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Commands outstanding, from capsule to completion: a hash table of our own in an array map
 * (tc_shared.h says why). CIDs are dense, so a command's slot is found by adding its CID to a
 * hash of the flow; if another flow's command has it, there are three more choices.
 */
#include "bpf/maps.bpf.h"

/* Index of a choice, 0 to STOQ_COMMAND_CHOICES - 1: two places, and their neighbours. */
static __always_inline __u32 stoq_command_index(__u32 uid, __u16 cid, __u32 choice)
{
	__u32 base = choice & 2 ? uid * 0x85ebca6bu >> 9 : uid * 0x9e3779b1u >> 7;

	return ((base + cid) ^ (choice & 1)) & stoq_command_mask;
}

static __always_inline __u32 stoq_command_owner(__u32 uid, __u32 choice)
{
	return uid << 2 | choice;
}

/*
 * Takes this slot for a command that begins. 0: done; 1: done, and an earlier command with this
 * CID, whose completion was never seen, has made way; -1: another flow has it.
 */
static __always_inline int stoq_slot_take(
	__u32 uid, __u16 cid, __u32 choice, const struct stoq_command *command)
{
	__u32 at = stoq_command_index(uid, cid, choice);
	__u32 owner = stoq_command_owner(uid, choice), before;
	struct stoq_slot *slot = bpf_map_lookup_elem(&stoq_commands, &at);
	struct stoq_detail *detail;

	if (!slot)
		return -1;
	/* Commands of two flows may want the same slot at the same time. */
	before = __sync_val_compare_and_swap(&slot->owner, STOQ_COMMAND_FREE, owner);
	if (before != STOQ_COMMAND_FREE && before != owner)
		return -1;
	slot->bytes = command->bytes;
	slot->packed = stoq_slot_pack(command);
	if (!stoq_keep_details && command->nsid < STOQ_SLOT_NSID_FAR)
		return before == owner;
	detail = bpf_map_lookup_elem(&stoq_details, &at);
	if (detail) {
		detail->slba = command->slba;
		detail->nsid = command->nsid;
		detail->blocks = command->blocks;
	}
	return before == owner;
}

/* Takes one of the slots. As stoq_slot_take(), but -1: no room. */
static __always_inline int stoq_command_begin(
	__u32 uid, __u16 cid, const struct stoq_command *command)
{
	for (__u32 choice = 0; choice < STOQ_COMMAND_CHOICES; choice++) {
		int result = stoq_slot_take(uid, cid, choice, command);

		if (result >= 0)
			return result;
	}
	return -1;
}

/*
 * Takes a command out of the table, into *command. Only its flow's controller side does this,
 * under that side's lock, so a plain load and store will do: unlike a locked instruction,
 * they let the CPU go on while the cache line is on its way. 0, or -1: not there.
 */
static __always_inline int stoq_command_end(__u32 uid, __u16 cid, struct stoq_command *command)
{
	for (__u32 choice = 0; choice < STOQ_COMMAND_CHOICES; choice++) {
		__u32 at = stoq_command_index(uid, cid, choice);
		struct stoq_slot *slot = bpf_map_lookup_elem(&stoq_commands, &at);
		struct stoq_detail *detail;

		if (!slot)
			return -1;
		if (*(volatile __u32 *)&slot->owner != stoq_command_owner(uid, choice))
			continue;
		stoq_slot_unpack(command, slot);
		if (stoq_keep_details || command->nsid == STOQ_SLOT_NSID_FAR) {
			detail = bpf_map_lookup_elem(&stoq_details, &at);
			if (detail) {
				command->slba = detail->slba;
				command->nsid = detail->nsid;
				command->blocks = detail->blocks;
			}
		}
		*(volatile __u32 *)&slot->owner = STOQ_COMMAND_FREE;
		return 0;
	}
	return -1;
}
