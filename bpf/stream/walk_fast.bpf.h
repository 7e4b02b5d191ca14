/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * The walk over PDUs as they nearly always are: whole, with a common header that was seen before;
 * commands of I/O queues, their data, their success. These are taken here with as few
 * instructions as we know how. All else is left to stoq_walk_one(), which handles all
 * cases, and does the same for these.
 */
#include "bpf/stream/hooks.bpf.h"
#include "bpf/stream/maps.bpf.h"
#include "bpf/stream/refused_shared.h"
#include "bpf/stream/stream.bpf.h"
#include "nvme/nvme_tcp_check.h"

#define STOQ_WALK_FAST 32 /* at a time: the verifier follows each turn */

/* The series counted last: one packet's completions belong to the same one, as a rule. */
struct stoq_tally {
	struct stoq_series *series; /* NULL: none yet */
	__u64 class;		    /* what its key has of a command */
};

/*
 * A command to one namespace; on a queue whose Connect was not seen, it must not look as if the
 * queue were an admin queue. Events want more to be kept of a command than is kept here.
 */
static __always_inline int stoq_is_plain(const struct stoq_flow *flow, const struct nvme_sqe *sqe)
{
	__u32 nsid = nvme_le32(sqe->nsid);

	if (stoq_keep_details || flow->kind != NVME_QUEUE_IO || !nsid || nsid >= STOQ_SLOT_NSID_FAR)
		return 0;
	return sqe->opcode != NVME_OPCODE_FABRICS && !stoq_refused_is_code(sqe->opcode) &&
	       (flow->connected || sqe->opcode != NVME_ADMIN_IDENTIFY);
}

/* 0: the command is not one for the fast walk. Global, so that the verifier follows it once. */
__noinline int stoq_fast_begin(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_cmd_pdu *pdu)
{
	__u16 cid;
	__u32 bytes;
	__u64 packed;
	int result;

	if (!flow || !cpu || !pdu || !stoq_is_plain(flow, &pdu->sqe))
		return 0;
	cid = nvme_le16(pdu->sqe.command_id);
	bytes = stoq_transfer_bytes(&pdu->sqe, 0);
	packed = stoq_slot_pack(&(struct stoq_command){
		.start_ns = cpu->now_ns,
		.opcode = pdu->sqe.opcode,
		.nsid = nvme_le32(pdu->sqe.nsid),
		.kind = NVME_QUEUE_IO,
	});
	result = stoq_own_take(flow, cid, bytes, packed);
	if (result < 0)
		result = stoq_shared_take(flow->uid, cid, 0, bytes, packed);
	if (result >= 0)
		stoq_on_begun(flow, cpu, cid, result, 0);
	if (STOQ_STAGED && result > 0)
		stoq_stage_forget(flow, cid);
	return result >= 0;
}

/* Looks up the series of the command in this slot. 0: it needs more than that. */
static __always_inline int stoq_tally_find(
	struct stoq_tally *tally, struct stoq_cpu *cpu, __u32 uid, const struct stoq_slot *slot)
{
	struct stoq_command *command = &cpu->command;
	struct stoq_series_key key;

	stoq_slot_unpack(command, slot);
	if (command->untimed || command->nsid == STOQ_SLOT_NSID_FAR)
		return 0;
	key = stoq_series_key_of(uid, command);
	tally->series = bpf_map_lookup_elem(&stoq_series, &key);
	tally->class = slot->packed >> STOQ_SLOT_CLASS_SHIFT;
	return tally->series != 0;
}

/* Where this command is: in its flow's slot, or in its first choice of a shared one. NULL: neither.
 */
static __always_inline struct stoq_slot *stoq_fast_slot(struct stoq_flow *flow, __u16 cid)
{
	struct stoq_slot *slot = stoq_own_slot(flow, cid);

	return stoq_slot_is(slot, stoq_own_owner(cid)) ? slot : stoq_shared_find(flow->uid, cid, 0);
}

/* 0: the completion is not one for the fast walk. */
static __always_inline int stoq_fast_end(struct stoq_flow *flow, struct stoq_flow_side *side,
	struct stoq_cpu *cpu, struct stoq_tally *tally, __u16 cid)
{
	struct stoq_slot *slot = stoq_fast_slot(flow, cid);
	__u64 latency_ns;

	if (!slot)
		return 0;
	latency_ns = (cpu->now_ns - slot->packed) & (STOQ_SLOT_TIME - 1);
	if (latency_ns >= stoq_slow_ns)
		return 0;
	if ((!tally->series || tally->class != slot->packed >> STOQ_SLOT_CLASS_SHIFT) &&
		!stoq_tally_find(tally, cpu, flow->uid, slot))
		return 0;
	tally->series->commands++;
	tally->series->bytes += slot->bytes;
	stoq_series_time(tally->series, latency_ns);
	stoq_slot_free(slot);
	side->commands++;
	if (STOQ_STAGED)
		stoq_stages_end(cpu, (struct stoq_series_staged *)tally->series,
			stoq_course_owner(flow->uid, cid), latency_ns);
	return 1;
}

