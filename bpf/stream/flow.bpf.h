/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Flows: when one begins, what its first bytes show, when it ends. */
#include "bpf/stream/hooks.bpf.h"
#include "bpf/stream/maps.bpf.h"
#include "bpf/stream/stream.bpf.h"
#include "nvme/nvme_tcp_check.h"

/* Whether both sides have ended. */
static __always_inline int stoq_flow_is_over(const struct stoq_flow *flow)
{
	return flow->side[NVME_TCP_FROM_HOST].finished &&
	       flow->side[NVME_TCP_FROM_CONTROLLER].finished;
}

/* A number for a flow that is ready. After 2^30 of them they begin again; 0 is not one.
 */
static __always_inline void stoq_flow_number(struct stoq_flow *flow)
{
	__u32 uid =
		(__sync_fetch_and_add(&stoq_globals[STOQ_GLOBAL_LAST_UID], 1) + 1) & STOQ_UID_MAX;

	flow->uid = uid ? uid : 1;
}

/* What a new flow has but its number. */
static __always_inline void stoq_flow_init(
	struct stoq_flow *flow, const struct stoq_segment *segment, int from_host)
{
	flow->host_is_a = from_host ? segment->from_a : !segment->from_a;
	flow->cntlid = 0xffff;
	flow->kind = NVME_QUEUE_IO;
	flow->first_seen_ns = bpf_ktime_get_ns();
}

/* A flow has ended. Both sides may end it at once, on two CPUs: it is counted once. */
static __always_inline void stoq_flow_count_end(struct stoq_cpu *cpu, struct stoq_flow *flow)
{
	if (__sync_lock_test_and_set(&flow->end_counted, 1))
		return;
	flow->ended_ns = bpf_ktime_get_ns();
	if (STOQ_CHECKED)
		stoq_write_flow_ended(flow, cpu);
	stoq_opening_count(cpu, flow);
	if (flow->proven)
		stoq_count(cpu, STOQ_COUNT_FLOWS_CLOSED, 1);
	else
		stoq_count(cpu, STOQ_COUNT_FLOWS_TRIED, 1);
}

/* Takes what there is under this key out of both maps. */
static __noinline void stoq_flow_remove(struct stoq_cpu *cpu, const struct stoq_flow_key *key)
{
	struct stoq_flow *flow = bpf_map_lookup_elem(&stoq_unproven, key);
	__u32 uid;

	if (flow && flow->uid && !stoq_flow_is_over(flow))
		stoq_flow_count_end(cpu, flow);
	if (flow)
		bpf_map_delete_elem(&stoq_unproven, key);
	flow = bpf_map_lookup_elem(stoq_hook_flows(), key);
	if (!flow)
		return;
	uid = flow->uid;
	if (!stoq_flow_is_over(flow))
		stoq_flow_count_end(cpu, flow);
	if (bpf_map_delete_elem(stoq_hook_flows(), key) == 0)
		stoq_hook_flow_gone(uid);
}

/* A new flow, not proven, replacing what stood under its key. NULL if there is no room. */
static __noinline struct stoq_flow *stoq_flow_create(
	struct stoq_cpu *cpu, const struct stoq_segment *segment, int from_host)
{
	struct stoq_flow *flow, *empty = stoq_first(&stoq_new_flow);

	stoq_flow_remove(cpu, &segment->key);
	if (!empty || bpf_map_update_elem(&stoq_unproven, &segment->key, empty, BPF_ANY)) {
		stoq_count(cpu, STOQ_COUNT_FLOWS_FULL, 1);
		return 0;
	}
	flow = bpf_map_lookup_elem(&stoq_unproven, &segment->key);
	if (!flow)
		return 0;
	stoq_flow_init(flow, segment, from_host);
	stoq_flow_number(flow);
	stoq_count(cpu, STOQ_COUNT_FLOWS_NEW, 1);
	return flow;
}

