/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Whether both ends keep to the protocol, in objects where STOQ_CHECKED is 1. There, each PDU takes the slow walk and comes by
 * here before it is taken.
 *
 * A verdict needs certainty, since what was not seen may explain everything. So nothing is held against a PDU
 * whose sender has acknowledged bytes of the other side that did not pass here (stoq_check_sees_other()), nor against
 * one about a command that began before a side was learned again (its epoch). That a command is not outstanding is only known of
 * a connection that was followed from its ICReq on (stoq_check_is_whole()). doc/design/checks.md.
 */
#include "bpf/stream/maps.bpf.h"
#include "bpf/stream/stream.bpf.h"
#include "nvme/nvme_tcp_check.h"
#include "nvme/nvme_tcp_taken.h"

/* As many as there are shared slots. What can be mapped begins at a page: each is in one cache line. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct stoq_check);
} stoq_checks SEC(".maps");

/* ---- what is certain ---- */

static __always_inline int stoq_check_is_whole(const struct stoq_flow *flow)
{
	return flow->from_start && !flow->check.holes && !flow->side[0].resyncs &&
	       !flow->side[1].resyncs;
}

/*
 * Whether all that the sender of the segment at hand had received was seen and taken. What it acknowledges passed
 * earlier: a hook that sees it is done with it before the receiver is.
 */
static __always_inline int stoq_check_sees_other(
	const struct stoq_flow *flow, const struct stoq_cpu *cpu)
{
	const struct stoq_flow_side *other = &flow->side[!(cpu->side & 1)];

	return other->state == STOQ_FLOW_SYNCED &&
	       !stoq_after(cpu->acknowledged, other->early ? stoq_wanted(other) : other->next_byte);
}

/* Never NULL, which the verifier cannot derive. */
static __always_inline struct stoq_check *stoq_check_at(__u64 owner)
{
	__u32 at = stoq_course_index(owner >> 16, owner & 0xffff, stoq_command_mask);

	return bpf_map_lookup_elem(&stoq_checks, &at);
}

/* What is known of this command, if it began since the last gap; else NULL. */
static __always_inline struct stoq_check *stoq_check_of(struct stoq_flow *flow, __u16 cid)
{
	__u64 owner = stoq_course_owner(flow->uid, cid);
	struct stoq_check *check = stoq_check_at(owner);

	return check && check->owner == owner && check->epoch == (__u16)flow->check.epoch ? check
											  : 0;
}

/* Whether a command with this identifier is certainly not outstanding. Global, so that it is verified once. */
__noinline int stoq_check_is_absent(struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 cid)
{
	if (!flow || !cpu || !stoq_check_is_whole(flow) || !stoq_check_sees_other(flow, cpu) ||
		stoq_slot_is(stoq_own_slot(flow, cid), stoq_own_owner(cid)))
		return 0;
	for (__u32 choice = 0; choice < STOQ_COMMAND_CHOICES; choice++)
		if (stoq_shared_find(flow->uid, cid, choice))
			return 0;
	return 1;
}

/* ---- verdicts ---- */

/* Whether this one is an event, too: so many of a flow, and the first of each kind. */
static __always_inline int stoq_violation_is_event(struct stoq_check_flow *check, __u32 kind)
{
	__u32 bit = 1u << kind;

	if (check->events >= STOQ_VIOLATION_EVENTS && (check->told & bit))
		return 0;
	check->told |= bit;
	check->events++;
	return 1;
}

