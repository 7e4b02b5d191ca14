/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * What comes too early: behind a gap that may have PDU headers, so that where its own are is not
 * known. It passes and is kept (early.bpf.h); when the gap is filled it is decided about, before
 * what fills it passes.
 */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"
#include "bpf/stream/hooks.bpf.h"
#include "bpf/stream/maps.bpf.h"
#include "nvme/nvme_tcp_check.h"

#define STOQ_GUARD_GUESSES 48

enum stoq_guard_suspicion {
	STOQ_GUARD_NOT_YET = 0,
	STOQ_GUARD_UNSUSPICIOUS = 1,
	STOQ_GUARD_SUSPICIOUS = 2,
};

/* What may be a PDU at payload position `at`: how long it is; 0: there is no PDU there. ~0: to be refused. */
static __always_inline __u32 stoq_guard_guess(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct stoq_guard_cpu *guard, __u32 at)
{
	struct nvme_tcp_cmd_pdu *pdu = (void *)&guard->header;

	if (bpf_skb_load_bytes(skb, cpu->payload_offset + at, pdu, sizeof(*pdu)) ||
		!nvme_tcp_check_common(&pdu->hdr) || !nvme_tcp_check_header(&pdu->hdr))
		return 0;
	if (pdu->hdr.type == NVME_TCP_CAPSULE_CMD &&
		(stoq_guard_judge(skb, flow, cpu, pdu, cpu->sequence + at) ||
			guard->decision.verdict != STOQ_GUARD_ALLOW))
		return ~0u;
	return nvme_le32(pdu->hdr.plen);
}

/* Looks at what may be a PDU from payload position guard->piece_at on; enum stoq_guard_suspicion.
 */
__noinline int stoq_guard_suspect(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	__u32 found, length;

	if (!flow || !cpu || !guard)
		return STOQ_GUARD_SUSPICIOUS;
	found = stoq_scan(skb, cpu, guard->piece_at);
	if (found == STOQ_SCAN_NOTHING) {
		guard->piece_at += STOQ_SCAN_BYTES;
	} else {
		length = stoq_guard_guess(skb, flow, cpu, guard, found);
		if (length == ~0u)
			return STOQ_GUARD_SUSPICIOUS;
		guard->piece_at = found + (length ? length : 1);
	}
	return guard->piece_at >= cpu->payload_bytes ? STOQ_GUARD_UNSUSPICIOUS : STOQ_GUARD_NOT_YET;
}

/*
 * Whether the segment looks as if it had a command that is to be refused. It is better dropped
 * then, and refused in its turn when it is sent again: if it passed, the connection would have to
 * end. Only a guess, by what looks like a PDU and those that follow it: what it misses is found
 * later.
 */
__noinline int stoq_guard_suspects(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (!flow || !cpu || !guard)
		return 1;
	guard->piece_at = 0;
	for (int i = 0; i < STOQ_GUARD_GUESSES; i++) {
		int result = stoq_guard_suspect(skb, flow, cpu);

		if (result != STOQ_GUARD_NOT_YET)
			return result == STOQ_GUARD_SUSPICIOUS;
	}
	return 0;
}

/*
 * Strict, a segment behind a gap: the target cannot read it before the gap is filled, and what
 * fills it passes here. So it passes, and is kept to be decided about then.
 */
static __always_inline int stoq_guard_early(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu, struct stoq_guard_cpu *guard)
{
	__u32 end = cpu->sequence + cpu->payload_bytes;
	int result = STOQ_EARLY_FULL;

	if (stoq_hook_early(skb, flow, cpu))
		return 1;
	if (!stoq_after(end, stoq_wanted(side) + stoq_early_reach))
		result = stoq_early_keep(skb, flow, side, cpu, STOQ_EARLY_KEEP);
	if (result == STOQ_EARLY_OTHER)
		return stoq_guard_on_changed(flow, cpu, guard, cpu->sequence);
	if (result == STOQ_EARLY_FULL) {
		stoq_count(cpu, STOQ_COUNT_EARLY_FULL, 1);
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_DISORDER);
	}
	stoq_count(cpu, STOQ_COUNT_EARLY, 1);
	stoq_account(side, cpu);
	return 0;
}

/* Audit: what could not be followed passes, and where its PDUs begin is learned again. Global: it has a frame of its own. */
__noinline int stoq_guard_recover(struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	if (!flow || !cpu)
		return 0;
	stoq_on_bad_header(flow, &flow->side[NVME_TCP_FROM_HOST], cpu);
	return 0;
}

/*
 * Takes what has passed early and is whole now. What has to be refused, or is no PDU, cannot be
 * changed any more; but the target cannot read it either, as long as the packet at hand does not
 * pass. So it does not, and the connection ends.
 */
static __always_inline int stoq_guard_walk_early(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu, struct stoq_guard_cpu *guard)
{
	int result;

	if (stoq_early_is_late(side, cpu)) {
		guard->end = 1;
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_ENDED);
	}
	result = stoq_walk_early(skb, flow, side, cpu);
	if (result == STOQ_WALK_DONE && !stoq_guard_drops(guard))
		return 0;
	if (result == STOQ_WALK_MORE)
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_TOO_MANY);
	if (result == STOQ_WALK_BAD)
		stoq_guard_drop(guard, STOQ_GUARD_DROP_MALFORMED_PDU);
	stoq_hook_early_held();
	if (stoq_guard_audit)
		stoq_guard_recover(flow, cpu);
	return 1;
}