/* R2T, or data that complete no command. Always 1. */
static __always_inline int stoq_fast_stage(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_hdr *hdr, __u32 end)
{
	if (STOQ_STAGED)
		stoq_stage_pdu(flow, cpu, (void *)hdr, end);
	return 1;
}

/*
 * What a PDU means that has so much data, and ends before payload position `end`. 0: it is not one
 * for the fast walk, or wrong.
 */
static __always_inline int stoq_fast_pdu(struct stoq_flow *flow, struct stoq_flow_side *side,
	struct stoq_cpu *cpu, struct stoq_tally *tally, struct nvme_tcp_hdr *hdr, __u32 data_length,
	__u32 end)
{
	struct nvme_tcp_cmd_pdu *capsule = (void *)hdr;
	const struct nvme_tcp_rsp_pdu *response = (const void *)hdr;
	const struct nvme_tcp_data_pdu *data = (const void *)hdr;

	switch (hdr->type) {
	case NVME_TCP_CAPSULE_CMD:
		return !stoq_hook_sees_hosts() && nvme_tcp_check_command(capsule, data_length) &&
		       stoq_fast_begin(flow, cpu, capsule);
	case NVME_TCP_CAPSULE_RESP:
		return !nvme_status_code(nvme_le16(response->cqe.status)) &&
		       stoq_fast_end(flow, side, cpu, tally, nvme_le16(response->cqe.command_id));
	case NVME_TCP_C2H_DATA:
		if (!nvme_tcp_check_data(data, data_length))
			return 0;
		if (!(hdr->flags & NVME_TCP_FLAG_SUCCESS))
			return stoq_fast_stage(flow, cpu, hdr, end);
		return end <= cpu->payload_bytes && stoq_fast_stage(flow, cpu, hdr, end) &&
		       stoq_fast_end(flow, side, cpu, tally, nvme_le16(data->command_id));
	case NVME_TCP_H2C_DATA:
		return nvme_tcp_check_data(data, data_length) &&
		       stoq_fast_stage(flow, cpu, hdr, end);
	case NVME_TCP_R2T:
		return !stoq_hook_sees_r2ts() && stoq_fast_stage(flow, cpu, hdr, end);
	default:
		return 0;
	}
}

/* The response to Connect is to come. */
static __always_inline int stoq_awaits_connect(
	const struct stoq_flow *flow, const struct stoq_cpu *cpu)
{
	return cpu->side == NVME_TCP_FROM_CONTROLLER && flow->connected && !flow->connect_accepted;
}

/* Takes some PDUs; DONE, MORE or SLOW. */
__noinline int stoq_walk_fast(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_tally tally = {0};
	struct stoq_flow_side *side;
	__u32 at, need;

	if (!flow || !cpu || STOQ_CHECKED)
		return STOQ_WALK_SLOW;
	side = stoq_side(flow, cpu);
	if (stoq_hook_sees_hosts() && cpu->side == NVME_TCP_FROM_HOST)
		return STOQ_WALK_SLOW;
	if (stoq_report_pdus || cpu->early || side->cursor.carry_bytes ||
		stoq_awaits_connect(flow, cpu) || stoq_hook_sees_all(flow, cpu))
		return STOQ_WALK_SLOW;
	need = cpu->side == NVME_TCP_FROM_HOST ? sizeof(struct nvme_tcp_cmd_pdu)
					       : sizeof(struct nvme_tcp_rsp_pdu);
	for (__u64 i = 0; i < STOQ_WALK_FAST; i++) {
		const struct stoq_known *known;
		struct nvme_tcp_hdr *hdr;

		at = side->cursor.next_header - cpu->sequence;
		if (at >= cpu->payload_bytes)
			return STOQ_WALK_DONE;
		if (!stoq_window_has(cpu, at, need)) {
			stoq_load_window(skb, cpu, at);
			if (cpu->window_bytes < need)
				return STOQ_WALK_SLOW;
		}
		hdr = stoq_window_header(cpu, at);
		known = &cpu->known[STOQ_BOUND(hdr->type, STOQ_TYPES_ROOM)];
		if (known->header != *(const __u64 *)hdr ||
			nvme_tcp_sender(hdr->type) != cpu->side ||
			!stoq_fast_pdu(flow, side, cpu, &tally, hdr, known->data_length,
				at + nvme_le32(hdr->plen)))
			return STOQ_WALK_SLOW;
		if (hdr->flags & (NVME_TCP_FLAG_HDGST | NVME_TCP_FLAG_DDGST))
			stoq_note_digests(flow, hdr);
		cpu->pdu_types[STOQ_BOUND(hdr->type, STOQ_TYPES_ROOM)]++;
		side->pdus++;
		side->cursor.next_header += nvme_le32(hdr->plen);
	}
	return STOQ_WALK_MORE;
}
