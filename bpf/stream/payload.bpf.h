/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * The payload of one segment: whose turn it is, which of it was seen before, which PDUs it has.
 */
#include "bpf/stream/hooks.bpf.h"
#include "bpf/stream/maps.bpf.h"
#include "bpf/stream/stream.bpf.h"
#include "nvme/nvme_tcp_check.h"

#define STOQ_LOCK_TURNS	 512
#define STOQ_LOCK_WAITS	 512
#define STOQ_LOCK_ROUNDS 64 /* all together some tenths of a second */

__noinline int stoq_side_try(struct stoq_flow_side *side)
{
	if (!side)
		return 0;
	for (int i = 0; i < STOQ_LOCK_TURNS; i++)
		if (!*(volatile __u32 *)&side->busy &&
			__sync_val_compare_and_swap(&side->busy, 0, 1) == 0)
			return 1;
	return 0;
}

__noinline int stoq_side_wait(struct stoq_flow_side *side)
{
	if (!side)
		return 0;
	for (int i = 0; i < STOQ_LOCK_WAITS; i++)
		if (stoq_side_try(side))
			return 1;
	return 0;
}

/*
 * Segments of one direction may pass on two CPUs at once: on veth each CPU has a backlog of its
 * own. The other one is done within microseconds, unless a hypervisor took its CPU away, for some
 * time slices on a busy machine; then we wait as a spin lock of the kernel would, but with an end.
 */
static __always_inline int stoq_side_lock(struct stoq_flow_side *side)
{
	if (__sync_val_compare_and_swap(&side->busy, 0, 1) == 0)
		return 1;
	for (int i = 0; i < STOQ_LOCK_ROUNDS; i++)
		if (stoq_side_wait(side))
			return 1;
	return 0;
}

/* Where the CPU lets no store pass an earlier one, a plain one will do. */
static __always_inline void stoq_side_unlock(struct stoq_flow_side *side)
{
#ifdef STOQ_STORES_IN_ORDER
	asm volatile("" ::: "memory");
	*(volatile __u32 *)&side->busy = 0;
#else
	__sync_lock_test_and_set(&side->busy, 0);
#endif
}

#define STOQ_COLLECT_TURNS 32

/* Copies up to STOQ_COLLECT_TURNS bytes of Connect data, one by one. 1: there is more to copy. */
__noinline int stoq_collect_some(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct nvme_connect_data *data)
{
	struct stoq_flow_side *side;
	__u8 *bytes = (__u8 *)data;

	if (!flow || !cpu || !data)
		return 0;
	side = &flow->side[NVME_TCP_FROM_HOST];
	for (int i = 0; i < STOQ_COLLECT_TURNS; i++) {
		__u32 at = side->collect_at - cpu->sequence, place = side->collect_offset;

		if (!side->collect_left || at >= cpu->payload_bytes || place >= sizeof(*data))
			return 0;
		if (stoq_load_byte(skb, cpu, at, &bytes[STOQ_BOUND(place, sizeof(*data))]))
			return 0;
		side->collect_offset = place + 1;
		side->collect_left--;
		side->collect_at++;
	}
	return 1;
}

static __always_inline struct nvme_connect_data *stoq_connect_data(__u32 uid)
{
	struct nvme_connect_data *data = bpf_map_lookup_elem(&stoq_connects, &uid);
	void *empty;

	if (data)
		return data;
	empty = stoq_first(&stoq_new_connect);
	if (!empty || bpf_map_update_elem(&stoq_connects, &uid, empty, BPF_NOEXIST))
		return 0;
	return bpf_map_lookup_elem(&stoq_connects, &uid);
}

/* Connect data may be cut like everything else: takes what this segment has of it. */
__noinline int stoq_collect_connect(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct nvme_connect_data *data;
	struct stoq_flow_side *side;
	__u32 at;

	if (!flow || !cpu)
		return 0;
	side = &flow->side[NVME_TCP_FROM_HOST];
	at = side->collect_at - cpu->sequence;
	if (!side->collect_left || at >= cpu->payload_bytes ||
		stoq_hook_connect_data(skb, flow, cpu, at))
		return 0;
	data = stoq_connect_data(flow->uid);
	if (!data)
		return 0;
	if (!cpu->early && side->collect_left == sizeof(*data) &&
		stoq_present(skb, cpu) >= at + sizeof(*data)) {
		bpf_skb_load_bytes(skb, cpu->payload_offset + at, data, sizeof(*data));
		side->collect_left = 0;
	} else {
		for (__u32 i = 0; i <= sizeof(*data) / STOQ_COLLECT_TURNS; i++)
			if (!stoq_collect_some(skb, flow, cpu, data))
				break;
	}
	if (!side->collect_left)
		stoq_hook_connect_done(flow);
	return 0;
}

/*
 * Bookkeeping of the byte stream: sets cpu->learn_from to the first byte not seen before.
 * 0: all of it was.
 */
