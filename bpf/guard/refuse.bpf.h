/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Refusing a command: its capsule is changed so that any target refuses it and stays in step with the stream.
 * doc/design/guard-program.md has what is changed to what, and why. Capsules that are cut: cut.bpf.h; completions:
 * response.bpf.h.
 */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"
#include "bpf/stream/refused_shared.h"
#include "nvme/nvme_tcp_check.h"

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
	if (denied)
		stoq_guard_count_host(flow, STOQ_GUARD_RECORD_DENIED, decision->status);
	if (decision->log_rule < STOQ_GUARD_RULES_MAX)
		stoq_guard_count_host(flow, STOQ_GUARD_RECORD_LOGGED, 0);
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
