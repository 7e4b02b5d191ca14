/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What a PDU means for limits: nothing is counted of it, and no command is kept until it ends. */
#include "bpf/limit/limit.bpf.h"
#include "nvme/nvme_tcp_check.h"

static __always_inline void stoq_settle(
	struct stoq_flow *flow, struct stoq_flow_side *side, struct stoq_cpu *cpu, __u32 pending)
{
}

/* There is no faster walk than the other one. */
__noinline int stoq_walk_fast(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	return STOQ_WALK_SLOW;
}

static __always_inline void stoq_on_pdu(struct stoq_flow *flow, struct stoq_flow_side *side,
	struct stoq_cursor *cursor, struct stoq_cpu *cpu, const struct nvme_tcp_hdr *hdr,
	__u32 sequence)
{
	side->pdus++;
	switch (hdr->type) {
	case NVME_TCP_ICREQ:
		flow->from_start = 1;
		break;
	case NVME_TCP_CAPSULE_CMD:
		stoq_limit_command(flow, cpu, (void *)hdr);
		break;
	case NVME_TCP_CAPSULE_RESP:
		if (flow->limit.delayed)
			stoq_limit_answer(
				flow, nvme_le16(((const struct nvme_tcp_rsp_pdu *)(const void *)hdr)
							->cqe.command_id));
		break;
	case NVME_TCP_C2H_DATA:
	case NVME_TCP_R2T: /* its CCCID stands where that of data does */
		if (flow->limit.delayed)
			stoq_limit_answer(flow,
				nvme_le16(((const struct nvme_tcp_data_pdu *)(const void *)hdr)
						  ->command_id));
		break;
	default:
		break;
	}
}