static __always_inline int stoq_account(struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	__u32 end = cpu->sequence + cpu->payload_bytes, old = 0;

	if (!side->packets || stoq_after(cpu->acknowledged, side->acknowledged))
		side->acknowledged = cpu->acknowledged;
	if (!side->started || stoq_after(side->next_byte, end + STOQ_SEQUENCE_JUMP)) {
		if (side->started)
			side->state = STOQ_FLOW_LOST;
		side->chain = 0;
		side->started = 1;
		side->next_byte = cpu->sequence;
	}
	if (stoq_after(side->next_byte, cpu->sequence))
		old = side->next_byte - cpu->sequence;
	if (old > cpu->payload_bytes)
		old = cpu->payload_bytes;
	side->duplicate_bytes += old;
	side->payload_bytes += cpu->payload_bytes - old;
	side->packets++;
	side->last_seen_ns = cpu->now_ns;
	if (stoq_after(end, side->next_byte))
		side->next_byte = end;
	cpu->learn_from = old;
	return old < cpu->payload_bytes;
}

/* The byte that is needed next: of a PDU's header, or of Connect data. */
static __always_inline __u32 stoq_wanted(const struct stoq_flow_side *side)
{
	return side->collect_left ? side->collect_at
				  : side->cursor.next_header + side->cursor.carry_bytes;
}

/* The side is not followed any more; where its PDUs begin is learned again. */
static __always_inline void stoq_lose(
	struct stoq_flow *flow, struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	side->state = STOQ_FLOW_LOST;
	side->chain = 0;
	side->collect_left = 0;
	side->cursor.carry_bytes = 0;
	side->cursor.pending = 0;
	if (side->early)
		stoq_early_forget(flow, side, cpu);
}

/* What stood in a PDU header's place. On a connection that never had a PDU it may be TLS. */
static __always_inline void stoq_on_bad_header(
	struct stoq_flow *flow, struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	__u32 at = side->cursor.next_header - cpu->sequence;

	stoq_lose(flow, side, cpu);
	if (!flow->side[0].pdus && !flow->side[1].pdus) {
		side->state = STOQ_FLOW_LEARNING;
		if (stoq_is_tls_record((const __u8 *)&cpu->bad_header))
			stoq_tls_found(flow, (const __u8 *)&cpu->bad_header);
	} else {
		side->bad_headers++;
	}
	/* Negative if the header began in an earlier segment: all of this one is worth a look. */
	if ((__s32)at >= 0 && at + 1 > cpu->learn_from)
		cpu->learn_from = at + 1;
}

/*
 * Will what is wanted not come any more? The receiver has acknowledged it: it passed unseen. Or the
 * sender is too far ahead of it, or the gap is too old.
 */
static __always_inline int stoq_gap_is_lost(const struct stoq_flow *flow,
	const struct stoq_flow_side *side, const struct stoq_cpu *cpu, __u32 wanted)
{
	const struct stoq_flow_side *other = &flow->side[!(cpu->side & 1)];

	return (other->packets && stoq_after(other->acknowledged, wanted)) ||
	       stoq_after(cpu->sequence, wanted + STOQ_SEQUENCE_JUMP) ||
	       (side->early && stoq_early_is_late(side, cpu));
}

static __always_inline void stoq_give_up(
	struct stoq_flow *flow, struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	stoq_count(cpu, STOQ_COUNT_GIVEN_UP, 1);
	if (!side->early)
		side->gaps++;
	if (side->cursor.pending) /* its data has passed, seen or not */
		stoq_settle(flow, side, cpu, side->cursor.pending);
	stoq_lose(flow, side, cpu);
}

/* A segment behind a gap: it is kept until that is filled. */
__noinline int stoq_on_early(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_flow_side *side;
	__u32 wanted, end;

	if (!flow || !cpu)
		return 0;
	side = stoq_side(flow, cpu);
	wanted = stoq_wanted(side);
	end = cpu->sequence + cpu->payload_bytes;
	if (stoq_gap_is_lost(flow, side, cpu, wanted)) {
		stoq_give_up(flow, side, cpu);
		return 0;
	}
	if (stoq_hook_early(skb, flow, cpu))
		return 0;
	cpu->payload_bytes = stoq_present(skb, cpu);
	if (stoq_after(end, wanted + stoq_early_reach) ||
		stoq_early_keep(skb, flow, side, cpu, STOQ_EARLY_RENEW))
		stoq_count(cpu, STOQ_COUNT_EARLY_FULL, 1);
	else
		stoq_count(cpu, STOQ_COUNT_EARLY, 1);
	return 0;
}

/*
 * The segment at hand may have filled a gap: takes what early bytes make whole now; enum stoq_walk.
 * They take the packet's place meanwhile.
 */
