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

/*
 * Takes a slot for a command that begins. *replaced: an earlier command with this CID, whose
 * completion was never seen, has made way. The slot's index is *index. NULL: no room.
 */
static __always_inline struct stoq_command *stoq_command_begin(
	__u32 uid, __u16 cid, __u32 *index, int *replaced)
{
	__u64 owner = STOQ_COMMAND_OWNER(uid, cid);

	for (__u32 choice = 0; choice < STOQ_COMMAND_CHOICES; choice++) {
		__u32 at = stoq_command_index(uid, cid, choice);
		struct stoq_command *slot = bpf_map_lookup_elem(&stoq_commands, &at);
		__u64 before;

		if (!slot)
			return 0;
		before = __sync_val_compare_and_swap(&slot->owner, STOQ_COMMAND_FREE, owner);
		if (before == STOQ_COMMAND_FREE || before == owner) {
			*index = at;
			*replaced = before == owner;
			return slot;
		}
	}
	return 0;
}

/*
 * The slot of a command that ends; the caller reads it and then calls stoq_command_free().
 * NULL: there is none.
 */
static __always_inline struct stoq_command *stoq_command_find(__u32 uid, __u16 cid, __u32 *index)
{
	__u64 owner = STOQ_COMMAND_OWNER(uid, cid);

	for (__u32 choice = 0; choice < STOQ_COMMAND_CHOICES; choice++) {
		__u32 at = stoq_command_index(uid, cid, choice);
		struct stoq_command *slot = bpf_map_lookup_elem(&stoq_commands, &at);

		if (!slot)
			return 0;
		if (__sync_val_compare_and_swap(&slot->owner, owner, STOQ_COMMAND_LEAVING) ==
			owner) {
			*index = at;
			return slot;
		}
	}
	return 0;
}

static __always_inline void stoq_command_free(struct stoq_command *slot)
{
	*(volatile __u64 *)&slot->owner = STOQ_COMMAND_FREE;
}

static __always_inline void stoq_keep_command_slba(__u32 index, __u64 slba)
{
	__u64 *place;

	if (!stoq_keep_slba)
		return;
	place = bpf_map_lookup_elem(&stoq_slbas, &index);
	if (place)
		*place = slba;
}

static __always_inline __u64 stoq_command_slba(__u32 index)
{
	__u64 *place = stoq_keep_slba ? bpf_map_lookup_elem(&stoq_slbas, &index) : 0;

	return place ? *place : 0;
}