/* cpu->violation has what the PDU is: counts it, reports it. */
__noinline int stoq_violation_report(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu)
{
	struct stoq_event_violation *event;
	__u32 kind;

	if (!flow || !cpu || !pdu)
		return 0;
	kind = STOQ_BOUND(cpu->violation.kind, STOQ_VIOLATIONS_ROOM);
	cpu->violations[kind]++;
	if (!stoq_violation_is_event(&flow->check, kind))
		return 0;
	event = bpf_ringbuf_reserve(&stoq_events, sizeof(*event), 0);
	if (!event) {
		stoq_count(cpu, STOQ_COUNT_EVENTS_LOST, 1);
		return 0;
	}
	event->type = STOQ_EVENT_VIOLATION;
	event->uid = flow->uid;
	event->time_ns = cpu->now_ns;
	event->violation = cpu->violation;
	event->side = cpu->side;
	event->header_bytes = kind == STOQ_VIOLATION_MALFORMED ? sizeof(pdu->hdr) : pdu->hdr.hlen;
	__builtin_memset(event->pad, 0, sizeof(event->pad));
	__builtin_memcpy(event->header, pdu, sizeof(event->header));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

static __always_inline void stoq_violate(struct stoq_flow *flow, struct stoq_cpu *cpu,
	struct nvme_tcp_icreq_pdu *pdu, __u32 kind, __u32 expected, __u32 came)
{
	cpu->violation.kind = kind;
	cpu->violation.expected = expected;
	cpu->violation.came = came;
	stoq_violation_report(flow, cpu, pdu);
}

/* No PDU where one has to begin, on a connection that was followed from its first byte. */
__noinline int stoq_check_malformed(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu)
{
	if (flow && cpu && pdu && stoq_check_is_whole(flow))
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_MALFORMED, 0, 0);
	return 0;
}

/* ---- what every PDU has ---- */

/* Its flags and the place of its data are what ICReq and ICResp agreed on. */
__noinline int stoq_check_front(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu)
{
	__u32 agreed, came, alignment;

	if (!flow || !cpu || !pdu || pdu->hdr.type < NVME_TCP_CAPSULE_CMD ||
		(flow->negotiated & (STOQ_NEGOTIATED_ICREQ | STOQ_NEGOTIATED_ICRESP)) !=
			(STOQ_NEGOTIATED_ICREQ | STOQ_NEGOTIATED_ICRESP))
		return 0;
	agreed = flow->negotiated & flow->negotiated >> STOQ_NEGOTIATED_ANSWER_SHIFT;
	came = pdu->hdr.flags & NVME_TCP_FLAG_HDGST;
	if (came != (agreed & NVME_TCP_FLAG_HDGST))
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_HEADER_DIGEST, !came, came);
	if (!nvme_tcp_data_length(&pdu->hdr))
		return 0;
	came = pdu->hdr.flags & NVME_TCP_FLAG_DDGST;
	if (came != (agreed & NVME_TCP_FLAG_DDGST))
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_DATA_DIGEST, !came, came != 0);
	alignment =
		((cpu->side == NVME_TCP_FROM_HOST ? flow->check.cpda : flow->check.hpda) + 1) * 4;
	if (pdu->hdr.pdo % alignment)
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_DATA_OFFSET, alignment, pdu->hdr.pdo);
	return 0;
}

static __always_inline void stoq_check_icresp(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu)
{
	__u32 offered = flow->negotiated & STOQ_NEGOTIATED_OFFER, agreed = pdu->digest;

	flow->check.maxh2cdata = nvme_le32(pdu->maxr2t);
	flow->check.cpda = pdu->hpda;
	if ((flow->negotiated & STOQ_NEGOTIATED_ICREQ) &&
		(agreed & STOQ_NEGOTIATED_OFFER & ~offered))
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_NEGOTIATION, offered, agreed);
}

/* ---- R2T and H2CData ---- */

static __always_inline int stoq_check_waits(const struct stoq_check_r2t *r2t)
{
	return r2t->next != r2t->end && !r2t->astray;
}

/*
 * What the R2Ts of a command look like for a PDU with this tag: an R2T that has the tag and waits for data (found), how many wait, a
 * tag that one of them has, and a place that is free.
 */
struct stoq_check_waiting {
	struct stoq_check_r2t *found, *room;
	__u32 count;
	__u32 ttag;
	__u32 astray;
};

