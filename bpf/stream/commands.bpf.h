/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Commands outstanding, from capsule to completion: in a slot of their flow, or in the table that
 * all flows share (see stream_shared.h for why there are two). CIDs are dense, so a shared slot is
 * found by adding the CID to a hash of the flow; if another flow's command has it, there are three
 * more choices.
 */
#include "bpf/stream/maps.bpf.h"
#include "bpf/stream/stream.bpf.h"
#include "nvme/nvme_tcp_check.h"

static __always_inline struct stoq_slot *stoq_own_slot(struct stoq_flow *flow, __u16 cid)
{
	return &flow->slots[STOQ_BOUND(cid, STOQ_OWN_SLOTS)];
}

/*
 * The command in this slot began before completions were missed, perhaps its own. Times are known
 * modulo STOQ_SLOT_TIME.
 */
static __always_inline int stoq_is_doubtful(
	const struct stoq_flow *flow, const struct stoq_slot *slot)
{
	return flow->doubt_ns &&
	       ((flow->doubt_ns - slot->packed) & (STOQ_SLOT_TIME - 1)) < STOQ_SLOT_TIME / 2;
}

/*
 * Takes the flow's slot for a command that begins. 0: done; 1: done, and an earlier command, whose
 * completion was never seen, has made way; -1: another command has it. Only the
 * flow's host side does this, under that side's lock: it needs no atomic instruction, for whose
 * end the CPU would wait with all that follows.
 */
static __always_inline int stoq_own_take(
	struct stoq_flow *flow, __u16 cid, __u32 bytes, __u64 packed)
{
	struct stoq_slot *slot = stoq_own_slot(flow, cid);
	__u32 before = *(volatile __u32 *)&slot->owner, owner = stoq_own_owner(cid);

	if (before != STOQ_COMMAND_FREE && before != owner && !stoq_is_doubtful(flow, slot))
		return -1;
	slot->bytes = bytes;
	slot->packed = packed;
	*(volatile __u32 *)&slot->owner = owner;
	return before != STOQ_COMMAND_FREE;
}

/* A command's choice of the shared slots. Never NULL, which the verifier cannot derive. */
static __always_inline struct stoq_slot *stoq_shared_slot(__u32 uid, __u16 cid, __u32 choice)
{
	__u32 at = stoq_command_index(uid, cid, choice, stoq_command_mask);

	return bpf_map_lookup_elem(&stoq_commands, &at);
}

/* stoq_own_take() with a slot of the shared table. */
static __always_inline int stoq_shared_take(
	__u32 uid, __u16 cid, __u32 choice, __u32 bytes, __u64 packed)
{
	struct stoq_slot *slot = stoq_shared_slot(uid, cid, choice);
	__u32 owner = stoq_command_owner(uid, choice), before;

	if (!slot)
		return -1;
	/* Commands of two flows may want the same slot at the same time. */
	before = __sync_val_compare_and_swap(&slot->owner, STOQ_COMMAND_FREE, owner);
	if (before != STOQ_COMMAND_FREE && before != owner)
		return -1;
	slot->bytes = bytes;
	slot->packed = packed;
	return before == owner;
}

static __always_inline struct stoq_detail *stoq_shared_detail(__u32 uid, __u16 cid, __u32 choice)
{
	__u32 at = stoq_command_index(uid, cid, choice, stoq_command_mask);

	return bpf_map_lookup_elem(&stoq_details, &at);
}

/* Whether there is more to be kept of a command than a slot has room for. */
static __always_inline int stoq_has_detail(const struct stoq_command *command)
{
	return (stoq_keep_details & STOQ_KEEP_DETAILS) || command->nsid >= STOQ_SLOT_NSID_FAR;
}

static __always_inline void stoq_detail_keep(
	__u32 uid, __u16 cid, __u32 choice, const struct stoq_command *command)
{
	struct stoq_detail *detail = stoq_shared_detail(uid, cid, choice);

	if (!detail)
		return;
	detail->slba = command->slba;
	detail->nsid = command->nsid;
	detail->blocks = command->blocks;
	detail->sequence = command->sequence;
}

