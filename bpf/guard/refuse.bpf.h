/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Refusing a command: its capsule is changed so that any target refuses it and stays in step with
 * the stream, and its completion gets the status of the policy. doc/design/guard-program.md says
 * what is changed to what, and why.
 */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"
#include "bpf/stream/refused_shared.h"
#include "nvme/nvme_tcp_check.h"

/* Places in a CapsuleCmd. */
#define STOQ_GUARD_AT_NSID   12 /* FCTYPE of a Fabrics command */
#define STOQ_GUARD_AT_SGL    32
#define STOQ_GUARD_AT_SLBA   48
#define STOQ_GUARD_AT_NLB    56
#define STOQ_GUARD_AT_NSZ    58 /* of a Write Zeroes: its top bit */
#define STOQ_GUARD_COMMAND   72
#define STOQ_GUARD_RESPONSE  24
#define STOQ_GUARD_AT_STATUS 22 /* in a CapsuleResp; the CID is before it */

/* A length that FF00h blocks of 512 bytes exceed: the target finds that it does not fit. */
#define STOQ_GUARD_SGL_MAX (0xff00u << 9)

/* ---- digests ---- */

/* CRC32C of four bits. */
static const __u32 stoq_guard_crc_table[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
	0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6,
	0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

/* Writes the digest of the first `bytes` of the patch behind them. */
__noinline int stoq_guard_digest(struct stoq_guard_patch *patch, __u32 bytes)
{
	__u32 crc = 0xffffffff;

	if (!patch)
		return 0;
	for (__u32 i = 0; i < STOQ_GUARD_COMMAND; i++) {
		if (i >= bytes)
			break;
		crc ^= patch->data[i];
		crc = crc >> 4 ^ stoq_guard_crc_table[crc & 15];
		crc = crc >> 4 ^ stoq_guard_crc_table[crc & 15];
	}
	crc = ~crc;
	for (__u32 i = 0; i < NVME_TCP_DIGEST_LENGTH; i++) {
		if (bytes == STOQ_GUARD_COMMAND)
			patch->data[STOQ_GUARD_COMMAND + i] = crc >> (8 * i);
		else
			patch->data[STOQ_GUARD_RESPONSE + i] = crc >> (8 * i);
	}
	patch->bytes = bytes + NVME_TCP_DIGEST_LENGTH;
	return 0;
}

/* ---- the capsule ---- */

/*
 * 70h and 71h: reserved opcodes of both kinds of queues, and reserved Fabrics types. What a target
 * takes off the stream goes by the direction (bits 1:0) of the opcode that it sees, which is this
 * one. With data in the capsule it is 01b, with which all of them take the data as such, whatever
 * the command was. Without, there is none: a target would ask for data, or wait for what does not
 * come.
 */
static __always_inline __u8 stoq_guard_reserved(int in_capsule)
{
	return in_capsule ? STOQ_REFUSED_OPCODE_DATA : STOQ_REFUSED_OPCODE;
}

/* A Write Zeroes that is refused by its SLBA must not be about the whole namespace. */
static __always_inline void stoq_guard_clear_nsz(__u8 opcode, __u8 *bytes)
{
	if (opcode == NVME_NVM_WRITE_ZEROES)
		bytes[STOQ_GUARD_AT_NSZ] &= 0x7f;
}

/*
 * Changes a capsule, of which the first `out` bytes have passed already, so that it is refused. 0:
 * what is left of it gives no means to do so.
 */
static __always_inline int stoq_guard_spoil(
	const struct stoq_flow *flow, __u8 *bytes, __u32 out, int range)
{
	const struct nvme_tcp_cmd_pdu *pdu = (const void *)bytes;
	int in_capsule = nvme_tcp_data_length(&pdu->hdr) != 0;
	__u8 opcode = pdu->sqe.opcode;

	if (opcode == NVME_OPCODE_FABRICS) {
		if (out > STOQ_GUARD_AT_NSID)
			return 0;
		stoq_refused_note(bytes + STOQ_GUARD_AT_OPCODE, bytes[STOQ_GUARD_AT_NSID]);
		bytes[STOQ_GUARD_AT_NSID] = stoq_guard_reserved(in_capsule);
		return 1;
	}
	if (out <= STOQ_GUARD_AT_OPCODE) {
		stoq_refused_note(bytes + STOQ_GUARD_AT_OPCODE, opcode);
		bytes[STOQ_GUARD_AT_OPCODE] = stoq_guard_reserved(in_capsule);
		return 1;
	}
	if (!flow->connected || flow->kind != NVME_QUEUE_IO)
		return 0;
	if (out <= STOQ_GUARD_AT_NSID + 3) {
		bytes[STOQ_GUARD_AT_NSID + 3] = 0xfe; /* no such namespace, and not all of them */
		return 1;
	}
	if (!range)
		return 0;
	if (out <= STOQ_GUARD_AT_SLBA + 6) { /* beyond any namespace, in bytes, too */
		bytes[STOQ_GUARD_AT_SLBA + 6] = 0xff;
		bytes[STOQ_GUARD_AT_SLBA + 7] = 0xff;
		stoq_guard_clear_nsz(opcode, bytes);
		return 1;
	}
	if (out > STOQ_GUARD_AT_NLB + 1 || !(opcode & 3) ||
		nvme_le32(pdu->sqe.sgl1.length) >= STOQ_GUARD_SGL_MAX)
		return 0;
	bytes[STOQ_GUARD_AT_NLB + 1] = 0xff; /* more blocks than it has data for */
	return 1;
}

/* Remembers that the command's completion has to have `status`. 0, or 1: there is no room. */
static __always_inline int stoq_guard_expect(struct stoq_flow *flow, __u16 cid, __u32 status)
{
	struct stoq_guard_refusal_key key = {.uid = flow->uid, .cid = cid};
	int result = bpf_map_update_elem(&stoq_guard_refusals, &key, &status, BPF_NOEXIST);

	if (result == 0)
		__sync_fetch_and_add(&flow->guard.refused, 1);
	else
		result = bpf_map_update_elem(&stoq_guard_refusals, &key, &status, BPF_EXIST);
	return result ? 1 : 0;
}

static __always_inline void stoq_guard_forget(struct stoq_flow *flow, __u16 cid)
{
	struct stoq_guard_refusal_key key = {.uid = flow->uid, .cid = cid};

	if (bpf_map_delete_elem(&stoq_guard_refusals, &key) == 0)
		__sync_fetch_and_add(&flow->guard.refused, -1);
}

/* The capsule as it was before it was spoiled: for counting. */
static __always_inline void stoq_guard_restore_cut(struct stoq_flow *flow, __u8 *bytes)
{
	bytes[STOQ_GUARD_AT_OPCODE] = flow->guard.cut_opcode;
	if (flow->guard.cut_opcode == NVME_OPCODE_FABRICS)
		bytes[STOQ_GUARD_AT_NSID] = flow->guard.cut_fctype;
	flow->guard.cut = STOQ_GUARD_CUT_NONE;
}

static __always_inline void stoq_guard_count_command(struct stoq_guard_cpu *guard,
	struct stoq_flow *flow, struct stoq_guard_installed *installed, const struct nvme_sqe *sqe)
{
	const struct stoq_guard_decision *decision = &guard->decision;
	int denied = decision->verdict != STOQ_GUARD_ALLOW;

	stoq_guard_total(denied ? STOQ_GUARD_DENIED : STOQ_GUARD_ALLOWED);
	stoq_guard_count_rule(installed,
		decision->rule < STOQ_GUARD_RULES_MAX ? decision->rule : STOQ_GUARD_COUNT_DEFAULT);
	if (decision->log_rule < STOQ_GUARD_RULES_MAX) {
		stoq_guard_total(STOQ_GUARD_LOGGED);
		stoq_guard_count_rule(installed, decision->log_rule);
	}
	if (denied || decision->log_rule < STOQ_GUARD_RULES_MAX)
		stoq_guard_log_command(flow, installed, sqe,
			denied ? STOQ_GUARD_RECORD_DENIED : STOQ_GUARD_RECORD_LOGGED);
}

/* The patch becomes the header at hand, `bytes` long, as it was sent. */
static __always_inline void stoq_guard_patch_from(struct stoq_guard_cpu *guard,
	const struct nvme_tcp_icreq_pdu *pdu, __u32 sequence, __u32 bytes)
{
	__builtin_memcpy(guard->patch.data, pdu, STOQ_GUARD_COMMAND);
	guard->patch.sequence = sequence;
	guard->patch.bytes = bytes;
	guard->patch.rewritten = 0;
	guard->patch.decided = 0;
}

/*
 * Whether some of what would have to be changed in this capsule has passed early. It cannot be
 * changed any more then: see guard/end.bpf.h. A capsule that was cut is changed already, but for
 * its digest.
 */
static __always_inline int stoq_guard_is_out(struct stoq_flow *flow, struct stoq_cpu *cpu,
	const struct nvme_tcp_hdr *hdr, __u32 sequence)
{
	__u32 end = STOQ_GUARD_COMMAND;

	if (hdr->flags & NVME_TCP_FLAG_HDGST)
		end += NVME_TCP_DIGEST_LENGTH;
	else if (flow->guard.cut)
		return 0;
	return cpu->early ||
	       stoq_early_any(flow, cpu, sequence + cpu->header_out, end - cpu->header_out);
}

/*
 * Does what was decided about the command. 0, or 1: the packet is to be dropped, and the command
 * decided about again when it comes again.
 */
__noinline int stoq_guard_act(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu,
	struct nvme_tcp_icreq_pdu *pdu, __u32 sequence)
{
	struct stoq_guard_installed *installed = stoq_guard_policy();
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	int denied, rewrites;
	const struct nvme_sqe *sqe;

	if (!flow || !cpu || !pdu || !guard)
		return 1;
	if (!installed)
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_NO_POLICY);
	sqe = &((const struct nvme_tcp_cmd_pdu *)(const void *)pdu)->sqe;
	denied = guard->decision.verdict != STOQ_GUARD_ALLOW;
	rewrites = denied && !stoq_guard_audit;
	if (denied || guard->strict) {
		stoq_guard_patch_from(guard, pdu, sequence, STOQ_GUARD_COMMAND);
		if (denied && stoq_guard_is_out(flow, cpu, &pdu->hdr, sequence)) {
			stoq_guard_count_command(guard, flow, installed, sqe);
			guard->end = 1;
			return stoq_guard_drop(guard, STOQ_GUARD_DROP_ENDED);
		}
		if (denied) {
			int range = guard->touches == STOQ_GUARD_TOUCHES_RANGE ||
				    nvme_sqe_is_whole_namespace(sqe);

			/* Of one that was cut this bit has come behind what was changed. */
			if (stoq_guard_has_spoiled(flow))
				stoq_guard_clear_nsz(flow->guard.cut_opcode, guard->patch.data);
			if (!flow->guard.cut && !stoq_guard_spoil(flow, guard->patch.data,
							cpu->header_out, range)) {
				guard->end = 1; /* it will not be any better */
				return stoq_guard_drop(guard, STOQ_GUARD_DROP_CUT);
			}
			guard->patch.rewritten = 1;
			if (pdu->hdr.flags & NVME_TCP_FLAG_HDGST)
				stoq_guard_digest(&guard->patch, STOQ_GUARD_COMMAND);
			if (stoq_guard_audit) /* it could be refused, and passes as it is */
				stoq_guard_patch_from(guard, pdu, sequence, STOQ_GUARD_COMMAND);
		}
		if (rewrites &&
			stoq_guard_expect(flow, nvme_le16(sqe->command_id), guard->decision.status))
			return stoq_guard_drop(guard, STOQ_GUARD_DROP_NO_ROOM);
		if (!rewrites)
			guard->patch.decided =
				denied ? STOQ_GUARD_SPARED : STOQ_GUARD_DECIDED(flow);
		if ((rewrites || guard->strict) && stoq_guard_keep(flow, cpu)) {
			if (rewrites)
				stoq_guard_forget(flow, nvme_le16(sqe->command_id));
			return 1;
		}
		/* Of a header that was cut, the packet at hand may have bytes that passed before.
		 */
		if (rewrites || (guard->strict && cpu->header_out))
			stoq_guard_applied(flow, cpu, guard, &guard->patch,
				stoq_guard_apply(skb, cpu, &guard->patch));
		if (rewrites)
			stoq_guard_total(STOQ_GUARD_PATCHED);
		if (flow->guard.cut) { /* what is counted and logged is what it was */
			stoq_guard_restore_cut(flow, (__u8 *)pdu);
		}
	}
	/* An earlier one with this identifier may have completed unseen, or in audit mode. */
	if (!rewrites && flow->guard.refused)
		stoq_guard_forget(flow, nvme_le16(sqe->command_id));
	stoq_guard_count_command(guard, flow, installed, sqe);
	if (guard->list_bytes && guard->strict)
		stoq_guard_keep_payload(skb, flow, cpu, guard->list_at, guard->list_bytes);
	return 0;
}

/* ---- capsules that are cut ---- */

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

/* ---- the completion ---- */

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
