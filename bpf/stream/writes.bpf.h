/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Events of the commands that change blocks, in objects where STOQ_CHECKED is 1: each begin, with its blocks, and each end.
 * User space finds those that overlap (watch/overlaps.h). An event that finds no room in the ring is counted in
 * stoq_globals, and each later one carries the count: what was outstanding then is forgotten.
 */
#include "bpf/stream/maps.bpf.h"
#include "bpf/stream/stream.bpf.h"
#include "nvme/nvme_tcp_check.h"

#define STOQ_PROPERTY_CC     0x14 /* Controller Configuration (Base 3.1.3.5) */
#define STOQ_CC_ENABLE	     0x1
#define STOQ_CC_SHUTDOWN     0xc000
#define STOQ_DSM_DEALLOCATE  0x4 /* of CDW11 */
#define STOQ_WRITE_RANGE_MAX 256

/* Whether a command with this opcode changes blocks that its event has: Dataset Management does if it deallocates. */
static __always_inline int stoq_write_is_one(__u8 opcode)
{
	return opcode == NVME_NVM_WRITE || opcode == NVME_NVM_WRITE_UNCORRECTABLE ||
	       opcode == NVME_NVM_WRITE_ZEROES || opcode == NVME_NVM_DATASET_MANAGEMENT;
}

/* With what all of them have; the rest is 0. NULL: it is lost. */
static __always_inline struct stoq_event_write *stoq_write_event(
	const struct stoq_flow *flow, struct stoq_cpu *cpu, __u8 what, __u16 cid)
{
	struct stoq_event_write *event = bpf_ringbuf_reserve(&stoq_events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&stoq_globals[STOQ_GLOBAL_WRITES_LOST], 1);
		stoq_count(cpu, STOQ_COUNT_EVENTS_LOST, 1);
		return 0;
	}
	*event = (struct stoq_event_write){
		.type = STOQ_EVENT_WRITE,
		.uid = flow->uid,
		.time_ns = cpu->now_ns,
		.lost = *(volatile __u32 *)&stoq_globals[STOQ_GLOBAL_WRITES_LOST],
		.epoch = flow->check.epoch,
		.cid = cid,
		.what = what,
	};
	return event;
}

/* A guard's refusals are no writes: the opcode is the one on the wire. */
static __always_inline void stoq_write_begin(
	const struct stoq_flow *flow, struct stoq_cpu *cpu, const struct nvme_sqe *sqe)
{
	struct stoq_event_write *event;

	if (sqe->opcode == NVME_NVM_DATASET_MANAGEMENT &&
		!(nvme_le32(sqe->cdw11) & STOQ_DSM_DEALLOCATE))
		return;
	event = stoq_write_event(flow, cpu, STOQ_WRITE_BEGINS, nvme_le16(sqe->command_id));
	if (!event)
		return;
	event->opcode = sqe->opcode;
	event->nsid = nvme_le32(sqe->nsid);
	if (sqe->flags & NVME_SQE_FUSE_MASK)
		event->flags = STOQ_WRITE_FUSED;
	if (nvme_sqe_is_whole_namespace(sqe)) {
		event->blocks = STOQ_WRITE_ALL_BLOCKS;
	} else if (sqe->opcode != NVME_NVM_DATASET_MANAGEMENT) {
		event->slba = nvme_sqe_slba(sqe);
		event->blocks = nvme_sqe_block_count(sqe);
	}
	bpf_ringbuf_submit(event, 0);
}

/* The host tells the controller to stop, or to shut down: it will not go on with what is outstanding. */
static __always_inline void stoq_write_on_property(
	const struct stoq_flow *flow, struct stoq_cpu *cpu, const struct nvme_property_sqe *sqe)
{
	__u64 value = nvme_le64(sqe->value);
	struct stoq_event_write *event;

	if (sqe->fctype != NVME_FABRICS_PROPERTY_SET ||
		nvme_le32(sqe->offset) != STOQ_PROPERTY_CC ||
		((value & STOQ_CC_ENABLE) && !(value & STOQ_CC_SHUTDOWN)))
		return;
	event = stoq_write_event(flow, cpu, STOQ_WRITE_CONTROLLER_STOPS, 0);
	if (event)
		bpf_ringbuf_submit(event, 0);
}

/* A command has begun. */
__noinline int stoq_write_begun(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_cmd_pdu *pdu)
{
	__u32 nsid;

	if (!flow || !cpu || !pdu)
		return 0;
	nsid = nvme_le32(pdu->sqe.nsid);
	if (pdu->sqe.opcode == NVME_OPCODE_FABRICS)
		stoq_write_on_property(flow, cpu, (const void *)&pdu->sqe);
	else if (flow->kind == NVME_QUEUE_IO && nsid && nsid != 0xffffffff &&
		 stoq_write_is_one(pdu->sqe.opcode))
		stoq_write_begin(flow, cpu, &pdu->sqe);
	return 0;
}

