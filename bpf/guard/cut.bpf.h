/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * A segment that ends inside a capsule's header: the first bytes go out before the rest of the command is known, so it is decided
 * about, and refused, by its first part. doc/design/guard-program.md has the rules.
 */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"
#include "nvme/nvme_tcp_check.h"

/* The header as far as it came, the rest 0. */
static __always_inline void stoq_guard_unfold_cut(
	struct stoq_guard_cpu *guard, const struct stoq_cursor *cursor, __u32 bytes)
{
	__u8 *header = (__u8 *)&guard->header;

	__builtin_memcpy(header, cursor->carry, sizeof(guard->header));
	for (__u32 i = 0; i < STOQ_GUARD_COMMAND; i++)
		if (i >= bytes)
			header[i] = 0;
}

/*
 * A capsule's first bytes go out before the rest of it is known. As long as enough is to come to
 * refuse it by (stoq_guard_spoil()), it can wait; else it has to be decided about now, by what is
 * known, and what is not is taken to be the worst. 0: it waits, or may pass.
 */
static __always_inline int stoq_guard_decide_cut(struct stoq_guard_cpu *guard,
	struct stoq_flow *flow, struct stoq_guard_installed *installed, __u32 bytes)
{
	struct nvme_tcp_cmd_pdu *pdu = (void *)&guard->header;
	int fabrics = pdu->sqe.opcode == NVME_OPCODE_FABRICS, waits = 0;
	int known_io = flow->connected && flow->kind == NVME_QUEUE_IO;
	__u64 slba = nvme_sqe_slba(&pdu->sqe);
	__u32 touches;

	if (bytes <= STOQ_GUARD_AT_OPCODE || (fabrics && bytes <= STOQ_GUARD_AT_NSID))
		return 0;
	if (fabrics) {
		if (stoq_guard_is_connect(&pdu->sqe) && !stoq_guard_has_connected(flow))
			return 0;
	} else if (bytes < STOQ_GUARD_AT_NSID + 4) {
		if (known_io)
			return 0;
		pdu->sqe.nsid = nvme_to_le32(STOQ_GUARD_NSID_ALL);
	}
	if (!flow->connected && !fabrics) {
		stoq_guard_judge_either(guard, flow, installed, &pdu->sqe);
		return guard->decision.verdict != STOQ_GUARD_ALLOW;
	}
	touches = stoq_guard_judge_sqe(installed, &pdu->sqe, flow->kind, 1);
	guard->touches = touches;
	if (touches == STOQ_GUARD_TOUCHES_RANGE && bytes < STOQ_GUARD_AT_NLB + 2) {
		waits = known_io &&
			(bytes <= STOQ_GUARD_AT_SLBA + 6 ||
				((pdu->sqe.opcode & 3) &&
					nvme_le32(pdu->sqe.sgl1.length) < STOQ_GUARD_SGL_MAX));
		if (waits)
			return 0;
		/* Only the top byte of the SLBA may be missing, and the number of blocks. */
		stoq_guard_request_range(&guard->request, slba,
			bytes < STOQ_GUARD_AT_NLB || slba + 0xffff < slba ? ~0ull : slba + 0xffff);
		stoq_guard_decide_part(guard, installed, 1);
	}
	return guard->decision.verdict != STOQ_GUARD_ALLOW;
}

/* Audit: whether the command that is cut could be refused. What is spoiled is a copy. */
__noinline int stoq_guard_could_spoil_cut(struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (!flow || !cpu || !guard)
		return 0;
	__builtin_memcpy(
		guard->patch.data, flow->side[NVME_TCP_FROM_HOST].cursor.carry, STOQ_GUARD_COMMAND);
	return stoq_guard_spoil(flow, guard->patch.data, cpu->header_out,
		guard->touches == STOQ_GUARD_TOUCHES_RANGE);
}

/* The first part of a command that is refused: spoils it, and remembers why until it is whole. */
static __always_inline int stoq_guard_refuse_cut(struct stoq_flow *flow, struct stoq_cpu *cpu,
	struct stoq_guard_cpu *guard, struct stoq_cursor *cursor)
{
	const struct stoq_guard_decision *decision = &guard->decision;

