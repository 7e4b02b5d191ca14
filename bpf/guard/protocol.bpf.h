/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Strict: what a host may send next. ICReq, then Connect, then commands, as many as the queue has
 * places, none with the identifier of another; data only as an R2T asks for it. Targets have
 * crashed on all of the others. What is known of a connection is known only if it was followed from
 * its first byte; doc/design/guard-program.md describes where it is kept, and what happens when there is
 * no room.
 */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"
#include "bpf/stream/maps.bpf.h"
#include "nvme/nvme_tcp_check.h"
#include "nvme/nvme_tcp_taken.h"

/* The last bytes of the names in Connect's data. */

#define STOQ_GUARD_MAXR2T 0xffffu /* 0's based: TTAGs have 16 bits */
#define STOQ_GUARD_TRANSFER_PLAIN                                                                  \
	(128u << 10)		   /* as long as this, a transfer is beyond question               \
				    */
#define STOQ_GUARD_BLOCK_SHIFT	17 /* a block has at most 128 KiB, metadata included */
#define STOQ_GUARD_TRANSFER_MAX NVME_TCP_DATA_MAX

/* ---- commands outstanding that are not in the slots of their flow ---- */

static __always_inline struct stoq_guard_far_key stoq_guard_far_key(
	const struct stoq_flow *flow, __u16 cid, __u16 ttag, __u32 kind)
{
	return (struct stoq_guard_far_key){
		.uid = flow->uid, .cid = cid, .ttag = ttag, .kind = kind};
}

static __always_inline int stoq_guard_in_slot(struct stoq_flow *flow, __u16 cid)
{
	return stoq_slot_is(stoq_own_slot(flow, cid), stoq_own_owner(cid));
}

/* Whether stoq_command_begin() will find the flow's slot free for this command. */
static __always_inline int stoq_guard_gets_slot(
	struct stoq_flow *flow, __u16 cid, const struct nvme_sqe *sqe)
{
	if (stoq_keep_details ||
		(sqe->opcode != NVME_OPCODE_FABRICS && nvme_le32(sqe->nsid) >= STOQ_SLOT_NSID_FAR))
		return 0;
	return stoq_slot_is(stoq_own_slot(flow, cid), STOQ_COMMAND_FREE);
}

/*
 * Remembers a command that gets no slot, and what data it asks for. 0, or the reason why that
 * cannot be.
 */
__noinline int stoq_guard_begin_far(struct stoq_flow *flow, __u32 cid, __u32 direction, __u32 bytes)
{
	struct stoq_guard_r2t asked = {.cid = cid, .ttag = direction, .end = bytes};
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct stoq_guard_far_key key;

	if (!flow || !guard)
		return STOQ_GUARD_DROP_NO_ROOM;
	key = stoq_guard_far_key(flow, cid, 0, STOQ_GUARD_FAR_COMMAND);
	if (bpf_map_update_elem(&stoq_guard_far, &key, &asked, BPF_NOEXIST))
		return bpf_map_lookup_elem(&stoq_guard_far, &key) ? STOQ_GUARD_DROP_CID_IN_USE
								  : STOQ_GUARD_DROP_NO_ROOM;
	__sync_fetch_and_add(&flow->guard.far, 1);
	guard->begun_far = 1;
	return 0;
}

/* The command is done, or its packet does not pass. */
__noinline int stoq_guard_end_far(struct stoq_flow *flow, __u32 cid)
{
	struct stoq_guard_far_key key;

	if (!flow)
		return 0;
	key = stoq_guard_far_key(flow, cid, 0, STOQ_GUARD_FAR_COMMAND);
	if (bpf_map_delete_elem(&stoq_guard_far, &key) == 0)
		__sync_fetch_and_add(&flow->guard.far, -1);
	return 0;
}

/*
 * Which of the commands with this identifier is outstanding: when it began, as far as that tells it
 * from the next one. -1: there is none.
 */
static __always_inline __s64 stoq_guard_begun(struct stoq_flow *flow, __u16 cid)
{
	struct stoq_guard_far_key key;

	if (stoq_guard_in_slot(flow, cid))
		return stoq_own_slot(flow, cid)->packed & STOQ_GUARD_R2T_BEGUN;
	if (!flow->guard.far)
		return -1;
	key = stoq_guard_far_key(flow, cid, 0, STOQ_GUARD_FAR_COMMAND);
	return bpf_map_lookup_elem(&stoq_guard_far, &key) ? 0 : -1;
}

/*
 * What is known of the controller's side may be less than what the host knows: then a command that
 * seems to be outstanding may be done.
 */