static __always_inline void stoq_check_look(
	struct stoq_check_waiting *waiting, struct stoq_check *check, __u16 ttag)
{
	*waiting = (struct stoq_check_waiting){0};
	for (__u32 i = 0; i < STOQ_CHECK_R2TS; i++) {
		struct stoq_check_r2t *r2t = &check->r2ts[i];

		if (r2t->astray && r2t->ttag == ttag)
			waiting->astray = 1;
		if (!stoq_check_waits(r2t)) {
			waiting->room = r2t;
			continue;
		}
		waiting->count++;
		waiting->ttag = r2t->ttag;
		if (r2t->ttag == ttag)
			waiting->found = r2t;
	}
}

static __always_inline void stoq_check_keep_r2t(struct stoq_check *check,
	const struct stoq_check_waiting *waiting, const struct nvme_tcp_r2t_pdu *pdu)
{
	if (!waiting->room || waiting->found) {
		check->state |= STOQ_CHECK_LOOSE;
		return;
	}
	waiting->room->astray = 0;
	waiting->room->ttag = nvme_le16(pdu->ttag);
	waiting->room->next = nvme_le32(pdu->r2t_offset);
	waiting->room->end = nvme_le32(pdu->r2t_offset) + nvme_le32(pdu->r2t_length);
}

/* The record of an outstanding command; NULL: not known, or there is no such command, which `kind` is. */
static __always_inline struct stoq_check *stoq_check_outstanding(struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu, __u16 cid, __u32 kind)
{
	struct stoq_check *check = stoq_check_of(flow, cid);

	if (check && !(check->state & STOQ_CHECK_ENDED))
		return check;
	if (stoq_check_is_absent(flow, cpu, cid))
		stoq_violate(flow, cpu, pdu, kind, 0, 0);
	return 0;
}

__noinline int stoq_check_r2t(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu)
{
	const struct nvme_tcp_r2t_pdu *r2t = (const void *)pdu;
	struct stoq_check_waiting waiting;
	struct stoq_check *check;
	__u32 end;

	if (!flow || !cpu || !pdu)
		return 0;
	check = stoq_check_outstanding(
		flow, cpu, pdu, nvme_le16(r2t->command_id), STOQ_VIOLATION_R2T_NO_COMMAND);
	if (!check)
		return 0;
	if (!(check->flags & STOQ_CHECK_WRITES)) {
		stoq_violate(
			flow, cpu, pdu, STOQ_VIOLATION_R2T_UNWANTED, 0, nvme_le32(r2t->r2t_length));
		check->state |= STOQ_CHECK_LOOSE; /* the host may obey */
		return 0;
	}
	end = nvme_le32(r2t->r2t_offset) + nvme_le32(r2t->r2t_length);
	if (!(check->flags & STOQ_CHECK_NO_LENGTH) &&
		(end > check->bytes || end < nvme_le32(r2t->r2t_offset)))
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_R2T_BEYOND, check->bytes, end);
	stoq_check_look(&waiting, check, nvme_le16(r2t->ttag));
	if ((flow->negotiated & STOQ_NEGOTIATED_ICREQ) && waiting.count > flow->check.maxr2t &&
		stoq_check_sees_other(flow, cpu))
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_R2T_TOO_MANY, flow->check.maxr2t + 1,
			waiting.count + 1);
	stoq_check_keep_r2t(check, &waiting, r2t);
	return 0;
}

/* Data for an R2T: what comes next of it, no more than it asks for, and LAST with the last of it. */
__noinline int stoq_check_answer(struct stoq_flow *flow, struct stoq_cpu *cpu,
	struct nvme_tcp_icreq_pdu *pdu, struct stoq_check_r2t *r2t)
{
	const struct nvme_tcp_data_pdu *data = (const void *)pdu;
	__u32 length, left, last;

