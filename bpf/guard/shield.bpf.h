/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Strict, towards hosts: what a controller may send. An answer has to be to a command that is
 * outstanding; data go in the direction of the command, in order, no more of them than it asked
 * for, and all of them if a read says that it has succeeded. Hosts have crashed on the others, or
 * given away their memory. Where the host's side was not followed from its first byte, this is not
 * known, and not looked at.
 */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"
#include "nvme/nvme_tcp_check.h"

/* What a command that is outstanding is allowed to get. */
struct stoq_guard_asked {
	__u32 bytes;
	__u8 direction; /* bits 1:0 of its code */
	__u8 reads;	/* it is a Read: its data are counted */
};

/* 0, or 1: there is no such command. */
static __always_inline int stoq_guard_find_asked(
	struct stoq_flow *flow, __u16 cid, struct stoq_guard_asked *asked)
{
	struct stoq_guard_far_key key;
	struct stoq_guard_r2t *far;
	__u64 packed;
	__u8 opcode;

	if (stoq_guard_in_slot(flow, cid)) {
		packed = stoq_own_slot(flow, cid)->packed;
		opcode = packed >> 40 & 0xff;
		asked->bytes = stoq_own_slot(flow, cid)->bytes;
		asked->direction = (opcode == NVME_OPCODE_FABRICS ? packed >> 58 : opcode) & 3;
		asked->reads = opcode == NVME_NVM_READ && (packed >> 56 & 1) == NVME_QUEUE_IO;
		return 0;
	}
	if (!flow->guard.far)
		return 1;
	key = stoq_guard_far_key(flow, cid, 0, STOQ_GUARD_FAR_COMMAND);
	far = bpf_map_lookup_elem(&stoq_guard_far, &key);
	if (!far)
		return 1;
	asked->bytes = far->end;
	asked->direction = far->ttag;
	asked->reads = 0; /* its data are not counted */
	return 0;
}

/* The first ICResp, to an ICReq, with values that hosts can use. */
static __always_inline int stoq_guard_is_plain_icresp(
	const struct stoq_flow *flow, const struct nvme_tcp_icresp_pdu *pdu)
{
	__u32 maxh2cdata = nvme_le32(pdu->maxh2cdata);

	return !flow->side[NVME_TCP_FROM_CONTROLLER].pdus && !nvme_le16(pdu->pfv) &&
	       pdu->cpda <= 31 && !(pdu->digest & ~(NVME_TCP_FLAG_HDGST | NVME_TCP_FLAG_DDGST)) &&
	       maxh2cdata >= NVME_TCP_MAXH2CDATA_MIN && maxh2cdata % 4 == 0;
}

/* ---- how much of a read has come ---- */

/* Its place among the R2Ts, which reads have none of: that of its slot, so no other command uses it. */
static __always_inline struct stoq_guard_r2t *stoq_guard_read_place(
	struct stoq_flow *flow, __u16 cid)
{
	struct stoq_guard_r2t *place = stoq_guard_r2t_slot(flow, cid);
	__u32 begun = stoq_own_slot(flow, cid)->packed & STOQ_GUARD_R2T_BEGUN;

	if (!stoq_guard_r2t_is(place, cid, 0, begun)) {
		place->cid = cid;
		place->ttag = 0;
		place->next = 0;
		place->end = 0;
		place->begun = begun;
	}
	return place;
}

/* ---- PDUs ---- */

/* To a command; a Read that has succeeded has all its data. */
static __always_inline int stoq_guard_answers(
	struct stoq_flow *flow, const struct nvme_tcp_rsp_pdu *pdu)
{
	__u16 cid = nvme_le16(pdu->cqe.command_id);
	struct stoq_guard_asked asked;

	if (stoq_guard_find_asked(flow, cid, &asked))
		return 0;
	return !asked.reads || nvme_status_code(nvme_le16(pdu->cqe.status)) ||
	       stoq_guard_read_place(flow, cid)->next == asked.bytes;
}

/* Within what the command asks for; those of a Read follow one another, and SUCCESS comes with the
 * last. */
static __always_inline int stoq_guard_data_fit(
	struct stoq_flow *flow, const struct nvme_tcp_data_pdu *pdu)
{
	__u32 offset = nvme_le32(pdu->data_offset), length = nvme_le32(pdu->data_length);
	__u16 cid = nvme_le16(pdu->command_id);
	struct stoq_guard_asked asked;
	struct stoq_guard_r2t *place;

	if (stoq_guard_find_asked(flow, cid, &asked) || !(asked.direction & 2) ||
		length > asked.bytes || offset > asked.bytes - length)
		return 0;
	if (!asked.reads)
		return 1;
	place = stoq_guard_read_place(flow, cid);
	if (offset != place->next ||
		((pdu->hdr.flags & NVME_TCP_FLAG_SUCCESS) && offset + length != asked.bytes))
		return 0;
	place->next = offset + length;
	return 1;
}

static __always_inline int stoq_guard_r2t_fits(
	struct stoq_flow *flow, const struct nvme_tcp_r2t_pdu *pdu)
{
	__u32 offset = nvme_le32(pdu->r2t_offset), length = nvme_le32(pdu->r2t_length);
	struct stoq_guard_asked asked;

	return !stoq_guard_find_asked(flow, nvme_le16(pdu->command_id), &asked) &&
	       (asked.direction & 1) && length && length <= asked.bytes &&
	       offset <= asked.bytes - length;
}

/* A whole header of the controller's. 0, or 1: the packet is to be dropped. */
__noinline int stoq_guard_shield(struct stoq_flow *flow, const struct nvme_tcp_icreq_pdu *pdu)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	int fits = 1;

	if (!flow || !pdu || !guard)
		return 1;
	if (flow->guard.ended & 1 << NVME_TCP_FROM_CONTROLLER)
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_SEQUENCE);
	if (pdu->hdr.type == NVME_TCP_ICRESP)
		fits = stoq_guard_is_plain_icresp(flow, (const void *)pdu);
	else if (pdu->hdr.type == NVME_TCP_CAPSULE_RESP)
		fits = stoq_guard_answers(flow, (const void *)pdu);
	else if (pdu->hdr.type == NVME_TCP_C2H_DATA)
		fits = stoq_guard_data_fit(flow, (const void *)pdu);
	else if (pdu->hdr.type == NVME_TCP_R2T)
		fits = stoq_guard_r2t_fits(flow, (const void *)pdu);
	return fits ? 0 : stoq_guard_drop(guard, STOQ_GUARD_DROP_CONTROLLER);
}
