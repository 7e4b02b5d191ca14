// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * The tc program: follows every NVMe/TCP connection that passes an interface, and counts its
 * commands. It changes no packet and hands every one on (TC_ACT_UNSPEC: to the next program
 * or filter). doc/design/watch-program.md describes how it works.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bpf/entry.bpf.h"
#include "bpf/stream/stream.bpf.h"
#ifndef STOQ_UNCHECKED
#include "bpf/stream/check.bpf.h"
#endif
#include "bpf/stream/commands.bpf.h"
#include "bpf/stream/connection.bpf.h"
#include "bpf/stream/early.bpf.h"
#include "bpf/stream/flow.bpf.h"
#include "bpf/stream/follow.bpf.h"
#include "bpf/stream/learn.bpf.h"
#include "bpf/stream/no_hooks.bpf.h"
#include "bpf/stream/opening.bpf.h"
#include "bpf/stream/packet.bpf.h"
#include "bpf/stream/payload.bpf.h"
#include "bpf/stream/pdu.bpf.h"
#include "bpf/stream/series.bpf.h"
#if STOQ_STAGED
#include "bpf/stream/stages.bpf.h"
#include "bpf/stream/tcp.bpf.h"
#endif
#include "bpf/stream/tcp_options.bpf.h"
#include "bpf/stream/transfer.bpf.h"
#include "bpf/stream/walk.bpf.h"
#include "bpf/stream/walk_fast.bpf.h"
#include "bpf/stream/watch_hooks.bpf.h"
#include "bpf/stream/window.bpf.h"
#ifndef STOQ_UNCHECKED
#include "bpf/stream/writes.bpf.h"
#endif

/* Payload of a flow. */
static __always_inline void stoq_on_data(struct __sk_buff *skb, struct stoq_cpu *cpu,
	const struct stoq_segment *segment, struct stoq_flow *flow, struct stoq_flow_side *side)
{
	__u32 uid = flow->uid;

	stoq_begin_payload(cpu, segment);
	if (flow->multipath) {
		side->packets++;
		return;
	}
	if (!stoq_side_lock(side)) {
		stoq_count(cpu, STOQ_COUNT_CONTENDED, 1);
		return;
	}
	if (flow->uid == uid) /* else another CPU has proven it meanwhile */
		stoq_on_payload(skb, flow, side, cpu);
	else
		stoq_count(cpu, STOQ_COUNT_CONTENDED, 1);
	stoq_side_unlock(side);
}

#if STOQ_STAGED
/* What TCP adds. A segment without data that belongs to no flow may end a handshake. */
static __always_inline void stoq_on_tcp(
	struct stoq_cpu *cpu, struct stoq_segment *segment, struct stoq_flow *flow)
{
	int known =
		stoq_is_nvme_port(segment->key.port_a) || stoq_is_nvme_port(segment->key.port_b);

	if (segment->syn && known) {
		stoq_tcp_on_syn(segment);
	} else if (!segment->syn && flow && flow->uid) {
		cpu->now_ns = bpf_ktime_get_ns();
		stoq_tcp_on_segment(flow, segment, stoq_sender(flow, segment), cpu->now_ns);
	} else if (!segment->syn && !segment->payload_bytes && segment->ack && known) {
		stoq_tcp_on_first_ack(segment);
	}
}
#else
static __always_inline void stoq_on_tcp(
	struct stoq_cpu *cpu, struct stoq_segment *segment, struct stoq_flow *flow)
{
}
#endif

static __always_inline void stoq_on_segment(
	struct __sk_buff *skb, struct stoq_cpu *cpu, struct stoq_segment *segment)
{
	struct stoq_flow *flow = stoq_flow_find(&segment->key);
	struct stoq_flow_side *side;

	if (segment->syn) {
		stoq_on_tcp(cpu, segment, flow);
		stoq_on_syn(skb, cpu, segment, flow);
		return;
	}
	if (segment->payload_bytes)
		flow = stoq_flow_of_payload(skb, cpu, segment, flow);
	stoq_on_tcp(cpu, segment, flow);
	if (!flow || !flow->uid)
		return;
	cpu->side = stoq_sender(flow, segment);
	side = stoq_side(flow, cpu);
	if (segment->payload_bytes)
		stoq_on_data(skb, cpu, segment, flow, side);
	if (STOQ_CHECKED && (segment->fin || segment->rst))
		stoq_write_look_at_end(flow, cpu, segment);
	if (segment->fin || segment->rst)
		stoq_on_end(cpu, flow, side, segment->rst);
}

/* Global, so that the verifier follows it once. */
__noinline int stoq_has_wanted_ends(struct stoq_flow_key *key)
{
	return key && stoq_wanted_has_ends(&stoq_wanted_ends, key);
}

/* The connections that are not asked for cost no more than their headers. */
static __always_inline int stoq_is_left_out(struct stoq_segment *segment)
{
	return (stoq_wanted_ends.addresses_given || stoq_wanted_ends.ports_given) &&
	       !stoq_has_wanted_ends(&segment->key);
}

SEC("tc")
int stoq_watch(struct __sk_buff *skb)
{
	struct stoq_cpu *cpu = stoq_first(&stoq_cpus);
	struct stoq_segment segment;
	int result;

	if (!cpu)
		return TC_ACT_UNSPEC;
	stoq_count(cpu, STOQ_COUNT_PACKETS, 1);
	result = stoq_parse_packet(skb, &segment);
	if (result == STOQ_PARSE_TCP) {
		if (stoq_is_left_out(&segment))
			return TC_ACT_UNSPEC;
		if (STOQ_STAGED || segment.payload_bytes || segment.syn || segment.fin ||
			segment.rst)
			stoq_on_segment(skb, cpu, &segment);
	} else if (result == STOQ_PARSE_MALFORMED || result == STOQ_PARSE_TAGS) {
		stoq_count(cpu, STOQ_COUNT_MALFORMED, 1);
	} else if (result == STOQ_PARSE_FRAGMENT) {
		stoq_count(cpu, STOQ_COUNT_FRAGMENTS, 1);
	}
	return TC_ACT_UNSPEC;
}

char stoq_license[] SEC("license") = "Dual BSD/GPL";