	if (!flow || !cpu || !pdu || !r2t)
		return 0;
	length = nvme_le32(data->data_length);
	left = r2t->end - r2t->next;
	last = (pdu->hdr.flags & NVME_TCP_FLAG_LAST) != 0;
	if (nvme_le32(data->data_offset) != r2t->next) {
		r2t->astray = 1;
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_DATA_ORDER, r2t->next,
			nvme_le32(data->data_offset));
		return 0;
	}
	if (length > left) {
		r2t->astray = 1;
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_DATA_BEYOND_R2T, left, length);
		return 0;
	}
	if (last != (length == left))
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_DATA_LAST, length == left, last);
	r2t->next += length;
	return 0;
}

__noinline int stoq_check_written(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu)
{
	const struct nvme_tcp_data_pdu *data = (const void *)pdu;
	struct stoq_check_waiting waiting;
	struct stoq_check *check;
	__u32 length;
	__u16 cid;

	if (!flow || !cpu || !pdu)
		return 0;
	cid = nvme_le16(data->command_id);
	length = nvme_le32(data->data_length);
	if (flow->check.maxh2cdata && length > flow->check.maxh2cdata)
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_DATA_TOO_LONG, flow->check.maxh2cdata,
			length);
	check = stoq_check_of(flow, cid);
	if (!check) {
		if (stoq_check_is_absent(flow, cpu, cid))
			stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_DATA_UNASKED, 0, length);
		return 0;
	}
	if ((check->state & STOQ_CHECK_LOOSE) || !stoq_check_sees_other(flow, cpu))
		return 0;
	stoq_check_look(&waiting, check, nvme_le16(data->ttag));
	if (waiting.found)
		stoq_check_answer(flow, cpu, pdu, waiting.found);
	else if (waiting.count)
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_DATA_TAG, waiting.ttag,
			nvme_le16(data->ttag));
	else if (!waiting.astray)
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_DATA_UNASKED, 0, length);
	return 0;
}

/* ---- C2HData ---- */

__noinline int stoq_check_read(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu)
{
	const struct nvme_tcp_data_pdu *data = (const void *)pdu;
	struct stoq_check *check;
	__u32 end;

	if (!flow || !cpu || !pdu)
		return 0;
	check = stoq_check_outstanding(
		flow, cpu, pdu, nvme_le16(data->command_id), STOQ_VIOLATION_READ_NO_COMMAND);
	if (!check)
		return 0;
	end = nvme_le32(data->data_offset) + nvme_le32(data->data_length);
	if (!(check->flags & STOQ_CHECK_READS))
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_READ_UNWANTED, 0,
			nvme_le32(data->data_length));
	else if (!(check->flags & STOQ_CHECK_NO_LENGTH) &&
		 (end > check->bytes || end < nvme_le32(data->data_offset)))
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_READ_BEYOND, check->bytes, end);
	return 0;
}

/* ---- PDUs and commands ---- */

/* A whole header, about to be taken. */
__noinline int stoq_check_pdu(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu)
{
	if (!flow || !cpu || !pdu)
		return 0;
	stoq_check_front(flow, cpu, pdu);
	switch (pdu->hdr.type) {
	case NVME_TCP_ICREQ:
		flow->check.maxr2t = nvme_le32(pdu->maxr2t);
		flow->check.hpda = pdu->hpda;
		break;
	case NVME_TCP_ICRESP:
		stoq_check_icresp(flow, cpu, pdu);
		break;
	case NVME_TCP_CAPSULE_RESP:
		stoq_check_outstanding(flow, cpu, pdu,
			nvme_le16(((const struct nvme_tcp_rsp_pdu *)(const void *)pdu)
					  ->cqe.command_id),
			STOQ_VIOLATION_RESPONSE_NO_COMMAND);
		break;
	case NVME_TCP_H2C_DATA:
		stoq_check_written(flow, cpu, pdu);
		break;
	case NVME_TCP_C2H_DATA:
		stoq_check_read(flow, cpu, pdu);
		break;
	case NVME_TCP_R2T:
		stoq_check_r2t(flow, cpu, pdu);
		break;
	default:
		break;
	}
	return 0;
}

