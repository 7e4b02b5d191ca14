/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Where the guard takes part in following a stream: with every header, cut or whole. */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"
#include "bpf/stream/hooks.bpf.h"
#include "bpf/stream/maps.bpf.h"
#include "nvme/nvme_tcp_check.h"

static __always_inline void *stoq_hook_flows(void)
{
	return &stoq_flows;
}

static __always_inline int stoq_is_nvme_port(__be16 port)
{
	__u16 number = bpf_ntohs(port);

	for (int i = 0; i < STOQ_GUARD_PORTS_MAX; i++) {
		if (!stoq_guard_ports[i])
			break;
		if (stoq_guard_ports[i] == number)
			return 1;
	}
	return 0;
}

/* Only the first Connect of a connection identifies its host: the others are refused. */
static __always_inline int stoq_hook_believes_connect(const struct stoq_flow *flow)
{
	return !stoq_guard_has_connected(flow);
}

static __always_inline void stoq_hook_connect_done(struct stoq_flow *flow)
{
	__u32 uid = flow->uid;
	void *data = bpf_map_lookup_elem(&stoq_connects, &uid);

	/* Without memory for it the name is known as long as stoq_connects has it. */
	if (data)
		bpf_map_update_elem(&stoq_guard_names, &uid, data, BPF_ANY);
	flow->guard.named = 1;
	flow->guard.generation = 0; /* its classes are to be looked up */
}

/*
 * Whether a byte of Connect's data that comes in this segment, from payload position `at` on, is
 * something else than the NUL that has to be there: targets have read on behind names that do not
 * end.
 */
static __always_inline int stoq_guard_is_no_nul(struct __sk_buff *skb, const struct stoq_flow *flow,
	struct stoq_cpu *cpu, __u32 at, __u32 place)
{
	__u8 byte = 0;

	at += place - flow->side[NVME_TCP_FROM_HOST].collect_offset;
	if (place < flow->side[NVME_TCP_FROM_HOST].collect_offset || at >= cpu->payload_bytes)
		return 0;
	if (stoq_guard_load_byte(skb, cpu, at, &byte))
		return !cpu->early; /* of early ones this one may be to come */
	return byte;
}

static __always_inline int stoq_hook_connect_data(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 at)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (!guard || !guard->strict)
		return !guard;
	if (stoq_guard_is_no_nul(skb, flow, cpu, at, STOQ_GUARD_SUBNQN_LAST) ||
		stoq_guard_is_no_nul(skb, flow, cpu, at, STOQ_GUARD_HOSTNQN_LAST))
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_NEGOTIATION);
	return stoq_guard_keep_payload(
		skb, flow, cpu, at, flow->side[NVME_TCP_FROM_HOST].collect_left);
}

static __always_inline int stoq_hook_cut(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_flow_side *side = &flow->side[cpu->side & 1];

	if (cpu->early)
		return 0; /* what has passed cannot be changed: decided when it is whole */
	if (cpu->side == NVME_TCP_FROM_CONTROLLER) {
		if (!flow->guard.refused || stoq_guard_audit ||
			side->cursor.carry[0] != NVME_TCP_CAPSULE_RESP)
			return 0;
		return stoq_guard_cut_response(skb, flow, cpu);
	}
	return stoq_guard_cut_header(skb, flow, cpu);
}

static __always_inline int stoq_hook_early(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (!guard || (cpu->side == NVME_TCP_FROM_HOST && stoq_guard_suspects(skb, flow, cpu)))
		return !guard || stoq_guard_drop(guard, STOQ_GUARD_DROP_DISORDER);
	return 0;
}

/*
 * What has passed early cannot be let go by: the connection ends. But for some of it there may be
 * room when the packet that fills the gap comes again.
 */
static __always_inline void stoq_hook_early_held(void)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (guard && guard->drop != STOQ_GUARD_DROP_NO_ROOM &&
		guard->drop != STOQ_GUARD_DROP_BACKLOG && guard->drop != STOQ_GUARD_DROP_NO_POLICY)
		guard->end = 1;
}

/* What hosts send to a guard is what they mean. */
static __always_inline int stoq_hook_is_behind_guard(void)
{
	return 0;
}

static __always_inline int stoq_hook_is_wanted(const struct stoq_command *command)
{
	return 1;
}

static __always_inline int stoq_hook_sees_hosts(void)
{
	return 1;
}

static __always_inline int stoq_hook_sees_r2ts(void)
{
	return 1;
}

/*
 * Responses are looked at while there are refused commands that wait for theirs, or commands that
 * are not in the slots of their flow.
 */
static __always_inline int stoq_hook_sees_all(
	const struct stoq_flow *flow, const struct stoq_cpu *cpu)
{
	const struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	return flow->guard.refused || flow->guard.far || flow->guard.identify ||
	       (guard && guard->shield);
}

/* What there is of the command beside the slots of its flow goes. */
static __always_inline void stoq_hook_ended(struct stoq_flow *flow, __u32 cid)
{
	if (flow->guard.far)
		stoq_guard_end_far(flow, cid);
	if (flow->guard.identify)
		stoq_guard_on_identified(flow, cid);
}