/* One of the ranges in the capsule of a Dataset Management command. 0: it is not there. */
__noinline int stoq_write_range(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 at, __u32 cid)
{
	struct stoq_event_write *event;
	struct nvme_dsm_range range;

	if (!flow || !cpu || at + sizeof(range) > stoq_present(skb, cpu) ||
		bpf_skb_load_bytes(skb, cpu->payload_offset + at, &range, sizeof(range)))
		return 0;
	event = stoq_write_event(flow, cpu, STOQ_WRITE_RANGE, cid);
	if (!event)
		return 0;
	event->opcode = NVME_NVM_DATASET_MANAGEMENT;
	event->slba = nvme_le64(range.slba);
	event->blocks = nvme_le32(range.length_blocks);
	bpf_ringbuf_submit(event, 0);
	return 1;
}

/* The ranges of a Dataset Management command at this sequence number, as far as this packet has them. */
__noinline int stoq_write_ranges(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct nvme_tcp_cmd_pdu *pdu, __u32 sequence)
{
	__u32 at, count, cid;

	if (!flow || !cpu || !pdu || cpu->early || flow->kind != NVME_QUEUE_IO ||
		pdu->sqe.opcode != NVME_NVM_DATASET_MANAGEMENT ||
		!(nvme_le32(pdu->sqe.cdw11) & STOQ_DSM_DEALLOCATE))
		return 0;
	at = sequence + pdu->hdr.pdo - cpu->sequence;
	count = nvme_tcp_data_length(&pdu->hdr) / sizeof(struct nvme_dsm_range);
	if (count > (nvme_le32(pdu->sqe.cdw10) & 0xff) + 1)
		count = (nvme_le32(pdu->sqe.cdw10) & 0xff) + 1;
	cid = nvme_le16(pdu->sqe.command_id);
	for (__u32 i = 0; i < STOQ_WRITE_RANGE_MAX; i++) {
		if (i >= count || at >= cpu->payload_bytes ||
			!stoq_write_range(skb, flow, cpu, at, cid))
			break;
		at += sizeof(struct nvme_dsm_range);
	}
	return 0;
}

/* A command of this opcode has ended. */
__noinline int stoq_write_ended(struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 cid)
{
	struct stoq_event_write *event;

	if (!flow || !cpu || cpu->command.kind != NVME_QUEUE_IO ||
		!stoq_write_is_one(cpu->command.opcode))
		return 0;
	event = stoq_write_event(flow, cpu, STOQ_WRITE_ENDS, cid);
	if (!event)
		return 0;
	event->opcode = cpu->command.opcode;
	event->flags = cpu->early ? STOQ_WRITE_EARLY : 0;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* The host will not read completions any more, the connection has ended, or another one has its ports. */
__noinline int stoq_write_flow_ended(struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_event_write *event;

	if (!flow || !cpu || !flow->proven)
		return 0;
	event = stoq_write_event(flow, cpu, STOQ_WRITE_FLOW_ENDS, 0);
	if (!event)
		return 0;
	event->time_ns = bpf_ktime_get_ns();
	event->flags = flow->check.end == STOQ_CHECK_END_CLEAN ? 0 : STOQ_WRITE_MISSED;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/*
 * The segment at hand has a FIN or RST: has all passed here that its sender acknowledges, and all before it? A host that
 * has sent one is done with what is outstanding, though the other end may never answer.
 */
__noinline int stoq_write_look_at_end(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct stoq_segment *segment)
{
	const struct stoq_flow_side *own, *other, *controller;

	if (!flow || !cpu || !segment)
		return 0;
	own = &flow->side[cpu->side & 1];
	other = &flow->side[!(cpu->side & 1)];
	controller = &flow->side[NVME_TCP_FROM_CONTROLLER];
	/* The other one's FIN has a sequence number, too. */
	if (own->state != STOQ_FLOW_SYNCED || other->state != STOQ_FLOW_SYNCED ||
		controller->early || stoq_after(segment->sequence, own->next_byte) ||
		(segment->ack && stoq_after(segment->acknowledged, other->next_byte + 1)))
		flow->check.end = STOQ_CHECK_END_MISSED;
	else if (!flow->check.end)
		flow->check.end = STOQ_CHECK_END_CLEAN;
	if (cpu->side == NVME_TCP_FROM_HOST && !own->finished)
		stoq_write_flow_ended(flow, cpu);
	return 0;
}
