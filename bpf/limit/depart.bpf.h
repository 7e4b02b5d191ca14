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

/* The round trip time as TCP of this machine has smoothed it; 0: the packet is of another one's. */
static __always_inline __u32 stoq_limit_smoothed_us(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tcp;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	tcp = bpf_tcp_sock(sk);
	return tcp ? tcp->srtt_us >> 3 : 0;
}

/*
 * Whether TCP measures a round trip time by this packet, which leaves so long after the one before. The other end
 * acknowledges every second segment at least (RFC 9293, 3.8.6.3), and after a while a single one; those that come at
 * once may be acknowledged at once.
 */
static __always_inline int stoq_limit_samples(struct stoq_flow *flow, __u32 side, __u64 gap_ns)
{
	__u8 *unsampled = &flow->limit.unsampled[side & 1];
	int second = *unsampled;

	*unsampled =
		gap_ns >= STOQ_LIMIT_ACK_LEAST_NS && gap_ns < STOQ_LIMIT_ACK_MOST_NS && !second;
	return second || gap_ns >= STOQ_LIMIT_ACK_MOST_NS;
}

/*
 * What TCP's estimates will be when the packet is acknowledged, as it makes them (tcp_rtt_estimator(),
 * net/ipv4/tcp_input.c), but for the way of the packet itself. Each packet lowers them, only those that are certainly
 * measured raise them, so that they are rather too low.
 */
static __always_inline void stoq_limit_estimate(
	struct stoq_flow *flow, __u32 side, __u64 held_ns, __u64 gap_ns)
{
	__u32 *round_trip = &flow->limit.round_trip_us[side & 1];
	__u32 *deviation = &flow->limit.deviation_us[side & 1];
	__u32 held = held_ns / 1000, mean = *deviation / 4;
	__u32 error = held < *round_trip ? *round_trip - held : held - *round_trip;

	if (error < mean)
		*deviation -= mean - error;
	if (held < *round_trip) {
		*round_trip -= error / 8;
	} else if (held && stoq_limit_samples(flow, side, gap_ns)) {
		*round_trip += error / 8;
		if (error > mean)
			*deviation += error - mean;
	}
}

/*
 * How long a packet may wait from now on. Where TCP put off a loss probe because the packet had not left, its timer runs
 * from when the packet was sent (tcp_rearm_rto(), net/ipv4/tcp_input.c): for the round trip time and its deviation,
 * which is 200 ms at least. Half of the deviation is left. While nothing waits, TCP's own round trip time is the one.
 */
static __always_inline __u64 stoq_limit_patience(
	struct __sk_buff *skb, struct stoq_flow *flow, __u32 side, __u64 now_ns)
{
	__u32 smoothed = stoq_limit_smoothed_us(skb);
	__u64 more_ns = flow->limit.deviation_us[side & 1] * 500ull;

	if (smoothed && flow->limit.left_ns[side & 1] <= now_ns)
		flow->limit.round_trip_us[side & 1] = smoothed;
	if (more_ns < STOQ_LIMIT_STEP_NS)
		more_ns = STOQ_LIMIT_STEP_NS;
	return flow->limit.round_trip_us[side & 1] * 1000ull + more_ns;
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
 * A packet with data of a side that must not leave before due_ns. It leaves no later than TCP's timer allows: later
 * packets pay for what that is too early.
 */
static __always_inline void stoq_limit_depart(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_limit_cpu *limit, __u32 side, __u64 now_ns)
{
	__u64 due = flow->limit.due_ns[side & 1], left = flow->limit.left_ns[side & 1], latest;
	int acks = stoq_limit_acks(flow, &limit->segment, side);

	if (due < left)
		due = left;
	if (due <= now_ns) {
		stoq_limit_estimate(flow, side, 0, 0);
		return;
	}
	STOQ_LIMIT_COUNT(packets, 1);
	latest = now_ns + stoq_limit_patience(skb, flow, side, now_ns);
	if (latest < left)
		latest = left;
	if (due > latest) {
		due = latest;
		STOQ_LIMIT_COUNT(eased, 1);
	}
	stoq_limit_estimate(flow, side, due - now_ns, due - left);
	flow->limit.left_ns[side & 1] = due;
	if (skb->tstamp < due)
		skb->tstamp = due;
	if (acks && skb->sk && !limit->segment.fin && !limit->segment.urg)
		limit->ack = STOQ_LIMIT_ACK_OF_DATA;
}
