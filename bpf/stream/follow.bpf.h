/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Which flow a segment belongs to, for programs that take every connection as it comes: the watch, and
 * limits. The guard has stricter ways, in bpf/guard/connection.bpf.h.
 */
#include "bpf/stream/hooks.bpf.h"
#include "bpf/stream/maps.bpf.h"
#include "bpf/stream/stream.bpf.h"

/* A connection to an NVMe port was accepted: what there was of its ends is another one. */
static __always_inline void stoq_on_answer(struct __sk_buff *skb, struct stoq_cpu *cpu,
	const struct stoq_segment *segment, struct stoq_flow *flow)
{
	struct stoq_newcomer *newcomer = bpf_map_lookup_elem(&stoq_newcomers, &segment->key);

	if (!newcomer || newcomer->host_first != segment->acknowledged ||
		stoq_is_same_answer(newcomer, segment))
		return;
	newcomer->multipath =
		stoq_find_multipath(skb, cpu, segment->tcp_offset, segment->option_bytes) != 0;
	stoq_newcomer_answer(newcomer, segment, 0);
	if (!flow)
		return;
	if (flow->host_first != newcomer->start) {
		stoq_flow_remove(cpu, &segment->key);
		return;
	}
	/* The host was faster, or was seen first. */
	flow->multipath = newcomer->multipath;
	flow->controller_first = newcomer->controller_first;
	if (!flow->side[NVME_TCP_FROM_CONTROLLER].started)
		stoq_side_start(&flow->side[NVME_TCP_FROM_CONTROLLER], newcomer->controller_first);
}

/* A connection begins. To an NVMe port: follow it from its first byte, however it is cut. */
static __always_inline void stoq_on_syn(struct __sk_buff *skb, struct stoq_cpu *cpu,
	const struct stoq_segment *segment, struct stoq_flow *flow)
{
	__be16 controller_port =
		segment->from_a == segment->ack ? segment->key.port_a : segment->key.port_b;
	int known = stoq_is_nvme_port(controller_port);

	if (segment->ack) {
		if (known)
			stoq_on_answer(skb, cpu, segment, flow);
		return;
	}
	/* Ports are used again; what comes is not the connection we knew. Where it may be a host
	 * that only tries, the answer will show it. */
	if (flow && (!known || stoq_flow_is_over(flow)))
		stoq_flow_remove(cpu, &segment->key);
	if (known)
		stoq_newcomer_syn(segment, 0);
}

/* A flow that begins with this segment. */
static __always_inline struct stoq_flow *stoq_flow_begin(
	struct __sk_buff *skb, struct stoq_cpu *cpu, const struct stoq_segment *segment)
{
	struct stoq_newcomer *newcomer = bpf_map_lookup_elem(&stoq_newcomers, &segment->key);
	struct stoq_flow *flow;

	if (newcomer)
		return stoq_flow_of_newcomer(cpu, segment, newcomer);
	flow = stoq_flow_discover(skb, cpu, segment);
	if (flow)
		flow->multipath = stoq_find_multipath(skb, cpu, segment->tcp_offset,
					  segment->option_bytes) != 0;
	return flow;
}

/* The flow of a segment with payload: the one in the table, or a new one. */
static __always_inline struct stoq_flow *stoq_flow_of_payload(struct __sk_buff *skb,
	struct stoq_cpu *cpu, const struct stoq_segment *segment, struct stoq_flow *flow)
{
	struct nvme_tcp_hdr hdr;

	if (!flow)
		return stoq_flow_begin(skb, cpu, segment);
	if (stoq_is_closed(flow, segment) && segment->payload_bytes >= sizeof(hdr) &&
		bpf_skb_load_bytes(skb, segment->payload_offset, &hdr, sizeof(hdr)) == 0 &&
		stoq_is_icreq(&hdr))
		return stoq_flow_discover(skb, cpu, segment);
	if (stoq_flow_is_answered(flow, segment)) {
		struct stoq_flow *proven = stoq_flow_prove(cpu, &segment->key, flow);

		return proven ? proven : flow;
	}
	return flow;
}
