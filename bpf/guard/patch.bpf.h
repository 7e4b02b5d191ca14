/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Patches: bytes that have to stand at a place of a stream, whatever is sent there, and how
 * often. A refused command is one, with its digest; where the guard is strict, so is every header
 * that passed. They are kept, in order, until the other side has acknowledged them, in chunks
 * of 16.
 */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"

#define STOQ_GUARD_FREE_TURNS 8

static __always_inline struct stoq_guard_chunk_key stoq_guard_chunk_key(
	const struct stoq_flow *flow, const struct stoq_cpu *cpu, __u32 number)
{
	return (struct stoq_guard_chunk_key){
		.owner = flow->uid << 1 | (cpu->side & 1),
		.number = number,
	};
}

/* Whether the other side has acknowledged all bytes before this one. */
static __always_inline int stoq_guard_acknowledged(
	const struct stoq_flow *flow, const struct stoq_cpu *cpu, __u32 sequence)
{
	__u32 other = !(cpu->side & 1);

	return (flow->guard.acknowledged >> other & 1) &&
	       !stoq_after(sequence, flow->side[other].acknowledged);
}

/* Lets go of whole chunks that were acknowledged. */
static __always_inline void stoq_guard_free(struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_flow_side *side = &flow->side[cpu->side & 1];

	for (int i = 0; i < STOQ_GUARD_FREE_TURNS; i++) {
		struct stoq_guard_chunk_key key = stoq_guard_chunk_key(
			flow, cpu, side->patch_tail / STOQ_GUARD_CHUNK_PATCHES);
		struct stoq_guard_chunk *chunk;
		const struct stoq_guard_patch *last;

		if (side->patch_head - side->patch_tail < STOQ_GUARD_CHUNK_PATCHES)
			return;
		chunk = bpf_map_lookup_elem(&stoq_guard_chunks, &key);
		if (chunk) {
			last = &chunk->patches[STOQ_GUARD_CHUNK_PATCHES - 1];
			if (!stoq_guard_acknowledged(flow, cpu, last->sequence + last->bytes))
				return;
			bpf_map_delete_elem(&stoq_guard_chunks, &key);
		} else if (!stoq_guard_acknowledged(flow, cpu, side->patch_end)) {
			return; /* it made way for others too early: nothing older is known */
		}
		side->patch_tail += STOQ_GUARD_CHUNK_PATCHES;
	}
}

/* Begins a chunk. 0, or 1: there is no room. */
static __always_inline int stoq_guard_new_chunk_at(
	struct stoq_guard_cpu *guard, struct stoq_flow_side *side, struct stoq_guard_chunk_key *key)
{
	void *empty = stoq_first(&stoq_guard_new_chunk);

	if (side->patch_head - side->patch_tail >= STOQ_GUARD_CHUNKS * STOQ_GUARD_CHUNK_PATCHES)
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_BACKLOG);
	key->number = side->patch_head / STOQ_GUARD_CHUNK_PATCHES;
	if (!empty || bpf_map_update_elem(&stoq_guard_chunks, key, empty, BPF_ANY))
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_NO_ROOM);
	return 0;
}

/* Keeps the patch in the work space. 0, or 1: there is no room, the packet is to be dropped. */
__noinline int stoq_guard_keep(struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct stoq_guard_chunk *chunk = 0;
	struct stoq_guard_chunk_key key;
	struct stoq_flow_side *side;
	__u32 place, end;

	if (!flow || !cpu || !guard)
		return 1;
	side = &flow->side[cpu->side & 1];
	key = stoq_guard_chunk_key(flow, cpu, side->patch_head / STOQ_GUARD_CHUNK_PATCHES);
	if (side->patch_head % STOQ_GUARD_CHUNK_PATCHES) {
		chunk = bpf_map_lookup_elem(&stoq_guard_chunks, &key);
		if (!chunk) { /* the flow was idle, and others needed it */
			if (!stoq_guard_acknowledged(flow, cpu, side->patch_end))
				return stoq_guard_drop(guard, STOQ_GUARD_DROP_NO_ROOM);
			side->patch_head |= STOQ_GUARD_CHUNK_PATCHES - 1;
			side->patch_tail = ++side->patch_head;
		}
	}
	if (!chunk) {
		stoq_guard_free(flow, cpu);
		if (stoq_guard_new_chunk_at(guard, side, &key))
			return 1;
		chunk = bpf_map_lookup_elem(&stoq_guard_chunks, &key);
		if (!chunk)
			return stoq_guard_drop(guard, STOQ_GUARD_DROP_NO_ROOM);
	}
	place = side->patch_head;
	chunk->patches[STOQ_BOUND(place, STOQ_GUARD_CHUNK_PATCHES)] = guard->patch;
	end = guard->patch.sequence + guard->patch.bytes;
	if (side->patch_head == side->patch_tail || stoq_after(end, side->patch_end))
		side->patch_end = end;
	side->patch_head++;
	return 0;
}

/*
 * guard->after becomes guard->before, which begins at payload position `base`, with guard->source, which begins at
 * `start`, over it from `from` up to `end`. Returns whether that is another text.
 */