static __always_inline int stoq_guard_knows_completions(const struct stoq_flow *flow)
{
	const struct stoq_flow_side *side = &flow->side[NVME_TCP_FROM_CONTROLLER];

	return side->state == STOQ_FLOW_SYNCED && !side->resyncs;
}

/* ---- R2Ts ---- */

static __always_inline struct stoq_guard_r2t *stoq_guard_r2t_slot(struct stoq_flow *flow, __u16 cid)
{
	return &flow->r2ts[STOQ_BOUND(cid, STOQ_GUARD_R2TS)];
}

static __always_inline int stoq_guard_r2t_is(
	const struct stoq_guard_r2t *r2t, __u16 cid, __u16 ttag, __u32 begun)
{
	return r2t->cid == cid && r2t->ttag == ttag &&
	       (r2t->begun & ~STOQ_GUARD_R2T_JOINED) == begun;
}

/* Whether data for it may still come: its place is not to be had. */
static __always_inline int stoq_guard_r2t_waits(
	struct stoq_flow *flow, const struct stoq_guard_r2t *r2t)
{
	return r2t->next != r2t->end &&
	       stoq_guard_begun(flow, r2t->cid) == (r2t->begun & ~STOQ_GUARD_R2T_JOINED);
}

/* An R2T of the controller's, which is trusted. */
__noinline int stoq_guard_on_r2t(struct stoq_flow *flow, const struct nvme_tcp_r2t_pdu *pdu)
{
	struct stoq_guard_r2t fresh = {0}, *r2t;
	struct stoq_guard_far_key key;
	__s64 begun;

	if (!flow || !pdu)
		return 0;
	fresh.cid = nvme_le16(pdu->command_id);
	fresh.ttag = nvme_le16(pdu->ttag);
	fresh.next = nvme_le32(pdu->r2t_offset);
	fresh.end = fresh.next + nvme_le32(pdu->r2t_length);
	begun = stoq_guard_begun(flow, fresh.cid);
	if (begun < 0)
		return 0;
	fresh.begun = begun;
	r2t = stoq_guard_r2t_slot(flow, fresh.cid);
	if (!stoq_guard_r2t_waits(flow, r2t)) {
		*r2t = fresh;
		return 0;
	}
	if (stoq_guard_r2t_is(r2t, fresh.cid, fresh.ttag, fresh.begun) && r2t->end == fresh.next) {
		r2t->begun |= STOQ_GUARD_R2T_JOINED;
		r2t->end = fresh.end;
		return 0;
	}
	key = stoq_guard_far_key(flow, fresh.cid, fresh.ttag, STOQ_GUARD_FAR_R2T);
	bpf_map_update_elem(&stoq_guard_far, &key, &fresh, BPF_ANY);
	flow->guard.far_r2ts = 1;
	return 0;
}

/* The R2T that data with this identifier and tag can be for, or NULL. */
static __always_inline struct stoq_guard_r2t *stoq_guard_r2t_find(
	struct stoq_flow *flow, __u16 cid, __u16 ttag)
{
	struct stoq_guard_r2t *r2t = stoq_guard_r2t_slot(flow, cid);
	__s64 begun = stoq_guard_begun(flow, cid);
	struct stoq_guard_far_key key;

	if (begun < 0)
		return 0;
	if (stoq_guard_r2t_is(r2t, cid, ttag, begun) && r2t->next != r2t->end)
		return r2t;
	if (!flow->guard.far_r2ts)
		return 0;
	key = stoq_guard_far_key(flow, cid, ttag, STOQ_GUARD_FAR_R2T);
	r2t = bpf_map_lookup_elem(&stoq_guard_far, &key);
	return r2t && stoq_guard_r2t_is(r2t, cid, ttag, begun) ? r2t : 0;
}

/*
 * Data from the host: what an R2T asked for, from where it left off, no more of it than that and
 * than the controller takes in a PDU, and LAST with the last of it. 0, or 1: they are not that.
 * take: the data pass, the R2T has been answered so far.
 */
__noinline int stoq_guard_take_data(
	struct stoq_flow *flow, const struct nvme_tcp_data_pdu *pdu, __u32 take)
{
	struct stoq_guard_r2t *r2t;
	__u32 length, last;