	if (stoq_early_any(flow, cpu, cursor->next_header + cpu->header_out,
		    cursor->carry_bytes - cpu->header_out)) {
		guard->end = 1;
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_ENDED);
	}
	flow->guard.cut_opcode = cursor->carry[STOQ_GUARD_AT_OPCODE];
	flow->guard.cut_fctype = cursor->carry[STOQ_GUARD_AT_NSID];
	if (stoq_guard_audit ? !stoq_guard_could_spoil_cut(flow, cpu)
			     : !stoq_guard_spoil(flow, cursor->carry, cpu->header_out,
				       guard->touches == STOQ_GUARD_TOUCHES_RANGE))
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_CUT);
	flow->guard.cut = stoq_guard_audit ? STOQ_GUARD_CUT_SPARED : STOQ_GUARD_CUT_SPOILED;
	flow->guard.cut_rule = decision->rule;
	flow->guard.cut_log_rule = decision->log_rule;
	flow->guard.cut_status = decision->status;
	return 0;
}

/* The patch becomes what is known of a header that is cut, and the packet gets it. */
__noinline int stoq_guard_apply_carry(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	const struct stoq_cursor *cursor;

	if (!flow || !cpu || !guard)
		return 1;
	cursor = &flow->side[NVME_TCP_FROM_HOST].cursor;
	__builtin_memcpy(guard->patch.data, cursor->carry, STOQ_GUARD_PATCH_BYTES);
	guard->patch.sequence = cursor->next_header;
	guard->patch.bytes = cursor->carry_bytes < STOQ_GUARD_PATCH_BYTES ? cursor->carry_bytes
									  : STOQ_GUARD_PATCH_BYTES;
	guard->patch.rewritten = stoq_guard_has_spoiled(flow);
	return stoq_guard_applied(
		flow, cpu, guard, &guard->patch, stoq_guard_apply(skb, cpu, &guard->patch));
}

/* The segment ended inside a CapsuleCmd's header, behind its opcode. 0, or 1: drop the packet. */
static __always_inline int stoq_guard_cut_command(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct stoq_cursor *cursor)
{
	struct stoq_guard_installed *installed = stoq_guard_policy();
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (!guard)
		return 1;
	if (!installed)
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_NO_POLICY);
	if (!stoq_guard_is_cut(flow)) {
		stoq_guard_judge_begin(guard, flow, installed);
		stoq_guard_unfold_cut(guard, cursor, cursor->carry_bytes);
		if (stoq_guard_decide_cut(guard, flow, installed, cursor->carry_bytes) &&
			stoq_guard_refuse_cut(flow, cpu, guard, cursor))
			return 1;
	}
	if (stoq_guard_has_spoiled(flow))
		stoq_guard_clear_nsz(flow->guard.cut_opcode, cursor->carry);
	/* Also if it waits: the packet may have bytes that passed before, now other ones. */
	if (guard->strict || stoq_guard_has_spoiled(flow))
		return stoq_guard_apply_carry(skb, flow, cpu);
	return 0;
}

/* A cut capsule that was refused is whole now: it keeps what was decided. */
static __always_inline void stoq_guard_recall_cut(
	const struct stoq_flow *flow, const struct nvme_sqe *sqe)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	int fabrics = sqe->opcode == NVME_OPCODE_FABRICS;

	if (!guard)
		return;
	guard->decision = (struct stoq_guard_decision){
		.rule = flow->guard.cut_rule,
		.log_rule = flow->guard.cut_log_rule,
		.status = flow->guard.cut_status,
		.verdict = STOQ_GUARD_DENY,
	};
	guard->list_bytes = 0;
	guard->request.nsid = fabrics ? 0 : nvme_le32(sqe->nsid);
	guard->request.table = fabrics			     ? STOQ_GUARD_FABRICS
			       : flow->kind == NVME_QUEUE_IO ? STOQ_GUARD_IO
							     : STOQ_GUARD_ADMIN;
	guard->request.code = fabrics ? flow->guard.cut_fctype : flow->guard.cut_opcode;
}