static __always_inline int stoq_walk_early(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	__u32 sequence = cpu->sequence, bytes = cpu->payload_bytes, wanted = stoq_wanted(side);
	int result = STOQ_WALK_DONE;

	if (STOQ_CHECKED)
		stoq_digest_early(skb, flow, side, cpu);
	/* The header of the data was late, and the last of them early: no segment may follow that
	 * could tell, and the host may use the command's identifier again. */
	stoq_settle_pending(flow, side, &side->cursor, cpu, side->early_end);
	if (stoq_after(side->early_end, wanted)) {
		cpu->early = 1;
		cpu->early_tag = stoq_cell_tag(flow, cpu, side->early_run, 0);
		cpu->window_bytes = 0;
		cpu->sequence = wanted;
		cpu->payload_bytes = side->early_end - wanted;
		if (side->collect_left)
			stoq_collect_connect(skb, flow, cpu);
		result = stoq_walk_all(skb, flow, cpu);
		if (result == STOQ_WALK_DONE && side->collect_left)
			stoq_collect_connect(skb, flow, cpu);
		cpu->early = 0;
		cpu->window_bytes = 0;
		cpu->sequence = sequence;
		cpu->payload_bytes = bytes;
		wanted = stoq_wanted(side);
	}
	if (stoq_after(side->early_end, wanted)) {
		stoq_early_advance(flow, side, cpu, wanted);
	} else {
		side->holes_closed++;
		stoq_early_forget(flow, side, cpu);
	}
	return result;
}

/* A synced side: takes the PDUs that begin in this segment, or keeps it for later; enum stoq_walk.
 */
static __always_inline int stoq_follow(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	int result;

	if (stoq_after(cpu->sequence, stoq_wanted(side))) {
		stoq_on_early(skb, flow, cpu);
		return STOQ_WALK_DONE;
	}
	stoq_settle_pending(flow, side, &side->cursor, cpu, cpu->sequence + cpu->payload_bytes);
	if (!stoq_after(cpu->sequence + cpu->payload_bytes,
		    side->cursor.next_header + side->cursor.carry_bytes) ||
		stoq_walk_fast(skb, flow, cpu) == STOQ_WALK_DONE)
		return STOQ_WALK_DONE;
	result = stoq_walk_all(skb, flow, cpu);
	if (result == STOQ_WALK_BAD)
		stoq_on_bad_header(flow, side, cpu);
	return result;
}

/* What is left to do on a side that has early bytes, or Connect data to come. */
static __always_inline void stoq_follow_up(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	int result;

	if (side->state != STOQ_FLOW_SYNCED) {
		stoq_early_forget(flow, side, cpu);
		return;
	}
	if (side->collect_left)
		stoq_collect_connect(skb, flow, cpu);
	if (side->early && stoq_early_is_late(side, cpu))
		stoq_give_up(flow, side, cpu);
	if (!side->early)
		return;
	result = stoq_walk_early(skb, flow, side, cpu);
	if (result == STOQ_WALK_BAD)
		stoq_on_bad_header(flow, side, cpu);
	else if (result == STOQ_WALK_HELD)
		stoq_hook_early_held();
}

/*
 * What the segment has was taken. If what is wanted lies in the part of it that was not captured, it
 * will not come: Connect data is done without, a header ends the following.
 */
static __always_inline void stoq_on_cut(
	struct stoq_flow *flow, struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	__u32 end = cpu->sequence + cpu->payload_bytes;

	if (side->collect_left && stoq_after(end, side->collect_at)) {
		side->collect_left = 0;
		bpf_map_delete_elem(&stoq_connects, &flow->uid);
	}
	if (stoq_after(end, stoq_wanted(side)))
		stoq_give_up(flow, side, cpu);
}

/* Payload of a flow, with the side's lock held. */
static __always_inline void stoq_on_payload(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	int fresh = stoq_account(side, cpu), result = STOQ_WALK_DONE;

	if (flow->encrypted) {
		if (fresh && !stoq_tls_is_open(flow))
			stoq_tls_look(skb, flow, cpu);
		return;
	}
	if (STOQ_CHECKED)
		stoq_digest_payload(skb, flow, cpu);
	if (side->state == STOQ_FLOW_SYNCED)
		result = stoq_follow(skb, flow, side, cpu);
	if (side->state != STOQ_FLOW_SYNCED && fresh && !flow->encrypted &&
		stoq_learn(skb, flow, cpu) && stoq_walk_all(skb, flow, cpu) == STOQ_WALK_BAD)
		stoq_on_bad_header(flow, side, cpu);
	if ((side->collect_left || side->early) && result != STOQ_WALK_HELD)
		stoq_follow_up(skb, flow, side, cpu);
	if (stoq_is_cut(skb, cpu) && side->state == STOQ_FLOW_SYNCED)
		stoq_on_cut(flow, side, cpu);
}

/* What the walk has to know of the segment that it goes through. */
static __always_inline void stoq_begin_payload(
	struct stoq_cpu *cpu, const struct stoq_segment *segment)
{
	stoq_count(cpu, STOQ_COUNT_NVME_PACKETS, 1);
	if (!STOQ_STAGED) /* else stoq_on_tcp() has read the clock */
		cpu->now_ns = bpf_ktime_get_ns();
	cpu->sequence = segment->sequence;
	cpu->acknowledged = segment->acknowledged;
	cpu->payload_offset = segment->payload_offset;
	cpu->payload_bytes = segment->payload_bytes;
	cpu->window_bytes = 0;
}
