/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Commands outstanding, from capsule to completion. A hash map's update and delete would cost
 * more than all the rest of the work on a command; CIDs are dense, so that a command's bucket
 * is found by adding, and the slot in it by comparing the owners, which share a cache line.
 */
#include "bpf/maps.bpf.h"

static __always_inline __u32 stoq_bucket_hash(__u32 uid)
{
	return uid * 0x9e3779b1u >> 7;
}

/* choice 0 or 1: the two buckets where a command may be. */
static __always_inline struct stoq_command_bucket *stoq_bucket(__u32 uid, __u16 cid, int choice)
{
	__u32 index = stoq_bucket_hash(uid) + cid;

	if (choice)
		index = (index ^ (cid * 0x85ebca6bu >> 11)) + 0x2f1b;
	index &= stoq_bucket_mask;
	return bpf_map_lookup_elem(&stoq_commands, &index);
}

/* Slot whose owner is the one given, or STOQ_BUCKET_SLOTS. */
static __always_inline __u32 stoq_find_slot(struct stoq_command_bucket *bucket, __u64 owner)
{
#pragma unroll
	for (__u32 i = 0; i < STOQ_BUCKET_SLOTS; i++)
		if (bucket->owner[i] == owner)
			return i;
	return STOQ_BUCKET_SLOTS;
}

static __always_inline struct stoq_command *stoq_claim_slot(
	struct stoq_command_bucket *bucket, __u64 owner)
{
#pragma unroll
	for (__u32 i = 0; i < STOQ_BUCKET_SLOTS; i++)
		if (bucket->owner[i] == 0 &&
			__sync_val_compare_and_swap(&bucket->owner[i], 0, owner) == 0)
			return &bucket->command[i];
	return 0;
}

/*
 * Room for a command that begins, filled from *command. 0: done; 1: done, and an earlier
 * command with this CID, whose completion was never seen, has made way; -1: no room.
 */
static __noinline int stoq_command_begin(__u32 uid, __u32 cid, const struct stoq_command *command)
{
	__u64 owner = STOQ_COMMAND_OWNER(uid, cid & 0xffff);
	struct stoq_command *room = 0;
	int replaced = 0;

	if (!command)
		return -1;
#pragma unroll
	for (int choice = 0; choice < 2; choice++) {
		struct stoq_command_bucket *bucket = stoq_bucket(uid, cid, choice);
		__u32 slot;

		if (!bucket)
			return -1;
		slot = stoq_find_slot(bucket, owner);
		if (slot < STOQ_BUCKET_SLOTS) {
			room = &bucket->command[slot];
			replaced = 1;
			break;
		}
		if (!room)
			room = stoq_claim_slot(bucket, owner);
		if (room)
			break;
	}
	if (!room)
		return -1;
	*room = *command;
	return replaced;
}

/* Takes a command out of the table, into *command. 0, or -1: not there. */
static __noinline int stoq_command_end(__u32 uid, __u32 cid, struct stoq_command *command)
{
	__u64 owner = STOQ_COMMAND_OWNER(uid, cid & 0xffff);

	if (!command)
		return -1;
#pragma unroll
	for (int choice = 0; choice < 2; choice++) {
		struct stoq_command_bucket *bucket = stoq_bucket(uid, cid, choice);
		__u32 slot;

		if (!bucket)
			return -1;
		slot = stoq_find_slot(bucket, owner);
		if (slot < STOQ_BUCKET_SLOTS) {
			*command = bucket->command[slot];
			bucket->owner[slot] = 0;
			return 0;
		}
	}
	return -1;
}
