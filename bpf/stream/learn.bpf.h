/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Finding where PDUs begin, in a stream entered in its middle. A place is accepted when the
 * chain of PDUs from there is consistent: over NVME_TCP_SYNC_CHAIN PDUs, or exactly from the
 * first to the last byte of a segment (which is how a quiet connection looks). A segment is
 * searched from its start and in a window that moves from segment to segment, so that the
 * work on one packet is bounded and no regular pattern can hide the headers.
 */
#include "bpf/stream/stream.bpf.h"
#include "nvme/nvme_tcp_check.h"

#define STOQ_SCAN_TURNS	 12
#define STOQ_CHAIN_TURNS 8

/*
 * Follows the chain from payload position `at`: sets cpu->chain_pdus and chain_next. Stops at
 * the segment's end. 0: something in it is no PDU.
 */
__noinline int stoq_check_chain(struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 at)
{
	if (!cpu)
		return 0;
	cpu->chain_pdus = 0;
	for (int i = 0; i < STOQ_CHAIN_TURNS; i++) {
		const struct nvme_tcp_hdr *hdr = (const void *)cpu->window;
		__u32 offset = cpu->payload_offset + at, available = cpu->payload_bytes - at;

		cpu->chain_next = at;
		if (at >= cpu->payload_bytes || available < sizeof(struct nvme_tcp_rsp_pdu))
			return 1;
		if (bpf_skb_load_bytes(skb, offset, cpu->window, sizeof(struct nvme_tcp_rsp_pdu)))
			return stoq_is_cut(skb, cpu);
		if (!nvme_tcp_check_common(hdr) || nvme_tcp_sender(hdr->type) != cpu->side)
			return 0;
		if (hdr->type == NVME_TCP_CAPSULE_CMD) {
			if (available < sizeof(struct nvme_tcp_cmd_pdu))
				return 1;
			if (bpf_skb_load_bytes(
				    skb, offset, cpu->window, sizeof(struct nvme_tcp_cmd_pdu)))
				return stoq_is_cut(skb, cpu);
		}
		if (!nvme_tcp_check_header(hdr))
			return 0;
		cpu->chain_pdus++;
		at += nvme_le32(hdr->plen);
		cpu->chain_next = at;
	}
	return 1;
}

/* Whether cpu->window has a common header at i. A global function, so that it is verified once. */
__noinline int stoq_scan_matches(struct stoq_cpu *cpu, __u32 i)
{
	const struct nvme_tcp_hdr *hdr;

	if (!cpu || i >= STOQ_SCAN_BYTES)
		return 0;
	hdr = (const void *)&cpu->window[STOQ_BOUND(i, STOQ_SCAN_BYTES)];
	return nvme_tcp_check_common(hdr) && nvme_tcp_sender(hdr->type) == cpu->side;
}

/*
 * The first payload position in [at, at + STOQ_SCAN_BYTES) where a common header could be, or
 * STOQ_SCAN_NOTHING.
 */
__noinline __u32 stoq_scan(struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 at)
{
	__u32 bytes;

	if (!cpu || at >= stoq_present(skb, cpu))
		return STOQ_SCAN_NOTHING;
	bytes = stoq_present(skb, cpu) - at;
	if (bytes > STOQ_SCAN_BYTES + sizeof(struct nvme_tcp_hdr))
		bytes = STOQ_SCAN_BYTES + sizeof(struct nvme_tcp_hdr);
	if (bytes < sizeof(struct nvme_tcp_hdr))
		return STOQ_SCAN_NOTHING;
	if (bpf_skb_load_bytes(skb, cpu->payload_offset + at, cpu->window, bytes))
		return STOQ_SCAN_NOTHING;
	for (__u32 i = 0; i < STOQ_SCAN_BYTES; i++) {
		if (i + sizeof(struct nvme_tcp_hdr) > bytes)
			break;
		if (cpu->window[i] < NVME_TCP_PDU_TYPES && stoq_scan_matches(cpu, i))
			return at + i;
	}
	return STOQ_SCAN_NOTHING;
}

