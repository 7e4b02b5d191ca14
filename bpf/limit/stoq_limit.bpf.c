// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * The tc program of limits: follows NVMe/TCP connections as the watch does, charges commands to the limits that
 * hold for them, and gives packets that go out their earliest departure times. It changes no byte, drops nothing but
 * acknowledgements of which a copy has gone, and hands every other packet on (TC_ACT_UNSPEC). It stands behind the guard's program: what that one drops or refuses
 * is not charged, and what it has found out about a connection is there. doc/design/guard-limits.md.
 */
#include "bpf/limit/limit.bpf.h"

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bpf/limit/ahead.bpf.h"
#include "bpf/limit/charge.bpf.h"
#include "bpf/limit/classify.bpf.h"
#include "bpf/limit/depart.bpf.h"
#include "bpf/limit/pdu.bpf.h"
#include "bpf/stream/connection.bpf.h"
#include "bpf/stream/early.bpf.h"
#include "bpf/stream/flow.bpf.h"
#include "bpf/stream/follow.bpf.h"
#include "bpf/stream/learn.bpf.h"
#include "bpf/stream/no_hooks.bpf.h"
#include "bpf/stream/opening.bpf.h"
#include "bpf/stream/packet.bpf.h"
#include "bpf/stream/payload.bpf.h"
#include "bpf/stream/tcp_options.bpf.h"
#include "bpf/stream/transfer.bpf.h"
#include "bpf/stream/walk.bpf.h"
#include "bpf/stream/window.bpf.h"

/*
 * Where PDUs begin, as the guard has it, which saw the packet first: it has followed the stream from its first byte if
 * it is strict, on whichever port, while a host can cut its PDUs so that nothing is learned from them.
 */
static __always_inline void stoq_limit_follow_guard(
	struct stoq_flow_side *side, struct stoq_limit_cpu *limit, __u32 which)
{
	struct stoq_flow *guarded = bpf_map_lookup_elem(&stoq_limit_guarded, &limit->segment.key);
	struct stoq_flow_side *known;

	if (!guarded)
		return;
	known = &guarded->side[which & 1];
	if (known->state != STOQ_FLOW_SYNCED)
		return;
	side->cursor = known->cursor;
	side->next_byte = known->next_byte;
	side->collect_left = 0;
	side->chain = 0;
	side->state = STOQ_FLOW_SYNCED;
	side->resyncs++;
}

/* A segment of a flow with data, or its end, with the side's lock held. */
static __always_inline void stoq_limit_take(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu, struct stoq_limit_cpu *limit, int egress)
{
	if (cpu->payload_bytes && side->state != STOQ_FLOW_SYNCED && !flow->encrypted)
		stoq_limit_follow_guard(side, limit, cpu->side);
	/* Not flow->multipath: the guard takes Multipath TCP out of SYNs, and an option alone does not hide a stream. */
	if (cpu->payload_bytes)
		stoq_on_payload(skb, flow, side, cpu);
	if (egress && !stoq_limit_audit)
		stoq_limit_depart(skb, flow, limit, cpu->side, cpu->now_ns);
}

/* Global, so that the verifier follows it once, whichever map the flow is in. */
__noinline int stoq_limit_segment(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu, int egress)
{
	struct stoq_limit_cpu *limit = stoq_first(&stoq_limit_cpus);
	struct stoq_flow_side *side;
	__u32 uid;

	if (!flow || !cpu || !limit)
		return 0;
	side = stoq_side(flow, cpu);
	uid = flow->uid;
	stoq_begin_payload(cpu, &limit->segment);
	if (!stoq_side_lock(side)) {
		stoq_count(cpu, STOQ_COUNT_CONTENDED, 1);
		return 0;
	}
	if (flow->uid == uid) /* else another CPU has proven it meanwhile */
		stoq_limit_take(skb, flow, side, cpu, limit, egress);
	stoq_side_unlock(side);
	return 0;
}

/*
 * Whether the segment's side need not be followed: no limit holds for its connection, and nothing of it waits. When one does,
 * after a reload, the guard has where PDUs begin.
 */
static __always_inline int stoq_limit_leaves(struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_limit_installed *installed = stoq_limit_policy();
	struct stoq_flow_side *side = stoq_side(flow, cpu);

	if (!installed || flow->limit.generation != installed->generation || flow->limit.delayed ||
		(flow->limit.io && flow->limit.limits) || side->early || side->collect_left)
		return 0;
	if (side->state != STOQ_FLOW_SYNCED)
		return 1;
	if (!stoq_side_lock(side))
		return 0;
	side->state = STOQ_FLOW_LOST;
	flow->limit.acked[cpu->side & 1] = 0;
	stoq_side_unlock(side);
	return 1;
}

/* An acknowledgement alone, on a connection whose packets have waited. */
static __always_inline void stoq_limit_acknowledge(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_limit_cpu *limit, __u32 side)
{
	stoq_limit_acks(flow, &limit->segment, side);
	if (skb->sk && stoq_limit_after(flow->limit.left_ns[side & 1], bpf_ktime_get_ns()))
		limit->ack = STOQ_LIMIT_ACK_ALONE;
}

static __always_inline void stoq_limit_on_segment(
	struct __sk_buff *skb, struct stoq_cpu *cpu, struct stoq_limit_cpu *limit, int egress)
{
	struct stoq_segment *segment = &limit->segment;
	struct stoq_flow *flow = stoq_flow_find(&segment->key);

	if (segment->syn) {
		stoq_on_syn(skb, cpu, segment, flow);
		return;
	}
	if (segment->payload_bytes)
		flow = stoq_flow_of_payload(skb, cpu, segment, flow);
	if (!flow || !flow->uid)
		return;
	cpu->side = stoq_sender(flow, segment);
	if (segment->payload_bytes || segment->fin) {
		if (!stoq_limit_leaves(flow, cpu))
			stoq_limit_segment(skb, flow, cpu, egress);
	} else if (egress && flow->limit.delayed && !segment->rst) {
		stoq_limit_acknowledge(skb, flow, limit, cpu->side);
	}
	if (segment->fin || segment->rst)
		stoq_on_end(cpu, flow, stoq_side(flow, cpu), segment->rst);
}

static __always_inline int stoq_limit(struct __sk_buff *skb, int egress)
{
	struct stoq_limit_cpu *limit = stoq_first(&stoq_limit_cpus);
	struct stoq_cpu *cpu = stoq_first(&stoq_cpus);
	struct stoq_segment *segment;

	if (!cpu || !limit)
		return TC_ACT_UNSPEC;
	segment = &limit->segment;
	if (egress && limit->acking) {
		int alone = limit->acking == STOQ_LIMIT_ACK_ALONE;

		/* Once: what interfaces below this one send within the same call is not the copy. */
		limit->acking = 0;
		return !alone && stoq_limit_trim(skb, segment) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
	}
	stoq_count(cpu, STOQ_COUNT_PACKETS, 1);
	if (stoq_parse_packet(skb, segment) == STOQ_PARSE_TCP &&
		(egress || segment->payload_bytes || segment->syn || segment->fin || segment->rst))
		stoq_limit_on_segment(skb, cpu, limit, egress);
	return egress && limit->ack ? stoq_limit_go_ahead(skb, limit) : TC_ACT_UNSPEC;
}

SEC("tc")
int stoq_limit_ingress(struct __sk_buff *skb)
{
	return stoq_limit(skb, 0);
}

SEC("tc")
int stoq_limit_egress(struct __sk_buff *skb)
{
	return stoq_limit(skb, 1);
}

char stoq_license[] SEC("license") = "Dual BSD/GPL";