/* What the host has asked for is known: it was followed from its first byte. */
static __always_inline int stoq_guard_knows_commands(const struct stoq_flow *flow)
{
	const struct stoq_flow_side *side = &flow->side[NVME_TCP_FROM_HOST];

	return flow->guard.opened && flow->from_start && side->state == STOQ_FLOW_SYNCED &&
	       !side->resyncs;
}

static __always_inline int stoq_guard_is_shielded(
	const struct stoq_flow *flow, const struct stoq_cpu *cpu)
{
	const struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	return guard && guard->shield && stoq_guard_knows_commands(flow) &&
	       !flow->side[NVME_TCP_FROM_CONTROLLER].resyncs;
}

/*
 * Strict, bpf/guard/stoq_guard.bpf.c handles it. Else: what is no PDU in a stream that was
 * followed from its first byte would be read by targets each in its own way.
 */
static __always_inline int stoq_hook_bad(struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (!guard || guard->strict)
		return 0;
	if (cpu->side == NVME_TCP_FROM_HOST ? !stoq_guard_follows_surely(flow)
					    : !stoq_guard_is_shielded(flow, cpu))
		return 0;
	return stoq_guard_drop(guard, STOQ_GUARD_DROP_MALFORMED_PDU);
}

/* A response: if it accepts an admin queue's Connect, its host has a controller now. */
static __always_inline void stoq_guard_on_connected(
	struct stoq_flow *flow, const struct nvme_cqe *cqe)
{
	if (flow->connected && !flow->qid && !flow->connect_accepted &&
		nvme_le16(cqe->command_id) == flow->connect_cid &&
		!nvme_status_code(nvme_le16(cqe->status))) {
		stoq_guard_note_controller(flow, nvme_le32(cqe->dw0) & 0xffff);
		stoq_guard_note_host(flow);
	}
}

static __always_inline int stoq_guard_on_controllers_pdu(struct __sk_buff *skb,
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu,
	__u32 sequence)
{
	if (stoq_guard_is_shielded(flow, cpu) && stoq_guard_shield(flow, pdu))
		return 1;
	switch (pdu->hdr.type) {
	case NVME_TCP_C2H_TERM:
		flow->guard.ended |= 1 << NVME_TCP_FROM_CONTROLLER;
		return 0;
	case NVME_TCP_ICRESP:
		stoq_guard_on_icresp(flow, (const void *)pdu);
		return 0;
	case NVME_TCP_R2T:
		stoq_guard_on_r2t(flow, (const void *)pdu);
		return 0;
	case NVME_TCP_C2H_DATA:
		if (flow->guard.identify != STOQ_GUARD_IDENTIFY_ASKED)
			return 0;
		stoq_guard_on_identify_data(flow, (const void *)pdu, sequence);
		if (flow->guard.identify == STOQ_GUARD_IDENTIFY_COMES)
			stoq_guard_collect_ioccsz(skb, flow, cpu);
		return 0;
	case NVME_TCP_CAPSULE_RESP:
		stoq_guard_on_connected(flow, &((struct nvme_tcp_rsp_pdu *)(void *)pdu)->cqe);
		return flow->guard.refused && !stoq_guard_audit
			       ? stoq_guard_respond(skb, flow, cpu, pdu, sequence)
			       : 0;
	default:
		return 0;
	}
}

/* A command of the host's. 0, or 1: the packet is to be dropped. */
static __always_inline int stoq_guard_on_command(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu, __u32 sequence)
{
	if (stoq_guard_is_cut(flow))
		stoq_guard_recall_cut(flow, &((struct nvme_tcp_cmd_pdu *)(void *)pdu)->sqe);
	else if (stoq_guard_judge(skb, flow, cpu, (void *)pdu, sequence) ||
		 stoq_guard_limit(flow, (void *)pdu))
		return 1;
	if (stoq_guard_act(skb, flow, cpu, pdu, sequence))
		return 1;
	stoq_guard_on_identify(flow, &((struct nvme_tcp_cmd_pdu *)(void *)pdu)->sqe);
	return 0;
}

/* Data of the host's; the same. Commands are kept when they are decided about. */
static __always_inline int stoq_guard_on_data(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu, __u32 sequence)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (guard && guard->strict && stoq_guard_keep_data_header(skb, flow, cpu, pdu, sequence))
		return 1;
	stoq_guard_take_data(flow, (const void *)pdu, 1);
	return 0;
}

static __always_inline int stoq_hook_pdu(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu, __u32 sequence)
{
	if (cpu->side == NVME_TCP_FROM_CONTROLLER)
		return stoq_guard_on_controllers_pdu(skb, flow, cpu, pdu, sequence);
	if (stoq_guard_check(flow, pdu) || stoq_guard_protocol(flow, pdu))
		return 1;
	if (pdu->hdr.type == NVME_TCP_H2C_TERM)
		flow->guard.ended |= 1 << NVME_TCP_FROM_HOST;
	if (pdu->hdr.type == NVME_TCP_H2C_DATA)
		return stoq_guard_on_data(skb, flow, cpu, pdu, sequence);
	if (pdu->hdr.type != NVME_TCP_CAPSULE_CMD)
		return 0;
	if (!stoq_guard_on_command(skb, flow, cpu, pdu, sequence))
		return 0;
	stoq_guard_take_back(flow, &((struct nvme_tcp_cmd_pdu *)(void *)pdu)->sqe);
	return 1;
}
