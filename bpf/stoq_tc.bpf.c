// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * The tc program: follows every NVMe/TCP connection that passes an interface, and counts its
 * commands. It changes no packet and hands every one on (TC_ACT_UNSPEC: to the next program
 * or filter). doc/design/tc-program.md tells how it works.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bpf/watch_hooks.bpf.h"

#include "bpf/payload.bpf.h"

/* A connection to an NVMe port begins: follow it from its first byte, however it is cut. */
static __always_inline void stoq_on_syn(
	struct stoq_cpu *cpu, const struct stoq_segment *segment, struct stoq_flow *flow)
{
	__be16 controller_port =
		segment->from_a == segment->ack ? segment->key.port_a : segment->key.port_b;

	if (!segment->ack) {
		if (!stoq_is_nvme_port(controller_port)) {
			/* Ports are used again; what comes is not the connection we knew. */
			if (flow)
				bpf_map_delete_elem(&stoq_flows, &segment->key);
			return;
		}
		flow = stoq_flow_create(cpu, segment, 1);
		if (flow)
			stoq_side_start(&flow->side[NVME_TCP_FROM_HOST], segment->sequence + 1);
		return;
	}
	if (flow && !flow->side[NVME_TCP_FROM_CONTROLLER].started)
		stoq_side_start(&flow->side[NVME_TCP_FROM_CONTROLLER], segment->sequence + 1);
}

/* The flow of a segment with payload: the one in the table, or a new one. */
static __always_inline struct stoq_flow *stoq_flow_of_payload(struct __sk_buff *skb,
	struct stoq_cpu *cpu, const struct stoq_segment *segment, struct stoq_flow *flow)
{
	struct nvme_tcp_hdr hdr;

	if (!flow)
		return stoq_flow_discover(skb, cpu, segment);
	if (stoq_is_closed(flow, segment) && segment->payload_bytes >= sizeof(hdr) &&
		bpf_skb_load_bytes(skb, segment->payload_offset, &hdr, sizeof(hdr)) == 0 &&
		stoq_is_icreq(&hdr))
		return stoq_flow_discover(skb, cpu, segment);
	return flow;
}

static __always_inline void stoq_on_segment(
	struct __sk_buff *skb, struct stoq_cpu *cpu, const struct stoq_segment *segment)
{
	struct stoq_flow *flow = bpf_map_lookup_elem(&stoq_flows, &segment->key);
	struct stoq_flow_side *side;

	if (segment->syn) {
		stoq_on_syn(cpu, segment, flow);
		return;
	}
	if (segment->payload_bytes)
		flow = stoq_flow_of_payload(skb, cpu, segment, flow);
	if (!flow || !flow->uid)
		return;
	cpu->side = stoq_sender(flow, segment);
	side = stoq_side(flow, cpu);
	if (segment->payload_bytes) {
		stoq_begin_payload(cpu, segment);
		if (!stoq_side_lock(side)) {
			stoq_count(cpu, STOQ_COUNT_CONTENDED, 1);
			return;
		}
		stoq_on_payload(skb, flow, side, cpu);
		stoq_side_unlock(side);
	}
	if (segment->fin || segment->rst)
		stoq_on_end(flow, side, segment->rst);
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
	result = stoq_parse_segment(skb, &segment);
	if (result == STOQ_PARSE_MALFORMED && skb->len > (__u32)(skb->data_end - skb->data) &&
		bpf_skb_pull_data(
			skb, skb->len < STOQ_HEADERS_BYTES ? skb->len : STOQ_HEADERS_BYTES) == 0)
		result = stoq_parse_segment(skb, &segment);
	if (result == STOQ_PARSE_TCP) {
		if (segment.payload_bytes || segment.syn || segment.fin || segment.rst)
			stoq_on_segment(skb, cpu, &segment);
	} else if (result == STOQ_PARSE_MALFORMED || result == STOQ_PARSE_TAGS) {
		stoq_count(cpu, STOQ_COUNT_MALFORMED, 1);
	} else if (result == STOQ_PARSE_FRAGMENT) {
		stoq_count(cpu, STOQ_COUNT_FRAGMENTS, 1);
	}
	return TC_ACT_UNSPEC;
}

/*
 * What a clsact filter runs: nothing, once the process that attached it is gone, however it
 * went; the kernel has emptied stoq_alive then.
 */
SEC("tc")
int stoq_entry(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &stoq_alive, 0);
	return TC_ACT_UNSPEC;
}

char stoq_license[] SEC("license") = "Dual BSD/GPL";
