/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * The payload of one segment: whose turn it is, which of it was seen before, which PDUs it has.
 */
#include "bpf/learn.bpf.h"

#define STOQ_LOCK_TURNS	   512
#define STOQ_LOCK_ROUNDS   512
/* A segment this far behind the stream belongs to another connection on the same ports. */
#define STOQ_SEQUENCE_JUMP (256 << 20)

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

/*
 * Segments of one direction may pass on two CPUs at once: on veth each CPU has a backlog of its
 * own. The other one is done within microseconds, unless a hypervisor took its CPU away for some
 * milliseconds; then we wait as a spin lock of the kernel would, but not for ever.
 */
static __always_inline int stoq_side_lock(struct stoq_flow_side *side)
{
	if (__sync_val_compare_and_swap(&side->busy, 0, 1) == 0)
		return 1;
	for (int i = 0; i < STOQ_LOCK_ROUNDS; i++)
		if (stoq_side_try(side))
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
		if (bpf_skb_load_bytes(skb, cpu->payload_offset + at,
			    &bytes[STOQ_BOUND(place, sizeof(*data))], 1))
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
static __noinline void stoq_collect_connect(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	__u32 at = side->collect_at - cpu->sequence;
	struct nvme_connect_data *data;

	if (stoq_after(cpu->sequence, side->collect_at)) {
		side->collect_left = 0; /* a gap: the names stay unknown */
		return;
	}
	if (at >= cpu->payload_bytes || stoq_hook_connect_data(skb, flow, cpu, at))
		return;
	data = stoq_connect_data(flow->uid);
	if (!data)
		return;
	if (side->collect_left == sizeof(*data) && cpu->payload_bytes - at >= sizeof(*data)) {
		bpf_skb_load_bytes(skb, cpu->payload_offset + at, data, sizeof(*data));
		side->collect_left = 0;
	} else {
		for (__u32 i = 0; i <= sizeof(*data) / STOQ_COLLECT_TURNS; i++)
			if (!stoq_collect_some(skb, flow, cpu, data))
				break;
	}
	if (!side->collect_left)
		stoq_hook_connect_done(flow);
}

/*
 * Bookkeeping of the byte stream: sets cpu->learn_from to the first byte not seen before.
 * 0: all of it was.
 */
static __always_inline int stoq_account(struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	__u32 end = cpu->sequence + cpu->payload_bytes, old = 0;

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

/* PDUs were skipped, up to where this segment begins. They may still come. */
static __always_inline void stoq_open_hole(struct stoq_flow_side *side)
{
	side->gaps++;
	side->state = STOQ_FLOW_LOST;
	side->chain = 0;
	if (!side->hole.active) {
		__builtin_memcpy(&side->hole, &side->cursor, sizeof(side->hole));
		side->hole.pending = 0;
		side->hole.active = 1;
		side->hole.limit_known = 0;
	}
	side->cursor.carry_bytes = 0;
	side->cursor.pending = 0;
}

static __always_inline void stoq_resume_from_hole(struct stoq_flow_side *side)
{
	__builtin_memcpy(&side->cursor, &side->hole, sizeof(side->cursor));
	side->state = STOQ_FLOW_SYNCED;
	side->chain = 0;
	side->hole.active = 0;
}

/*
 * A segment that holds the hole's next header has come after all. 1: following goes on from
 * there, as nothing had been found behind the hole yet.
 */
static __always_inline int stoq_fill_hole(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	__u32 wanted = side->hole.next_header + side->hole.carry_bytes;

	if (stoq_after(cpu->sequence, wanted) ||
		!stoq_after(cpu->sequence + cpu->payload_bytes, wanted))
		return 0;
	if (!side->hole.limit_known) {
		stoq_resume_from_hole(side);
		return 1;
	}
	cpu->hole = 1;
	if (stoq_walk_all(skb, flow, cpu) == STOQ_WALK_BAD)
		side->hole.active = 0;
	cpu->hole = 0;
	if (!side->hole.active || stoq_after(side->hole.limit, side->hole.next_header))
		return 0;
	/* It ends where following went on; or that place was wrong, and this one is right. */
	if (side->hole.next_header == side->hole.limit)
		side->holes_closed++;
	else
		stoq_resume_from_hole(side);
	side->hole.active = 0;
	return 0;
}

/* What stood in a PDU header's place. On a connection that never had a PDU it may be TLS. */
static __always_inline void stoq_on_bad_header(
	struct stoq_flow *flow, struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	__u32 at = side->cursor.next_header - cpu->sequence;

	side->cursor.carry_bytes = 0;
	side->cursor.pending = 0;
	side->hole.active = 0;
	side->chain = 0;
	if (!flow->side[0].pdus && !flow->side[1].pdus) {
		side->state = STOQ_FLOW_LEARNING;
		if (stoq_is_tls_record((const __u8 *)&cpu->bad_header))
			flow->encrypted = 1;
	} else {
		side->state = STOQ_FLOW_LOST;
		side->bad_headers++;
	}
	/* Negative if the header began in an earlier segment: all of this one is worth a look. */
	if ((__s32)at >= 0 && at + 1 > cpu->learn_from)
		cpu->learn_from = at + 1;
}

/* A synced side: takes the PDUs that begin in this segment, or notices that some are missing. */
static __always_inline void stoq_follow(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	__u32 wanted;

	stoq_settle_pending(flow, side, &side->cursor, cpu);
	wanted = side->cursor.next_header + side->cursor.carry_bytes;
	if (!stoq_after(cpu->sequence + cpu->payload_bytes, wanted))
		return;
	if (stoq_after(cpu->sequence, wanted))
		stoq_open_hole(side);
	else if (stoq_walk_fast(skb, flow, cpu) != STOQ_WALK_DONE &&
		 stoq_walk_all(skb, flow, cpu) == STOQ_WALK_BAD)
		stoq_on_bad_header(flow, side, cpu);
}

/* Payload of a flow, with the side's lock held. */
static __always_inline void stoq_on_payload(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	int fresh = stoq_account(side, cpu), resumed = 0;

	if (flow->encrypted)
		return;
	cpu->hole = 0;
	if (side->hole.active)
		resumed = stoq_fill_hole(skb, flow, side, cpu);
	if (side->state == STOQ_FLOW_SYNCED)
		stoq_follow(skb, flow, side, cpu);
	/* What had been skipped was the inside of PDUs, if the next one begins behind all of it. */
	if (resumed && !stoq_after(side->next_byte, side->cursor.next_header))
		side->holes_closed++;
	if (side->state != STOQ_FLOW_SYNCED && fresh && !flow->encrypted &&
		stoq_learn(skb, flow, cpu) && stoq_walk_all(skb, flow, cpu) == STOQ_WALK_BAD)
		stoq_on_bad_header(flow, side, cpu);
	if (side->collect_left)
		stoq_collect_connect(skb, flow, side, cpu);
}

/* What the walk has to know of the segment that it goes through. */
static __always_inline void stoq_begin_payload(
	struct stoq_cpu *cpu, const struct stoq_segment *segment)
{
	stoq_count(cpu, STOQ_COUNT_NVME_PACKETS, 1);
	cpu->now_ns = bpf_ktime_get_ns();
	cpu->sequence = segment->sequence;
	cpu->acknowledged = segment->acknowledged;
	cpu->payload_offset = segment->payload_offset;
	cpu->payload_bytes = segment->payload_bytes;
	cpu->window_bytes = 0;
}
