/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Ending a connection. What passed early and turns out to have to be refused is at the target
 * already, which waits for what comes before it and must never get that. So the packet that would
 * fill the gap becomes a reset, and all that follow it, by turns, become a reset and a segment that
 * the target does not accept: a target that is still there answers it with what it expects (RFC
 * 9293 3.10.7.4), which makes the next reset exact (RFC 5961 3.2); one that is not resets the host.
 * What the target sends to the host becomes a reset, too. Both ends are rid of the connection
 * within one retransmission, and the host begins another one.
 */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"
#include "nvme/nvme_tcp_check.h"

#define STOQ_TCP_AT_SEQUENCE	4
#define STOQ_TCP_AT_FLAGS	12     /* with the header's length before them */
#define STOQ_TCP_RESET		0x0014 /* RST and ACK */
/* So far behind what it expects that no window reaches it (RFC 7323 2.3: 1 GiB at most). */
#define STOQ_GUARD_UNACCEPTABLE (3u << 30)

/* Puts another field into the TCP header, and keeps the checksum right. Not 0: it cannot. */
static __always_inline int stoq_guard_put_field(struct __sk_buff *skb,
	const struct stoq_guard_cpu *guard, __u32 at, __u64 before, void *after, const __u32 bytes)
{
	__u32 tcp = guard->segment.tcp_offset;
	__u64 value = bytes == sizeof(__u32) ? *(__u32 *)after : *(__u16 *)after;

	return bpf_skb_store_bytes(skb, tcp + at, after, bytes, 0) ||
	       bpf_l4_csum_replace(skb, tcp + STOQ_TCP_AT_CHECKSUM, before, value, bytes);
}

/* The sequence number that the receiver of this segment expects, as far as its acknowledgements show. */
static __always_inline __u32 stoq_guard_expected(
	const struct stoq_flow *flow, const struct stoq_guard_cpu *guard, __u32 sender)
{
	__u32 receiver = !(sender & 1);

	return flow->guard.acknowledged >> receiver & 1 ? flow->side[receiver].acknowledged
							: guard->segment.sequence;
}

static __always_inline int stoq_guard_make_reset(
	struct __sk_buff *skb, const struct stoq_guard_cpu *guard)
{
	__be16 before, after;

	if (bpf_skb_load_bytes(
		    skb, guard->segment.tcp_offset + STOQ_TCP_AT_FLAGS, &before, sizeof(before)))
		return 1;
	after = (before & bpf_htons(0xf000)) | bpf_htons(STOQ_TCP_RESET);
	return stoq_guard_put_field(skb, guard, STOQ_TCP_AT_FLAGS, before, &after, sizeof(after));
}

/*
 * Turns a segment of a connection that is to end to that end. 0: it passes, as what it is now; else
 * it is to be dropped.
 */
__noinline int stoq_guard_tear(struct __sk_buff *skb, struct stoq_flow *flow)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	__u32 sender, turn;
	__be32 before, after;

	if (!flow || !guard)
		return 1;
	sender = stoq_sender(flow, &guard->segment);
	turn = sender == NVME_TCP_FROM_HOST ? __sync_fetch_and_add(&flow->guard.turns, 1) & 1 : 0;
	before = bpf_htonl(guard->segment.sequence);
	after = bpf_htonl(
		stoq_guard_expected(flow, guard, sender) + (turn ? STOQ_GUARD_UNACCEPTABLE : 0));
	if (before != after && stoq_guard_put_field(skb, guard, STOQ_TCP_AT_SEQUENCE, before,
				       &after, sizeof(after)))
		return 1;
	return turn ? 0 : stoq_guard_make_reset(skb, guard);
}

/* This packet, and with it the connection, is at its end. */
static __always_inline void stoq_guard_begin_end(struct stoq_flow *flow)
{
	if (stoq_guard_audit ? flow->guard.spared : flow->guard.torn)
		return;
	flow->guard.torn = !stoq_guard_audit;
	stoq_guard_total(STOQ_GUARD_ENDED);
}