/* What may be sent for a command, and how much of it. */
static __always_inline __u8 stoq_check_flags(const struct nvme_tcp_cmd_pdu *pdu, __u8 untimed)
{
	__u8 direction = nvme_sqe_direction(&pdu->sqe), flags = 0;

	if (direction & 2)
		flags |= STOQ_CHECK_READS;
	/* Data in the capsule are all that there are. */
	if ((direction & 1) && pdu->sqe.sgl1.type != NVME_SGL_DATA_BLOCK_OFFSET)
		flags |= STOQ_CHECK_WRITES;
	if (pdu->sqe.sgl1.type != NVME_SGL_DATA_BLOCK_OFFSET &&
		pdu->sqe.sgl1.type != NVME_SGL_TRANSPORT_DATA_BLOCK)
		flags |= STOQ_CHECK_NO_LENGTH;
	return untimed ? flags | STOQ_CHECK_UNTIMED : flags;
}

static __always_inline void stoq_check_take(struct stoq_check *check, struct stoq_flow *flow,
	struct stoq_cpu *cpu, const struct nvme_tcp_cmd_pdu *pdu, __u64 owner)
{
	if (check->owner && check->owner != owner && !(check->state & STOQ_CHECK_ENDED))
		stoq_count(cpu, STOQ_COUNT_CHECKS_FULL, 1);
	check->owner = 0;
	check->bytes = nvme_le32(pdu->sqe.sgl1.length);
	check->epoch = flow->check.epoch;
	check->flags = stoq_check_flags(pdu, cpu->command.untimed);
	check->state = 0;
	for (__u32 i = 0; i < STOQ_CHECK_R2TS; i++)
		check->r2ts[i] = (struct stoq_check_r2t){0};
	check->owner = owner;
}

/*
 * A command has begun; result: of stoq_command_begin(). One that takes the place of another with its identifier: event requests aside,
 * which SPDK's host takes for done when it shuts a controller down (lib/nvme/nvme_ctrlr.c), the other one has to have ended.
 */
__noinline int stoq_check_begun(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu, int result)
{
	const struct nvme_tcp_cmd_pdu *capsule = (const void *)pdu;
	struct stoq_check *check;
	__u64 owner;

	if (!flow || !cpu || !pdu)
		return 0;
	owner = stoq_course_owner(flow->uid, nvme_le16(capsule->sqe.command_id));
	check = stoq_check_at(owner);
	if (!check)
		return 0;
	if (result > 0 && check->owner == owner && !(check->flags & STOQ_CHECK_UNTIMED) &&
		!(check->state & STOQ_CHECK_ENDED) && stoq_check_is_whole(flow) &&
		stoq_check_sees_other(flow, cpu))
		stoq_violate(flow, cpu, pdu, STOQ_VIOLATION_CID_IN_USE, 0, 0);
	if (result)
		flow->check.holes = 1;
	stoq_check_take(check, flow, cpu, capsule, owner);
	return 0;
}

/* A command has ended, if it was known. */
__noinline int stoq_check_ended(struct stoq_flow *flow, __u32 cid)
{
	struct stoq_check *check;
	__u64 owner;

	if (!flow)
		return 0;
	owner = stoq_course_owner(flow->uid, cid);
	check = stoq_check_at(owner);
	if (check && check->owner == owner)
		check->state |= STOQ_CHECK_ENDED;
	return 0;
}

/* A side was learned again: what began before may have ended unseen. */
__noinline int stoq_check_forget(struct stoq_flow *flow)
{
	if (flow)
		__sync_fetch_and_add(&flow->check.epoch, 1);
	return 0;
}