static __always_inline int stoq_guard_overlay(
	struct stoq_guard_cpu *guard, __u32 base, __u32 start, __u32 from, __u32 end)
{
	const __u8 *before = (const __u8 *)guard->before;
	__u8 *after = (__u8 *)guard->after;
	__u32 different = 0;

	__builtin_memcpy(guard->after, guard->before, STOQ_GUARD_SPAN);
	for (__u32 i = 0; i < STOQ_GUARD_SPAN; i++) {
		__u32 at = base + i;
		__u64 place = at - start;
		/* All bits if from <= at < end. No branch: the verifier would follow both ways. */
		__u32 inside = 0 - (__u32)(((__u64)(at - from) - (end - from)) >> 63);

		after[i] = before[i] ^
			   ((before[i] ^ guard->source[STOQ_BOUND(place, STOQ_GUARD_SOURCE)]) &
				   inside);
	}
	for (__u32 i = 0; i < STOQ_GUARD_SPAN / 8; i++)
		different |= guard->before[i] != guard->after[i];
	return different != 0;
}

/*
 * Puts the bytes of a patch where the packet has their place, and keeps the TCP checksum right: a
 * wrong one stays wrong. Whole 32-bit words of the TCP segment are looked at, which its sum is made
 * of. A header that was not rewritten is only compared: which of the two copies was corrupt on its
 * way is not known, and with a checksum that fits the target would take it.
 */
__noinline int stoq_guard_apply(
	struct __sk_buff *skb, struct stoq_cpu *cpu, const struct stoq_guard_patch *patch)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	__u32 start, from = 0, end, base, span;
	__u64 bounded;
	__s64 sum;

	if (!cpu || !patch || !guard)
		return STOQ_GUARD_FAILED;
	if (cpu->early)
		return STOQ_GUARD_SAME; /* its bytes are not in this packet */
	start = patch->sequence - cpu->sequence;
	end = start + patch->bytes;
	if ((__s32)end <= 0 || (__s32)(start - cpu->payload_bytes) >= 0)
		return STOQ_GUARD_SAME;
	if ((__s32)start > 0)
		from = start;
	if (end > cpu->payload_bytes)
		end = cpu->payload_bytes;
	base = from & ~3u;
	span = end - base;
	__builtin_memset(guard->before, 0, sizeof(guard->before));
	if (span > STOQ_GUARD_SPAN)
		return STOQ_GUARD_FAILED;
	/* 1 to 128, as the verifier sees it, and a compiler that spills it. */
	bounded = STOQ_BOUND(span - 1, sizeof(guard->before)) + 1;
	if (bpf_skb_load_bytes(skb, cpu->payload_offset + base, guard->before, bounded))
		return STOQ_GUARD_FAILED;
	__builtin_memcpy(guard->source, patch->data, STOQ_GUARD_PATCH_BYTES);
	if (!stoq_guard_overlay(guard, base, start, from, end))
		return STOQ_GUARD_SAME;
	if (!patch->rewritten)
		return STOQ_GUARD_OTHER;
	if (stoq_guard_audit) /* of a guard that was none */
		return STOQ_GUARD_SAME;
	sum = bpf_csum_diff((__be32 *)guard->before, sizeof(guard->before), (__be32 *)guard->after,
		sizeof(guard->after), 0);
	if (sum < 0)
		return STOQ_GUARD_FAILED;
	/*
	 * The sum of a whole packet that a device may have left with it (CHECKSUM_COMPLETE) does
	 * not change: what the payload gains, the checksum loses. So no BPF_F_RECOMPUTE_CSUM.
	 */
	if (bpf_skb_store_bytes(skb, cpu->payload_offset + base, guard->after, bounded, 0) ||
		bpf_l4_csum_replace(skb, guard->checksum_offset, 0, sum, 0))
		return STOQ_GUARD_FAILED;
	return STOQ_GUARD_CHANGED;
}

#define STOQ_GUARD_CHANGED_MAX 4

/*
 * A header came again with other bytes: one of the two was corrupt, or is meant to mislead. If the
 * first was, as the sender will never send it again, the connection has to end.
 */
static __always_inline int stoq_guard_on_changed(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct stoq_guard_cpu *guard, __u32 sequence)
{
	if (stoq_guard_acknowledged(flow, cpu, flow->guard.changed_at))
		flow->guard.changed = 0;
	flow->guard.changed_at = sequence + 1;
	if (++flow->guard.changed >= STOQ_GUARD_CHANGED_MAX)
		guard->end = 1;
	return stoq_guard_drop(guard, STOQ_GUARD_DROP_CHANGED);
}

/* What became of a patch. 0, or 1: the packet is to be dropped. */
static __always_inline int stoq_guard_applied(struct stoq_flow *flow, struct stoq_cpu *cpu,
	struct stoq_guard_cpu *guard, const struct stoq_guard_patch *patch, int applied)
{
	if (applied == STOQ_GUARD_FAILED)
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_STORE);
	if (applied == STOQ_GUARD_OTHER)
		return stoq_guard_on_changed(flow, cpu, guard, patch->sequence);
	return 0;
}

