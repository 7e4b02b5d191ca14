/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * How a connection gets into the map of flows. Its SYNs make it a newcomer, which takes 32 bytes;
 * the first data, of whichever side, make it a flow that is not proven; data of the other side
 * prove it. What strangers send without being answered pushes out only what other strangers sent.
 */
#include "bpf/stream/hooks.bpf.h"
#include "bpf/stream/maps.bpf.h"
#include "bpf/stream/stream.bpf.h"
#include "nvme/nvme_tcp_check.h"

/* The flow of this key, proven or not. */
static __always_inline struct stoq_flow *stoq_flow_find(const struct stoq_flow_key *key)
{
	struct stoq_flow *flow = bpf_map_lookup_elem(stoq_hook_flows(), key);

	return flow ? flow : bpf_map_lookup_elem(&stoq_unproven, key);
}

/* ---- SYNs ---- */

/* A host's SYN, which may be answered or not. from: where it came from. */
static __noinline void stoq_newcomer_syn(const struct stoq_segment *segment, __u32 from)
{
	struct stoq_newcomer *newcomer = bpf_map_lookup_elem(&stoq_newcomers, &segment->key);

	if (!newcomer) {
		struct stoq_newcomer fresh = {.host_first = segment->sequence + 1,
			.host_is_a = segment->from_a,
			.syn_from = from};

		bpf_map_update_elem(&stoq_newcomers, &segment->key, &fresh, BPF_ANY);
		return;
	}
	if (newcomer->host_first == segment->sequence + 1)
		return; /* sent again, or seen a second time on its way */
	newcomer->host_first = segment->sequence + 1;
	newcomer->syn_from = from;
}

/* Whether a SYN with ACK was seen before. */
static __always_inline int stoq_is_same_answer(
	const struct stoq_newcomer *newcomer, const struct stoq_segment *segment)
{
	return newcomer->answered && newcomer->start == segment->acknowledged &&
	       newcomer->controller_first == segment->sequence + 1;
}

/* The controller's SYN and ACK: where both sides' bytes begin. */
static __always_inline void stoq_newcomer_answer(
	struct stoq_newcomer *newcomer, const struct stoq_segment *segment, __u32 from)
{
	newcomer->start = segment->acknowledged;
	newcomer->controller_first = segment->sequence + 1;
	newcomer->host_from = newcomer->syn_from;
	newcomer->controller_from = from;
	newcomer->followed = 0;
	newcomer->refused = 0;
	newcomer->answered = 1;
}

/* ---- flows ---- */

/* A newcomer's first data. */
static __noinline struct stoq_flow *stoq_flow_of_newcomer(struct stoq_cpu *cpu,
	const struct stoq_segment *segment, const struct stoq_newcomer *newcomer)
{
	struct stoq_flow *flow =
		stoq_flow_create(cpu, segment, segment->from_a == newcomer->host_is_a);

	if (!flow)
		return 0;
	flow->multipath = newcomer->multipath;
	flow->host_first = newcomer->answered ? newcomer->start : newcomer->host_first;
	stoq_side_start(&flow->side[NVME_TCP_FROM_HOST], flow->host_first);
	if (newcomer->answered) {
		flow->controller_first = newcomer->controller_first;
		stoq_side_start(&flow->side[NVME_TCP_FROM_CONTROLLER], newcomer->controller_first);
	}
	return flow;
}

/* Copies a flow into the map of those that are proven. Both sides are locked. */
static __always_inline struct stoq_flow *stoq_flow_move(
	struct stoq_cpu *cpu, const struct stoq_flow_key *key, struct stoq_flow *flow)
{
	struct stoq_flow *moved;

	if (!flow->uid) /* another CPU was first */
		return bpf_map_lookup_elem(stoq_hook_flows(), key);
	if (stoq_hook_flow_room())
		return 0;
	flow->proven = 1;
	if (bpf_map_update_elem(stoq_hook_flows(), key, flow, BPF_NOEXIST)) {
		flow->proven = 0;
		stoq_hook_flow_gone(0);
		stoq_count(cpu, STOQ_COUNT_FLOWS_FULL, 1);
		return 0;
	}
	moved = bpf_map_lookup_elem(stoq_hook_flows(), key);
	if (!moved)
		return 0;
	flow->uid = 0; /* a CPU that waits for its locks looks again */
	stoq_side_unlock(&moved->side[NVME_TCP_FROM_HOST]);
	stoq_side_unlock(&moved->side[NVME_TCP_FROM_CONTROLLER]);
	stoq_count(cpu, STOQ_COUNT_FLOWS_PROVEN, 1);
	return moved;
}

/* Locks both sides; 0: another CPU has one of them for too long. Global: verified once. */
__noinline int stoq_flow_lock(struct stoq_flow *flow)
{
	if (!flow || !stoq_side_lock(&flow->side[NVME_TCP_FROM_HOST]))
		return 0;
	if (stoq_side_lock(&flow->side[NVME_TCP_FROM_CONTROLLER]))
		return 1;
	stoq_side_unlock(&flow->side[NVME_TCP_FROM_HOST]);
	return 0;
}

/* The flow is proven now. NULL: there is no room. */
static __noinline struct stoq_flow *stoq_flow_prove(
	struct stoq_cpu *cpu, const struct stoq_flow_key *key, struct stoq_flow *flow)
{
	struct stoq_flow *moved;

	if (!stoq_flow_lock(flow))
		return 0;
	moved = stoq_flow_move(cpu, key, flow);
	stoq_side_unlock(&flow->side[NVME_TCP_FROM_CONTROLLER]);
	stoq_side_unlock(&flow->side[NVME_TCP_FROM_HOST]);
	if (!moved)
		return 0;
	bpf_map_delete_elem(&stoq_unproven, key);
	bpf_map_delete_elem(&stoq_newcomers, key);
	return moved;
}

/* Whether this segment's payload proves the flow: the other side has sent some. */
static __always_inline int stoq_flow_is_answered(
	const struct stoq_flow *flow, const struct stoq_segment *segment)
{
	__u32 other = !stoq_sender(flow, segment);

	return !flow->proven && flow->side[other & 1].packets;
}