	if (!flow || !pdu)
		return 1;
	r2t = stoq_guard_r2t_find(flow, nvme_le16(pdu->command_id), nvme_le16(pdu->ttag));
	length = nvme_le32(pdu->data_length);
	if (!r2t || nvme_le32(pdu->data_offset) != r2t->next || length > r2t->end - r2t->next ||
		(flow->guard.maxh2c && length > flow->guard.maxh2c))
		return 1;
	last = (pdu->hdr.flags & NVME_TCP_FLAG_LAST) != 0;
	if (last != (length == r2t->end - r2t->next) && !(r2t->begun & STOQ_GUARD_R2T_JOINED))
		return 1;
	if (take)
		r2t->next += length;
	return 0;
}

/* ---- the order of things ---- */

/* An ICReq that every target agrees to, or refuses in the same way. */
static __always_inline int stoq_guard_is_plain_icreq(const struct nvme_tcp_icreq_pdu *pdu)
{
	return !nvme_le16(pdu->pfv) && pdu->hpda <= 31 &&
	       !(pdu->digest & ~(NVME_TCP_FLAG_HDGST | NVME_TCP_FLAG_DDGST)) &&
	       nvme_le32(pdu->maxr2t) <= STOQ_GUARD_MAXR2T;
}

/* Whether a command may come now: Connect on a fresh queue, others once it has been accepted. */
static __always_inline int stoq_guard_is_its_turn(
	const struct stoq_flow *flow, const struct nvme_sqe *sqe)
{
	return flow->connect_accepted || (!flow->connected && stoq_guard_is_connect(sqe));
}

/* Whether the queue has a place for one more. The other side's count is on another CPU's line. */
static __always_inline int stoq_guard_has_place(struct stoq_flow *flow)
{
	struct stoq_flow_side *side = &flow->side[NVME_TCP_FROM_HOST];

	if (side->commands < side->commands_limit)
		return 1;
	side->commands_limit = flow->side[NVME_TCP_FROM_CONTROLLER].commands + flow->sqsize + 1;
	return side->commands < side->commands_limit || !stoq_guard_knows_completions(flow);
}

/*
 * An event request, which waits without a limit. When SPDK's host shuts a controller down, it takes those
 * for done that are outstanding, and uses their identifiers again (lib/nvme/nvme_ctrlr.c).
 */
static __always_inline int stoq_guard_is_event_request(struct stoq_flow *flow, __u16 cid)
{
	return stoq_own_slot(flow, cid)->packed >> STOQ_SLOT_UNTIMED_SHIFT & 1;
}

/* Remembers that a command begins. 0, or the reason why it cannot be. */
static __always_inline int stoq_guard_begin(struct stoq_flow *flow, const struct nvme_sqe *sqe)
{
	__u16 cid = nvme_le16(sqe->command_id);

	if (stoq_guard_in_slot(flow, cid))
		return stoq_guard_knows_completions(flow) && !stoq_guard_is_event_request(flow, cid)
			       ? STOQ_GUARD_DROP_CID_IN_USE
			       : 0;
	if (!stoq_guard_gets_slot(flow, cid, sqe))
		return stoq_guard_begin_far(
			flow, cid, nvme_sqe_direction(sqe), nvme_le32(sqe->sgl1.length));
	return flow->guard.far && stoq_guard_begun(flow, cid) >= 0 ? STOQ_GUARD_DROP_CID_IN_USE : 0;
}

/* A command: its turn, its data, its identifier, its place. 0, or the reason to drop its packet. */
static __always_inline int stoq_guard_admit(
	struct stoq_flow *flow, const struct nvme_sqe *sqe, __u32 data)
{
	if (!stoq_guard_is_its_turn(flow, sqe))
		return STOQ_GUARD_DROP_SEQUENCE;
	if (!stoq_guard_capsule_fits(flow, sqe, data))
		return STOQ_GUARD_DROP_CAPSULE;
	if (flow->connect_accepted && !stoq_guard_has_place(flow))
		return STOQ_GUARD_DROP_QUEUE_FULL;
	return stoq_guard_begin(flow, sqe);
}

/* The packet of this command does not pass after all. */
static __always_inline void stoq_guard_take_back(struct stoq_flow *flow, const struct nvme_sqe *sqe)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (guard && guard->begun_far)
		stoq_guard_end_far(flow, nvme_le16(sqe->command_id));
}

/* What comes before commands can. 0, or the reason to drop its packet. */
static __always_inline int stoq_guard_turn(
	const struct stoq_flow *flow, const struct nvme_tcp_icreq_pdu *pdu)
{
	if (pdu->hdr.type != NVME_TCP_ICREQ)
		return flow->guard.icresp && !(flow->guard.ended & 1 << NVME_TCP_FROM_HOST)
			       ? 0
			       : STOQ_GUARD_DROP_SEQUENCE;
	if (flow->side[NVME_TCP_FROM_HOST].pdus)
		return STOQ_GUARD_DROP_SEQUENCE;
	return stoq_guard_is_plain_icreq(pdu) ? 0 : STOQ_GUARD_DROP_NEGOTIATION;
}

