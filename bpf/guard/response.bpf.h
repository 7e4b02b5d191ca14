/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * The completion of a refused command gets the status of the policy, also if a segment ends inside it.
 */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"

/* The status that the completion of a refused command has to have; -1: it was not refused. */
static __always_inline __s32 stoq_guard_status_of(const struct stoq_flow *flow, __u16 cid)
{
	struct stoq_guard_refusal_key key = {.uid = flow->uid, .cid = cid};
	__u32 *status = bpf_map_lookup_elem(&stoq_guard_refusals, &key);

	return status ? (__s32)*status : -1;
}

/* Makes guard->patch of a response (its first 22 bytes will do), with the status. 0, or 1: drop. */
static __always_inline int stoq_guard_patch_response(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct stoq_guard_cpu *guard, __u32 status)
{
	__u32 field = status << 1 | NVME_CQE_STATUS_DNR;

	guard->patch.data[STOQ_GUARD_AT_STATUS] = field;
	guard->patch.data[STOQ_GUARD_AT_STATUS + 1] = field >> 8;
	guard->patch.bytes = STOQ_GUARD_RESPONSE;
	guard->patch.rewritten = 1;
	if (guard->patch.data[1] & NVME_TCP_FLAG_HDGST)
		stoq_guard_digest(&guard->patch, STOQ_GUARD_RESPONSE);
	if (stoq_guard_keep(flow, cpu))
		return 1;
	stoq_guard_applied(
		flow, cpu, guard, &guard->patch, stoq_guard_apply(skb, cpu, &guard->patch));
	return 0;
}

/* A whole CapsuleResp, of a flow that has refused commands outstanding. 0, or 1: drop. */
__noinline int stoq_guard_respond(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu, __u32 sequence)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct nvme_tcp_rsp_pdu *response = (void *)pdu;
	__s32 status;
	__u16 cid;

	if (!flow || !cpu || !pdu || !guard)
		return 1;
	cid = nvme_le16(response->cqe.command_id);
	status = stoq_guard_status_of(flow, cid);
	if (status < 0)
		return 0;
	stoq_guard_patch_from(guard, pdu, sequence, STOQ_GUARD_RESPONSE);
	if (stoq_guard_patch_response(skb, flow, cpu, guard, status))
		return 1;
	response->cqe.status = nvme_to_le16(status << 1 | NVME_CQE_STATUS_DNR);
	stoq_guard_forget(flow, cid);
	stoq_guard_total(STOQ_GUARD_RESPONSES);
	return 0;
}

/* The segment ended inside a CapsuleResp, behind the CID: part of its status goes out now. */
__noinline int stoq_guard_cut_response(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct stoq_cursor *cursor;
	struct stoq_flow_side *side;
	__s32 status;

	if (!flow || !cpu || !guard)
		return 1;
	side = &flow->side[NVME_TCP_FROM_CONTROLLER];
	cursor = &side->cursor;
	if (cursor->carry_bytes <= STOQ_GUARD_AT_STATUS || cpu->header_out > STOQ_GUARD_AT_STATUS)
		return 0;
	status = stoq_guard_status_of(
		flow, cursor->carry[STOQ_GUARD_AT_STATUS - 2] |
			      (__u16)cursor->carry[STOQ_GUARD_AT_STATUS - 1] << 8);
	if (status < 0)
		return 0;
	__builtin_memcpy(guard->patch.data, cursor->carry, STOQ_GUARD_RESPONSE);
	guard->patch.sequence = cursor->next_header;
	return stoq_guard_patch_response(skb, flow, cpu, guard, status);
}
