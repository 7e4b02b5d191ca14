/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Strict: what could make the target see other PDUs than the guard does is not passed. These are
 * the checks on one PDU. nvme_tcp_check.h has those that any decoder needs, nvme_tcp_taken.h what the
 * known targets look at, and where they would go on reading; here it is about what was agreed on.
 */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"
#include "nvme/nvme_tcp_taken.h"

/* Digest flags have to be what was agreed on: targets go by that, not by the flags. */
static __always_inline int stoq_guard_digests_agree(
	struct stoq_flow *flow, const struct nvme_tcp_hdr *hdr)
{
	__u8 told = NVME_TCP_FLAG_HDGST, known;

	if (nvme_tcp_data_length(hdr))
		told |= NVME_TCP_FLAG_DDGST;
	known = flow->guard.digests_known;
	/* An older connection, whose ICResp was not seen: the first PDU shows it. */
	flow->guard.digests |= hdr->flags & told & ~known;
	flow->guard.digests_known = known | told;
	return ((hdr->flags ^ flow->guard.digests) & told) == 0;
}

static __always_inline int stoq_guard_is_plain(
	struct stoq_flow *flow, const struct nvme_tcp_icreq_pdu *pdu)
{
	const struct nvme_tcp_hdr *hdr = &pdu->hdr;
	const struct nvme_tcp_data_pdu *data = (const void *)pdu;

	switch (hdr->type) {
	case NVME_TCP_ICREQ: /* later ones have been taken for commands by targets */
		return flow->side[NVME_TCP_FROM_HOST].pdus == 0;
	case NVME_TCP_CAPSULE_CMD:
		return stoq_guard_digests_agree(flow, hdr) &&
		       (!nvme_tcp_data_length(hdr) || nvme_tcp_starts_well(hdr, flow->guard.cpda));
	case NVME_TCP_H2C_DATA:
		return stoq_guard_digests_agree(flow, hdr) &&
		       nvme_tcp_starts_well(hdr, flow->guard.cpda) &&
		       nvme_tcp_data_length(hdr) == nvme_le32(data->data_length);
	default:
		return 1;
	}
}

/*
 * Followed from its first byte, without a gap: what stands in a header's place is one. Not strict,
 * a connection may have been entered, or found again, by the looks of it.
 */
static __always_inline int stoq_guard_follows_surely(const struct stoq_flow *flow)
{
	return flow->guard.opened && flow->guard.digests_known && !flow->side[0].resyncs;
}

/* A whole header from the host. 0, or 1: the packet is to be dropped. */
__noinline int stoq_guard_check(struct stoq_flow *flow, const struct nvme_tcp_icreq_pdu *pdu)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (!flow || !pdu || !guard)
		return 1;
	if (pdu->hdr.type == NVME_TCP_CAPSULE_CMD && !nvme_tcp_capsule_is_taken((const void *)pdu))
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_MALFORMED_PDU);
	if (!guard->strict && !stoq_guard_follows_surely(flow))
		return 0;
	if (!stoq_guard_is_plain(flow, pdu))
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_MALFORMED_PDU);
	return 0;
}

/* Data's header stays as it passed. 0, or 1: the packet is to be dropped. */
__noinline int stoq_guard_keep_data_header(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, const struct nvme_tcp_icreq_pdu *pdu, __u32 sequence)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (!flow || !cpu || !pdu || !guard)
		return 1;
	stoq_guard_patch_from(guard, pdu, sequence, sizeof(struct nvme_tcp_data_pdu));
	if (stoq_guard_keep(flow, cpu))
		return 1;
	if (cpu->header_out)
		stoq_guard_applied(
			flow, cpu, guard, &guard->patch, stoq_guard_apply(skb, cpu, &guard->patch));
	return 0;
}

/* The segment ended inside a header of the host's. 0, or 1: the packet is to be dropped. */
__noinline int stoq_guard_cut_header(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct stoq_flow_side *side;
	struct stoq_cursor *cursor;

	if (!flow || !cpu || !guard)
		return 1;
	side = &flow->side[NVME_TCP_FROM_HOST];
	cursor = &side->cursor;
	if (cursor->carry[0] == NVME_TCP_CAPSULE_CMD && cursor->carry_bytes > STOQ_GUARD_AT_OPCODE)
		return stoq_guard_cut_command(skb, flow, cpu, cursor);
	/* The packet may have bytes that passed before, now other ones. */
	return guard->strict ? stoq_guard_apply_carry(skb, flow, cpu) : 0;
}