/*
 * A whole header from the host. 0, or 1: the packet is to be dropped. Where the guard is not
 * strict, it remembers all the same: the next policy may be.
 */
__noinline int stoq_guard_protocol(struct stoq_flow *flow, const struct nvme_tcp_icreq_pdu *pdu)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	const struct nvme_sqe *sqe;
	int why;

	if (!flow || !pdu || !guard)
		return 1;
	guard->begun_far = 0;
	if (!flow->guard.opened || flow->side[NVME_TCP_FROM_HOST].resyncs)
		return 0;
	sqe = &((const struct nvme_tcp_cmd_pdu *)(const void *)pdu)->sqe;
	if (!guard->strict) {
		if (pdu->hdr.type == NVME_TCP_CAPSULE_CMD)
			stoq_guard_begin(flow, sqe);
		return 0;
	}
	why = stoq_guard_turn(flow, pdu);
	if (!why && pdu->hdr.type == NVME_TCP_CAPSULE_CMD)
		why = stoq_guard_admit(flow, sqe, nvme_tcp_data_length(&pdu->hdr));
	if (!why && pdu->hdr.type == NVME_TCP_H2C_DATA &&
		stoq_guard_take_data(flow, (const void *)pdu, 0))
		why = STOQ_GUARD_DROP_NO_R2T;
	return why ? stoq_guard_drop(guard, why) : 0;
}

/* The controller's answer about how the connection is to be used. */
static __always_inline void stoq_guard_on_icresp(
	struct stoq_flow *flow, const struct nvme_tcp_icresp_pdu *pdu)
{
	flow->guard.digests = pdu->digest;
	flow->guard.digests_known = NVME_TCP_FLAG_HDGST | NVME_TCP_FLAG_DDGST;
	flow->guard.cpda = pdu->cpda;
	flow->guard.maxh2c = nvme_le32(pdu->maxh2cdata);
	flow->guard.icresp = 1;
}

/* ---- lengths ---- */

/* Commands whose data are blocks, as many as they say. */
static __always_inline int stoq_guard_moves_blocks(
	const struct stoq_flow *flow, const struct nvme_sqe *sqe)
{
	__u8 opcode = sqe->opcode;

	return flow->connected && flow->kind == NVME_QUEUE_IO &&
	       (opcode == NVME_NVM_READ || opcode == NVME_NVM_WRITE || opcode == NVME_NVM_COMPARE ||
		       opcode == NVME_ZNS_ZONE_APPEND);
}

/*
 * What its SGL says that a command moves: data in the capsule or in data PDUs, and no more than its
 * blocks can have. nvmet allocates memory for it before it looks at anything else. The status of a
 * refusal, or 0.
 */
static __always_inline __u16 stoq_guard_transfer_status(
	const struct stoq_flow *flow, const struct nvme_sqe *sqe)
{
	__u32 length = nvme_le32(sqe->sgl1.length);
	__u64 limit = STOQ_GUARD_TRANSFER_MAX;

	if (length && sqe->sgl1.type != NVME_SGL_DATA_BLOCK_OFFSET &&
		sqe->sgl1.type != NVME_SGL_TRANSPORT_DATA_BLOCK)
		return NVME_STATUS(0, 0x11); /* SGL Descriptor Type Invalid */
	if (length <= STOQ_GUARD_TRANSFER_PLAIN)
		return 0;
	if (stoq_guard_moves_blocks(flow, sqe) &&
		(__u64)nvme_sqe_block_count(sqe) << STOQ_GUARD_BLOCK_SHIFT < limit)
		limit = (__u64)nvme_sqe_block_count(sqe) << STOQ_GUARD_BLOCK_SHIFT;
	return length > limit ? NVME_STATUS(0, 0x0f) : 0; /* Data SGL Length Invalid */
}

/* Strict: a command that the policy allows is refused for its length. 0, or 1: drop. */
__noinline int stoq_guard_limit(struct stoq_flow *flow, const struct nvme_tcp_cmd_pdu *pdu)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	__u16 status;

	if (!flow || !pdu || !guard)
		return 1;
	if (!guard->strict || guard->decision.verdict != STOQ_GUARD_ALLOW)
		return 0;
	status = stoq_guard_transfer_status(flow, &pdu->sqe);
	if (status)
		stoq_guard_refuse_by_ourselves(guard, status);
	return 0;
}
