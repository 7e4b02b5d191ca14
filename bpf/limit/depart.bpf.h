/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * When packets leave: skb->tstamp, the earliest departure time, which the qdisc fq keeps. Packets of a connection
 * must not overtake each other there: none is earlier than the one before it.
 */
#include "bpf/limit/limit.bpf.h"

/*
 * When a command's answers may leave. If its place was taken by another command, whose CID the host may have chosen for
 * that: when all commands of the connection may.
 */
static __always_inline __u64 stoq_limit_answer_due(const struct stoq_flow *flow, __u16 cid)
{
	__u32 at = stoq_course_index(flow->uid, cid, STOQ_LIMIT_DUE_ENTRIES - 1);
	struct stoq_limit_due *due = bpf_map_lookup_elem(&stoq_limit_due, &at);

	if (due && due->owner == stoq_course_owner(flow->uid, cid))
		return due->due_ns;
	return stoq_limit_policy() ? flow->limit.due_ns[NVME_TCP_FROM_HOST] : 0;
}

/* R2T, data or completion of a command: not before the command's time. */
static __always_inline void stoq_limit_answer(struct stoq_flow *flow, __u16 cid)
{
	__u64 due_ns = stoq_limit_answer_due(flow, cid);

	if (due_ns > flow->limit.due_ns[NVME_TCP_FROM_CONTROLLER])
		flow->limit.due_ns[NVME_TCP_FROM_CONTROLLER] = due_ns;
}

/* The connection's round trip time as TCP here has smoothed it; not ours: as we have held its packets. */
static __always_inline __u64 stoq_limit_round_trip(
	struct __sk_buff *skb, const struct stoq_flow *flow, __u32 side)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tcp;

	if (!sk)
		return flow->limit.held_ns[side & 1];
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	tcp = bpf_tcp_sock(sk);
	return tcp ? (__u64)(tcp->srtt_us >> 3) * 1000 : 0;
}

static __always_inline void stoq_limit_smooth(struct stoq_flow *flow, __u32 side, __u64 held_ns)
{
	__u64 *smooth = &flow->limit.held_ns[side & 1];

	*smooth = *smooth - *smooth / 8 + held_ns / 8;
}

/* Whether the packet acknowledges more than has left; if it leaves at once, or sends that ahead, it has now. */
static __always_inline int stoq_limit_acks(
	struct stoq_flow *flow, const struct stoq_segment *segment, __u32 side)
{
	__u32 *acked = &flow->limit.acked[side & 1];

	if (*acked && !stoq_after(segment->acknowledged, *acked))
		return 0;
	*acked = segment->acknowledged;
	return 1;
}

/*
 * A packet with data of a side that must not leave before due_ns. It leaves no later than TCP's timer allows, which
 * counts from the last acknowledgement: later packets pay for what that is too early.
 */
static __always_inline void stoq_limit_depart(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_limit_cpu *limit, __u32 side, __u64 now_ns)
{
	__u64 due = flow->limit.due_ns[side & 1], left = flow->limit.left_ns[side & 1], latest;
	int acks = stoq_limit_acks(flow, &limit->segment, side);

	if (due < left)
		due = left;
	if (due <= now_ns) {
		stoq_limit_smooth(flow, side, 0);
		return;
	}
	if (left < now_ns)
		left = now_ns;
	latest = left + STOQ_LIMIT_STEP_NS + stoq_limit_round_trip(skb, flow, side);
	STOQ_LIMIT_COUNT(packets, 1);
	if (due > latest) {
		due = latest;
		STOQ_LIMIT_COUNT(eased, 1);
	}
	flow->limit.left_ns[side & 1] = due;
	stoq_limit_smooth(flow, side, due - now_ns);
	if (skb->tstamp < due)
		skb->tstamp = due;
	if (acks && skb->sk && !limit->segment.fin && !limit->segment.urg)
		limit->ack = STOQ_LIMIT_ACK_OF_DATA;
}