static __always_inline void stoq_synced_at(
	struct stoq_flow *flow, struct stoq_flow_side *side, struct stoq_cpu *cpu, __u32 at)
{
	if (cpu->side == NVME_TCP_FROM_CONTROLLER)
		flow->doubt_ns = cpu->now_ns; /* completions have passed unseen, perhaps */
	if (STOQ_CHECKED)
		stoq_check_forget(flow);
	side->state = STOQ_FLOW_SYNCED;
	side->chain = 0;
	side->scan_from = 0;
	side->resyncs++;
	side->cursor.next_header = cpu->sequence + at;
	side->cursor.carry_bytes = 0;
	side->cursor.pending = 0;
	stoq_count(cpu, STOQ_COUNT_UNSYNCED_BYTES, at - cpu->learn_from);
	side->unsynced_bytes += at - cpu->learn_from;
}

/*
 * Is the chain found at `at` proof enough? Of a segment that was not captured whole there is no more
 * to see: one PDU at its start has to do.
 */
static __always_inline int stoq_chain_convinces(
	const struct __sk_buff *skb, const struct stoq_cpu *cpu, __u32 at, __u32 chain)
{
	return chain >= NVME_TCP_SYNC_CHAIN ||
	       (at == 0 && (cpu->chain_next == cpu->payload_bytes || stoq_is_cut(skb, cpu)));
}

static __always_inline int stoq_try_candidate(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu, __u32 at)
{
	__u32 chain;

	if (!stoq_check_chain(skb, cpu, at) || !cpu->chain_pdus)
		return STOQ_CANDIDATE_NO;
	chain = side->chain + cpu->chain_pdus;
	if (stoq_chain_convinces(skb, cpu, at, chain)) {
		stoq_synced_at(flow, side, cpu, at);
		return STOQ_CANDIDATE_SYNCED;
	}
	if (cpu->chain_next < cpu->payload_bytes)
		return STOQ_CANDIDATE_NO; /* a header cut by the segment's end: look further */
	side->chain = chain;
	side->cursor.next_header = cpu->sequence + cpu->chain_next;
	return STOQ_CANDIDATE_OPEN;
}

/* The next turn of the chain that earlier segments began; enum stoq_candidate. */
static __always_inline int stoq_continue_chain(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	__u32 at = side->cursor.next_header - cpu->sequence;
	int result;

	if (stoq_after(cpu->sequence, side->cursor.next_header)) {
		side->chain = 0;
		return STOQ_CANDIDATE_NO;
	}
	if (at >= cpu->payload_bytes)
		return STOQ_CANDIDATE_OPEN;
	result = stoq_try_candidate(skb, flow, side, cpu, at);
	if (result == STOQ_CANDIDATE_NO)
		side->chain = 0;
	return result;
}

static __always_inline int stoq_search(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	__u32 at = cpu->learn_from;
	int result = stoq_try_candidate(skb, flow, side, cpu, at);

	if (result != STOQ_CANDIDATE_NO)
		return result;
	if (side->scan_from > at && side->scan_from < cpu->payload_bytes)
		at = side->scan_from;
	for (int i = 0; i < STOQ_SCAN_TURNS; i++) {
		__u32 found = stoq_scan(skb, cpu, at);

		if (found == STOQ_SCAN_NOTHING) {
			at += STOQ_SCAN_BYTES;
			if (at >= cpu->payload_bytes)
				break;
			continue;
		}
		result = stoq_try_candidate(skb, flow, side, cpu, found);
		if (result != STOQ_CANDIDATE_NO)
			return result;
		at = found + 1;
	}
	side->scan_from = at < cpu->payload_bytes ? at : 0;
	return STOQ_CANDIDATE_NO;
}

/* 1: the side is synced now, and its cursor stands at a PDU in this segment. */
__noinline int stoq_learn(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_flow_side *side;
	int result = STOQ_CANDIDATE_NO;

	if (!flow || !cpu || cpu->learn_from >= cpu->payload_bytes)
		return 0;
	side = stoq_side(flow, cpu);
	cpu->window_bytes = 0; /* used for other things from here on */
	if (side->chain)
		result = stoq_continue_chain(skb, flow, side, cpu);
	if (result == STOQ_CANDIDATE_NO)
		result = stoq_search(skb, flow, side, cpu);
	if (result == STOQ_CANDIDATE_SYNCED)
		return 1;
	stoq_count(cpu, STOQ_COUNT_UNSYNCED_BYTES, cpu->payload_bytes - cpu->learn_from);
	side->unsynced_bytes += cpu->payload_bytes - cpu->learn_from;
	return 0;
}