/* The side's PDUs begin at this sequence number, beyond doubt. */
static __always_inline void stoq_side_start(struct stoq_flow_side *side, __u32 sequence)
{
	side->state = STOQ_FLOW_SYNCED;
	side->cursor.next_header = sequence;
	side->cursor.carry_bytes = 0;
	side->cursor.pending = 0;
	side->early = 0;
	side->collect_left = 0;
	side->next_byte = sequence;
	side->started = 1;
}

/* ICReq at the start of a segment: the flow starts here, in both directions. */
static __always_inline void stoq_on_first_icreq(
	struct stoq_flow *flow, const struct stoq_segment *segment)
{
	flow->host_first = segment->sequence;
	stoq_side_start(&flow->side[NVME_TCP_FROM_HOST], segment->sequence);
	if (!segment->ack)
		return;
	flow->controller_first = segment->acknowledged;
	stoq_side_start(&flow->side[NVME_TCP_FROM_CONTROLLER], segment->acknowledged);
}

static __always_inline int stoq_is_icreq(const struct nvme_tcp_hdr *hdr)
{
	return hdr->type == NVME_TCP_ICREQ && nvme_tcp_check_common(hdr);
}

/*
 * Payload of a connection that is not known. Is it NVMe/TCP? Yes if it starts like a PDU; on
 * an NVMe port, also if it is TLS, or anything else (the middle of a PDU).
 */
static __noinline struct stoq_flow *stoq_flow_discover(
	struct __sk_buff *skb, struct stoq_cpu *cpu, const struct stoq_segment *segment)
{
	__be16 source = segment->from_a ? segment->key.port_a : segment->key.port_b;
	__be16 destination = segment->from_a ? segment->key.port_b : segment->key.port_a;
	int from_host = stoq_is_nvme_port(destination);
	struct nvme_tcp_hdr hdr;
	struct stoq_flow *flow;

	if (segment->payload_bytes >= sizeof(hdr) &&
		bpf_skb_load_bytes(skb, segment->payload_offset, &hdr, sizeof(hdr)) == 0) {
		if (nvme_tcp_check_common(&hdr)) {
			from_host = nvme_tcp_sender(hdr.type) == NVME_TCP_FROM_HOST;
			flow = stoq_flow_create(cpu, segment, from_host);
			if (flow && stoq_is_icreq(&hdr))
				stoq_on_first_icreq(flow, segment);
			return flow;
		}
		if (!from_host && !stoq_is_nvme_port(source))
			return 0;
		flow = stoq_flow_create(cpu, segment, from_host);
		if (flow && stoq_is_tls_record((const __u8 *)&hdr))
			stoq_tls_found(flow, (const __u8 *)&hdr);
		return flow;
	}
	if (!from_host && !stoq_is_nvme_port(source))
		return 0;
	return stoq_flow_create(cpu, segment, from_host);
}

static __always_inline enum nvme_tcp_side stoq_sender(
	const struct stoq_flow *flow, const struct stoq_segment *segment)
{
	return segment->from_a == flow->host_is_a ? NVME_TCP_FROM_HOST : NVME_TCP_FROM_CONTROLLER;
}

/*
 * Asks the sender's own side first, which is not finished as a rule: the other one's cache lines
 * are another CPU's, and would travel to and fro with every packet.
 */
static __always_inline int stoq_is_closed(
	const struct stoq_flow *flow, const struct stoq_segment *segment)
{
	__u32 sender = stoq_sender(flow, segment);

	return flow->side[sender & 1].finished && flow->side[(sender ^ 1) & 1].finished;
}

static __always_inline void stoq_on_end(
	struct stoq_cpu *cpu, struct stoq_flow *flow, struct stoq_flow_side *side, int rst)
{
	int over = stoq_flow_is_over(flow);

	side->finished = 1;
	if (rst) {
		flow->reset |= 1 << (cpu->side & 1);
		flow->side[NVME_TCP_FROM_HOST].finished = 1;
		flow->side[NVME_TCP_FROM_CONTROLLER].finished = 1;
	}
	if (!over && stoq_flow_is_over(flow))
		stoq_flow_count_end(cpu, flow);
}