__noinline int stoq_guard_apply_chunk(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 number)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct stoq_guard_chunk_key key;
	struct stoq_guard_chunk *chunk;
	__u32 count;

	if (!flow || !cpu || !guard)
		return 1;
	key = stoq_guard_chunk_key(flow, cpu, number);
	chunk = bpf_map_lookup_elem(&stoq_guard_chunks, &key);
	if (!chunk) {
		if (stoq_guard_acknowledged(flow, cpu, flow->side[cpu->side & 1].patch_end))
			return 0;
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_NO_ROOM);
	}
	count = flow->side[cpu->side & 1].patch_head - number * STOQ_GUARD_CHUNK_PATCHES;
	for (__u32 i = 0; i < STOQ_GUARD_CHUNK_PATCHES; i++) {
		const struct stoq_guard_patch *patch = &chunk->patches[i];
		__u32 start = patch->sequence - cpu->sequence;
		int applied;

		if (i >= count)
			break;
		if ((__s32)(start + patch->bytes) <= 0 || (__s32)(start - cpu->payload_bytes) >= 0)
			continue;
		if (patch->decided && stoq_guard_is_refused_now(flow, patch)) {
			guard->end = 1;
			return stoq_guard_drop(guard, STOQ_GUARD_DROP_ENDED);
		}
		applied = stoq_guard_apply(skb, cpu, patch);
		if (stoq_guard_applied(flow, cpu, guard, patch, applied))
			return 1;
		/* Of a header that was cut, this may be the part that comes for the first time. */
		if (applied == STOQ_GUARD_CHANGED && !stoq_after(cpu->sequence, patch->sequence))
			stoq_guard_total(STOQ_GUARD_PATCHED_AGAIN);
	}
	return 0;
}

/* Applies all patches to a packet that has bytes which passed before. 0, or 1: drop it. */
__noinline int stoq_guard_apply_all(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_flow_side *side;
	__u32 first;

	if (!flow || !cpu)
		return 1;
	stoq_guard_free(flow, cpu);
	side = &flow->side[cpu->side & 1];
	first = side->patch_tail / STOQ_GUARD_CHUNK_PATCHES;
	for (__u32 i = 0; i < STOQ_GUARD_CHUNKS; i++) {
		if ((__s32)((first + i) * STOQ_GUARD_CHUNK_PATCHES - side->patch_head) >= 0)
			return 0;
		if (stoq_guard_apply_chunk(skb, flow, cpu, first + i))
			return 1;
	}
	return 0;
}

#define STOQ_GUARD_PIECES 256

/*
 * Up to `bytes` of the payload, 1 to STOQ_GUARD_PATCH_BYTES, become the patch's. How many: of early
 * ones only some may have come. -1: the packet does not give them.
 */
__noinline int stoq_guard_load_piece(
	struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 at, __u32 bytes)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (!cpu || !guard)
		return -1;
	if (cpu->early) {
		__u32 there = stoq_early_read(cpu, at, &guard->room);

		__builtin_memcpy(guard->patch.data, &guard->room, STOQ_GUARD_PATCH_BYTES);
		return there < bytes ? there : bytes;
	}
	if (bpf_skb_load_bytes(skb, cpu->payload_offset + at, guard->patch.data,
		    STOQ_BOUND(bytes - 1, 128) + 1))
		return -1;
	return bytes;
}

/*
 * Makes patches of what passes, so that it stays so: payload from position `at` on. 0, or 1: drop.
 * Where it is is kept behind a pointer, so that the verifier does not follow every length.
 */
__noinline int stoq_guard_keep_payload(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 at, __u32 bytes)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	volatile __u32 *place, *left;

	if (!flow || !cpu || !guard)
		return 1;
	if (at >= cpu->payload_bytes)
		return 0;
	if (bytes > cpu->payload_bytes - at)
		bytes = cpu->payload_bytes - at;
	place = &guard->piece_at;
	left = &guard->piece_left;
	*place = at;
	*left = bytes;
	for (int i = 0; i < STOQ_GUARD_PIECES; i++) {
		__u32 length = *left;
		int there;

		if (!length)
			return 0;
		if (length > STOQ_GUARD_PATCH_BYTES)
			length = STOQ_GUARD_PATCH_BYTES;
		there = stoq_guard_load_piece(skb, cpu, *place, length);
		if (there < 0)
			return stoq_guard_drop(guard, STOQ_GUARD_DROP_STORE);
		if (there == 0)
			return 0;
		length = STOQ_BOUND(there, 128);
		guard->patch.sequence = cpu->sequence + *place;
		guard->patch.bytes = length;
		guard->patch.rewritten = 0;
		guard->patch.decided = 0;
		*place += length;
		*left -= length;
		if (stoq_guard_keep(flow, cpu))
			return 1;
	}
	return stoq_guard_drop(guard, STOQ_GUARD_DROP_BACKLOG);
}