/* Takes one of the slots. As stoq_own_take(), but -1: no room. */
static __always_inline int stoq_command_begin(
	struct stoq_flow *flow, __u16 cid, const struct stoq_command *command)
{
	__u64 packed = stoq_slot_pack(command);
	int result =
		stoq_has_detail(command) ? -1 : stoq_own_take(flow, cid, command->bytes, packed);

	for (__u32 choice = 0; result < 0 && choice < STOQ_COMMAND_CHOICES; choice++) {
		result = stoq_shared_take(flow->uid, cid, choice, command->bytes, packed);
		if (result >= 0 && stoq_has_detail(command))
			stoq_detail_keep(flow->uid, cid, choice, command);
	}
	return result;
}

/*
 * The last data of an earlier command may stand for its completion, and the host, which uses the identifier again, has had
 * them: they passed unseen. What comes next of the controller must not complete the later command.
 */
static __always_inline void stoq_forget_pending(struct stoq_flow *flow, __u16 cid)
{
	struct stoq_cursor *cursor = &flow->side[NVME_TCP_FROM_CONTROLLER].cursor;

	if (cursor->pending && cursor->pending_cid == cid)
		cursor->pending = STOQ_PENDING_NOTHING;
}

/* A command has begun; 1: an earlier one had its place, which will not be seen to end. */
static __always_inline void stoq_on_begun(
	struct stoq_flow *flow, struct stoq_cpu *cpu, __u16 cid, int result, int untimed)
{
	struct stoq_flow_side *side = &flow->side[NVME_TCP_FROM_HOST];

	if (result) {
		stoq_forget_pending(flow, cid);
		side->unended++;
		stoq_count(cpu, STOQ_COUNT_UNENDED, 1);
	} else if (!untimed) {
		side->commands++;
	}
}

/*
 * Whether this slot has the command of this owner. Only its flow's controller side asks, under
 * that side's lock, and frees it then. So a plain load and store will do: unlike a locked
 * instruction, they let the CPU go on while the cache line is on its way.
 */
static __always_inline int stoq_slot_is(const struct stoq_slot *slot, __u32 owner)
{
	return *(const volatile __u32 *)&slot->owner == owner;
}

static __always_inline void stoq_slot_free(struct stoq_slot *slot)
{
	*(volatile __u32 *)&slot->owner = STOQ_COMMAND_FREE;
}

/* The shared slot of this choice, if the command is there; else NULL. */
static __always_inline struct stoq_slot *stoq_shared_find(__u32 uid, __u16 cid, __u32 choice)
{
	struct stoq_slot *slot = stoq_shared_slot(uid, cid, choice);

	return slot && stoq_slot_is(slot, stoq_command_owner(uid, choice)) ? slot : 0;
}

/* Takes a command out of the shared table, into *command. 0, or -1: not there. */
static __always_inline int stoq_shared_end(__u32 uid, __u16 cid, struct stoq_command *command)
{
	for (__u32 choice = 0; choice < STOQ_COMMAND_CHOICES; choice++) {
		struct stoq_slot *slot = stoq_shared_find(uid, cid, choice);
		struct stoq_detail *detail;

		if (!slot)
			continue;
		stoq_slot_unpack(command, slot);
		detail = stoq_has_detail(command) ? stoq_shared_detail(uid, cid, choice) : 0;
		if (detail) {
			command->slba = detail->slba;
			command->nsid = detail->nsid;
			command->blocks = detail->blocks;
			command->sequence = detail->sequence;
		}
		stoq_slot_free(slot);
		return 0;
	}
	return -1;
}

/* Takes a command out, from wherever it is, into *command. 0, or -1: not there. */
static __always_inline int stoq_command_end(
	struct stoq_flow *flow, __u16 cid, struct stoq_command *command)
{
	struct stoq_slot *slot = stoq_own_slot(flow, cid);

	if (!stoq_slot_is(slot, stoq_own_owner(cid)))
		return stoq_shared_end(flow->uid, cid, command);
	stoq_slot_unpack(command, slot);
	stoq_slot_free(slot);
	return 0;
}
