/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The policy's verdict on a command: which class its connection has, what blocks it touches. */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"
#include "nvme/nvme_tcp_check.h"

struct stoq_guard_text {
	char text[NVME_NQN_LENGTH];
};

/* The class of a name. A global function, like the others here: verified once. */
__noinline int stoq_guard_class(
	const struct stoq_guard_names *names, const struct stoq_guard_text *text)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (!guard || !names || !text)
		return STOQ_GUARD_CLASS_UNKNOWN;
	stoq_guard_nqn_load(&guard->nqn, text->text);
	return stoq_guard_classify(names, &guard->nqn);
}

/* An admin queue's Connect that has passed, whose host was not compared with the others, or before it was accepted. */
static __always_inline void stoq_guard_meet_passed(struct stoq_flow *flow,
	struct stoq_guard_installed *installed, const struct nvme_connect_data *data,
	__u32 accepted)
{
	__u32 how = accepted ? STOQ_GUARD_MEET_ACCEPTED : 0;

	if ((flow->guard.connect & (STOQ_GUARD_CONNECT_JUDGED | STOQ_GUARD_CONNECT_MET)) ==
		STOQ_GUARD_CONNECT_JUDGED)
		how |= STOQ_GUARD_MEET_REFUSABLE;
	if (stoq_guard_meet_host(flow, installed, data, how))
		flow->guard.connect |= STOQ_GUARD_CONNECT_BARRED;
}

/*
 * A Connect whose data came behind its header, or before this program: it has passed. In the former case all that follows is refused
 * if it had been. guard->nqn has the host's name.
 */
static __always_inline void stoq_guard_meet_late(struct stoq_flow *flow,
	struct stoq_guard_installed *installed, const struct nvme_connect_data *data)
{
	if (!flow->qid)
		stoq_guard_meet_passed(flow, installed, data, flow->connect_accepted);
	else if ((flow->guard.connect & STOQ_GUARD_CONNECT_LATE) &&
		 stoq_guard_meet_controller(data))
		flow->guard.connect |= STOQ_GUARD_CONNECT_BARRED;
}

/*
 * An admin queue's Connect is being accepted: its host takes its place, unless another machine has taken one since the Connect passed.
 * Then all that follows is refused in its place.
 */
__noinline int stoq_guard_note_host(struct stoq_flow *flow)
{
	struct stoq_guard_installed *installed = stoq_guard_policy();
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct nvme_connect_data *data;

	if (!flow || !guard || !installed || !flow->guard.named)
		return 0;
	data = stoq_guard_names_of(flow->uid);
	if (!data)
		return 0;
	stoq_guard_nqn_load(&guard->nqn, data->hostnqn);
	stoq_guard_meet_passed(flow, installed, data, 1);
	return 0;
}

/* Looks up the flow's classes in a policy. */
__noinline int stoq_guard_classify_flow(
	struct stoq_flow *flow, struct stoq_guard_installed *installed)
{
	struct nvme_connect_data *data = 0;
	__u32 uid;

	if (!flow || !installed)
		return 0;
	uid = flow->uid;
	if (flow->guard.named)
		data = stoq_guard_names_of(uid);
	flow->guard.host_class = STOQ_GUARD_CLASS_UNKNOWN;
	flow->guard.subsystem_class = STOQ_GUARD_CLASS_UNKNOWN;
	if (data) {
		flow->guard.subsystem_class =
			stoq_guard_class(&installed->policy.subsystems, (void *)data->subnqn);
		/* Last: stoq_guard_meet_host() wants this name to be left. */
		flow->guard.host_class =
			stoq_guard_class(&installed->policy.hosts, (void *)data->hostnqn);
	}
	if (data && flow->connected && !(flow->guard.connect & STOQ_GUARD_CONNECT_BARRED))
		stoq_guard_meet_late(flow, installed, data);
	flow->guard.generation = installed->generation;
	flow->guard.policies++;
	return 0;
}

/* The engine, as it wants to be called. */
__noinline int stoq_guard_engine(const struct stoq_guard_compiled *policy,
	struct stoq_guard_request *request, struct stoq_guard_decision *decision)
{
	if (!policy || !request || !decision)
		return 0;
	stoq_guard_decide(policy, request, decision);
	return 0;
}

/* Decides about guard->request, and merges it into what was decided about earlier parts. */
static __always_inline void stoq_guard_decide_part(
	struct stoq_guard_cpu *guard, struct stoq_guard_installed *installed, int first)
{
	stoq_guard_engine(&installed->policy, &guard->request, &guard->part);
	if (first)
		guard->decision = guard->part;
	else
		stoq_guard_merge(&guard->decision, &guard->part);
}

/* ---- lists of ranges: Dataset Management and Copy ---- */

#define STOQ_GUARD_LIST_RANGES 256

/* How long an entry of the command's list is, and how many there are; 0: not to be seen. */
static __always_inline __u32 stoq_guard_list_entry(const struct nvme_sqe *sqe, __u32 *count)
{
	__u32 format = nvme_sqe_copy_format(sqe);

	if (sqe->opcode == NVME_NVM_DATASET_MANAGEMENT) {
		*count = (nvme_le32(sqe->cdw10) & 0xff) + 1;
		return sizeof(struct nvme_dsm_range);
	}
	*count = (nvme_le32(sqe->cdw12) & 0xff) + 1;
	if (sqe->opcode != NVME_NVM_COPY || format >= NVME_COPY_FORMATS)
		return 0;
	return format & 1 ? NVME_COPY_RANGE_LONG : sizeof(struct nvme_copy_range);
}

/* The range of a list that stands in guard->range. */
static __always_inline void stoq_guard_judge_range(struct stoq_guard_cpu *guard,
	struct stoq_guard_installed *installed, __u64 slba, __u64 length)
{
	__u64 last = slba + (length - 1);

	stoq_guard_request_range(&guard->request, slba, last | (0 - (__u64)(last < slba)));
	stoq_guard_decide_part(guard, installed, !guard->list_judged);
	guard->list_judged = 1;
}

/* Looks up the space of guard->request.nsid. Global: its loop is verified once. */
__noinline int stoq_guard_find_space(const struct stoq_guard_compiled *policy)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (!policy || !guard)
		return 0;
	guard->request.space = stoq_guard_space(policy, guard->request.nsid);
	return 0;
}

static __always_inline void stoq_guard_judge_copy_range(
	struct stoq_guard_cpu *guard, struct stoq_guard_installed *installed, int other)
{
	const struct nvme_copy_range *range = &guard->range.copy;
	__u32 length = nvme_le16(range->blocks_zero_based) + 1;

	if (other) {
		guard->request.nsid = nvme_le32(range->source_nsid);
		stoq_guard_find_space(&installed->policy);
	}
	guard->list_blocks += length;
	stoq_guard_judge_range(guard, installed, nvme_le64(range->slba), length);
}

/* Loads the range at guard->list_next, as long as one of either kind. 0, or 1: it is not there. */
__noinline int stoq_guard_load_range(struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 bytes)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (!cpu || !guard)
		return 1;
	if (cpu->early) {
		if (stoq_early_read(cpu, guard->list_next, &guard->room) < bytes)
			return 1;
		__builtin_memcpy(&guard->range, &guard->room, sizeof(guard->range));
		return 0;
	}
	if (bytes != sizeof(guard->range.dsm))
		return bpf_skb_load_bytes(skb, cpu->payload_offset + guard->list_next,
			       &guard->range.copy, sizeof(guard->range.copy)) != 0;
	return bpf_skb_load_bytes(skb, cpu->payload_offset + guard->list_next, &guard->range.dsm,
		       sizeof(guard->range.dsm)) != 0;
}

/*
 * The sources of a Copy, which may be in other namespaces. Where it is, is kept behind a pointer,
 * so that the verifier does not follow every value.
 */
__noinline int stoq_guard_judge_copy(struct __sk_buff *skb, struct stoq_cpu *cpu,
	struct stoq_guard_installed *installed, __u32 bytes, __u32 other)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (!cpu || !installed || !guard)
		return 0;
	for (__u32 i = 0; i < STOQ_GUARD_LIST_RANGES; i++) {
		if (!*(volatile __u32 *)&guard->list_left)
			return 1;
		if (stoq_guard_load_range(skb, cpu, sizeof(guard->range.copy)))
			return 0;
		stoq_guard_judge_copy_range(guard, installed, other);
		guard->list_next += bytes;
		guard->list_left--;
	}
	return 1;
}

/* The ranges of a Dataset Management command. */
__noinline int stoq_guard_judge_dsm(
	struct __sk_buff *skb, struct stoq_cpu *cpu, struct stoq_guard_installed *installed)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (!cpu || !installed || !guard)
		return 0;
	for (__u32 i = 0; i < STOQ_GUARD_LIST_RANGES; i++) {
		if (!*(volatile __u32 *)&guard->list_left)
			return 1;
		if (stoq_guard_load_range(skb, cpu, sizeof(guard->range.dsm)))
			return 0;
		if (guard->range.dsm.length_blocks)
			stoq_guard_judge_range(guard, installed, nvme_le64(guard->range.dsm.slba),
				nvme_le32(guard->range.dsm.length_blocks));
		guard->list_next += sizeof(guard->range.dsm);
		guard->list_left--;
	}
	return 1;
}

/*
 * Decides about the ranges of a command one by one, if they are all in this packet. 0: they are
 * not. Copy: the sources, then the destination.
 */
static __always_inline int stoq_guard_judge_list(struct __sk_buff *skb, struct stoq_cpu *cpu,
	struct stoq_guard_cpu *guard, struct stoq_guard_installed *installed,
	const struct nvme_tcp_cmd_pdu *pdu, __u32 at)
{
	__u32 count, bytes = stoq_guard_list_entry(&pdu->sqe, &count), all = count * bytes;

	at += pdu->hdr.pdo;
	if (!all || nvme_tcp_data_length(&pdu->hdr) < all || at > cpu->payload_bytes ||
		cpu->payload_bytes - at < all)
		return 0;
	guard->list_at = at;
	guard->list_bytes = all;
	guard->list_next = at;
	guard->list_left = count;
	guard->list_blocks = 0;
	guard->list_judged = 0;
	if (pdu->sqe.opcode == NVME_NVM_DATASET_MANAGEMENT)
		return stoq_guard_judge_dsm(skb, cpu, installed) && guard->list_judged;
	if (!stoq_guard_judge_copy(skb, cpu, installed, bytes,
		    stoq_guard_copies_from_others(STOQ_GUARD_IO, &pdu->sqe)))
		return 0;
	guard->request.nsid = nvme_le32(pdu->sqe.nsid);
	stoq_guard_find_space(&installed->policy);
	stoq_guard_judge_range(guard, installed, nvme_sqe_slba(&pdu->sqe), guard->list_blocks);
	return 1;
}

/* ---- a command ---- */

/* Decides by what the submission entry contains, for one kind of queue; enum stoq_guard_touches. */
__noinline int stoq_guard_judge_sqe(
	struct stoq_guard_installed *installed, const struct nvme_sqe *sqe, __u32 kind, __u32 first)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	__u32 touches;

	if (!installed || !sqe || !guard)
		return 0;
	touches = stoq_guard_request_from_sqe(&installed->policy, &guard->request, kind, sqe);
	stoq_guard_decide_part(guard, installed, first);
	return touches;
}

/* A connection whose queue is not known: the command has to be allowed on either kind. */
static __always_inline void stoq_guard_judge_either(struct stoq_guard_cpu *guard,
	const struct stoq_flow *flow, struct stoq_guard_installed *installed,
	const struct nvme_sqe *sqe)
{
	__u32 kind = stoq_guard_is_idle_talk(sqe->opcode) ? NVME_QUEUE_ADMIN : flow->kind;
	int both = !stoq_guard_is_idle_talk(sqe->opcode);

	if (both)
		stoq_guard_judge_sqe(installed, sqe, !kind, 1);
	guard->touches = stoq_guard_judge_sqe(installed, sqe, kind, !both);
}

static __always_inline void stoq_guard_refuse_by_ourselves(
	struct stoq_guard_cpu *guard, __u16 status)
{
	guard->decision = (struct stoq_guard_decision){
		.rule = STOQ_GUARD_NO_RULE,
		.log_rule = STOQ_GUARD_NO_RULE,
		.status = status,
		.verdict = STOQ_GUARD_DENY,
	};
}

/* Puts the first `here` bytes of guard->before in front of those in guard->room. */
static __always_inline void stoq_guard_join_room(struct stoq_guard_cpu *guard, __u32 here)
{
	const __u8 *front = (const __u8 *)guard->before;

	/* From behind, as what has come early moves there. No branch: see stoq_guard_overlay(). */
	for (__u32 i = sizeof(guard->room); i-- > 0;) {
		__u8 behind = guard->room.bytes[STOQ_BOUND(i - here, 128)];
		__u64 inside = (__u64)i - here, place = STOQ_BOUND(i, 128);

		/* 1, not all bits, and hidden before and after: else the compiler makes a branch. */
		STOQ_GUARD_OPAQUE(inside);
		inside >>= 63;
		STOQ_GUARD_OPAQUE(inside);
		guard->room.bytes[place] = behind ^ (behind ^ front[place]) * inside;
	}
}

/*
 * Payload from position `at` on into guard->room: of the packet, and what has come early behind it.
 * How many bytes: as many as a header may have, or fewer.
 */
__noinline __u32 stoq_guard_load_both(struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 at)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	__u32 here, there;
	__u8 *front;

	if (!cpu || !guard)
		return 0;
	here = cpu->payload_bytes - at;
	front = (__u8 *)guard->before;
	if (cpu->early || at >= cpu->payload_bytes)
		return stoq_early_read(cpu, at, &guard->room);
	if (here >= sizeof(guard->room))
		return bpf_skb_load_bytes(
			       skb, cpu->payload_offset + at, &guard->room, sizeof(guard->room))
			       ? 0
			       : sizeof(guard->room);
	/* Behind a pointer, so that the verifier does not follow every value. */
	*(volatile __u32 *)&guard->piece_left =
		stoq_early_read(cpu, cpu->payload_bytes, &guard->room);
	if (bpf_skb_load_bytes(skb, cpu->payload_offset + at, front, STOQ_BOUND(here - 1, 128) + 1))
		return 0;
	stoq_guard_join_room(guard, here);
	there = *(volatile __u32 *)&guard->piece_left;
	return here + there < sizeof(guard->room) ? here + there : sizeof(guard->room);
}

/* The names that a Connect gives. 0, or 1: they have not come. */
__noinline int stoq_guard_load_connect(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 at)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct stoq_header_room *rooms;

	if (!flow || !cpu || !guard)
		return 1;
	rooms = (void *)&guard->connect;
	cpu->early_tag = stoq_cell_tag(flow, cpu, flow->side[NVME_TCP_FROM_HOST].early_run, 0);
	for (__u32 i = 0; i < sizeof(guard->connect) / sizeof(*rooms); i++) {
		if (stoq_guard_load_both(skb, cpu, at + i * sizeof(*rooms)) < sizeof(*rooms))
			return 1;
		rooms[i] = guard->room;
	}
	return 0;
}

/*
 * Connect says who the host is, in its data: those decide about it. If they come in a later
 * segment, its host is not known yet, and the policy says what holds for such; what follows is
 * decided by the name. A second one on a connection would be refused by the target, too, but might
 * say another name to us.
 */
static __always_inline int stoq_guard_judge_connect(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct stoq_guard_installed *installed,
	const struct nvme_tcp_cmd_pdu *pdu, __u32 at)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	int here, allowed;

	if (!guard)
		return 1;
	if (stoq_guard_has_connected(flow)) {
		stoq_guard_judge_sqe(installed, &pdu->sqe, NVME_QUEUE_ADMIN, 1);
		stoq_guard_refuse_by_ourselves(guard, NVME_STATUS(0, 0x0c)); /* Sequence Error */
		return 0;
	}
	at += pdu->hdr.pdo;
	here = nvme_tcp_data_length(&pdu->hdr) >= sizeof(guard->connect) &&
	       stoq_guard_load_connect(skb, flow, cpu, at) == 0;
	if (here) {
		guard->request.subsystem_class = stoq_guard_class(
			&installed->policy.subsystems, (void *)guard->connect.subnqn);
		guard->request.host_class =
			stoq_guard_class(&installed->policy.hosts, (void *)guard->connect.hostnqn);
	}
	stoq_guard_judge_sqe(installed, &pdu->sqe, NVME_QUEUE_ADMIN, 1);
	allowed = guard->decision.verdict == STOQ_GUARD_ALLOW;
	flow->guard.connect = STOQ_GUARD_CONNECT_JUDGED | (here ? 0 : STOQ_GUARD_CONNECT_LATE);
	if (here && (nvme_le32(pdu->sqe.cdw10) >> 16
				    ? allowed && stoq_guard_meet_controller(&guard->connect)
				    : stoq_guard_meet_host(flow, installed, &guard->connect,
					      allowed ? STOQ_GUARD_MEET_REFUSABLE : 0)))
		stoq_guard_refuse_by_ourselves(guard, STOQ_GUARD_STATUS_HOST);
	return 0;
}

/* Prepares the work space for a command of this flow. */
static __always_inline void stoq_guard_judge_begin(struct stoq_guard_cpu *guard,
	struct stoq_flow *flow, struct stoq_guard_installed *installed)
{
	if (flow->guard.generation != installed->generation)
		stoq_guard_classify_flow(flow, installed);
	guard->request.host_class = flow->guard.host_class;
	guard->request.subsystem_class = flow->guard.subsystem_class;
	guard->touches = STOQ_GUARD_TOUCHES_NONE;
	guard->list_bytes = 0;
	guard->decision = (struct stoq_guard_decision){
		.rule = STOQ_GUARD_NO_RULE,
		.log_rule = STOQ_GUARD_NO_RULE,
		.verdict = STOQ_GUARD_ALLOW,
	};
}

static __always_inline int stoq_guard_is_connect(const struct nvme_sqe *sqe)
{
	return sqe->opcode == NVME_OPCODE_FABRICS &&
	       (nvme_le32(sqe->nsid) & 0xff) == NVME_FABRICS_CONNECT;
}

/*
 * Whether a command that has passed, and is not acknowledged yet, would not pass any more: the policy is another one now, or it was
 * spared in audit mode. A target that has not got it takes what comes now, however late that is. Its list of ranges, if it has
 * one, counts as not seen; what a Connect gives holds for all that follows.
 */
__noinline int stoq_guard_is_refused_now(
	struct stoq_flow *flow, const struct stoq_guard_patch *patch)
{
	struct stoq_guard_installed *installed = stoq_guard_policy();
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	const struct nvme_sqe *sqe;

	if (!flow || !patch || !guard || !installed || stoq_guard_audit)
		return 0;
	if (patch->decided == STOQ_GUARD_SPARED)
		return 1;
	if (patch->decided == STOQ_GUARD_DECIDED(flow) &&
		flow->guard.generation == installed->generation)
		return 0;
	sqe = &((const struct nvme_tcp_cmd_pdu *)(const void *)patch->data)->sqe;
	if (stoq_guard_is_connect(sqe))
		return 0;
	stoq_guard_judge_begin(guard, flow, installed);
	if (flow->connected)
		stoq_guard_judge_sqe(installed, sqe, flow->kind, 1);
	else
		stoq_guard_judge_either(guard, flow, installed, sqe);
	return guard->decision.verdict != STOQ_GUARD_ALLOW;
}

/*
 * Decides about a command whose header is whole; the answer is guard->decision. 0, or 1: the packet
 * is to be dropped.
 */
__noinline int stoq_guard_judge(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu,
	const struct nvme_tcp_cmd_pdu *pdu, __u32 sequence)
{
	struct stoq_guard_installed *installed = stoq_guard_policy();
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	__u32 at;

	if (!flow || !cpu || !pdu || !guard)
		return 1;
	if (!installed)
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_NO_POLICY);
	stoq_guard_judge_begin(guard, flow, installed);
	at = sequence - cpu->sequence;
	if (flow->guard.connect & STOQ_GUARD_CONNECT_BARRED) {
		stoq_guard_judge_sqe(installed, &pdu->sqe, flow->kind, 1);
		stoq_guard_refuse_by_ourselves(guard, STOQ_GUARD_STATUS_BARRED);
		return 0;
	}
	if (stoq_guard_is_connect(&pdu->sqe))
		return stoq_guard_judge_connect(skb, flow, cpu, installed, pdu, at);
	if (!flow->connected) {
		stoq_guard_judge_either(guard, flow, installed, &pdu->sqe);
		return 0;
	}
	guard->touches = stoq_guard_judge_sqe(installed, &pdu->sqe, flow->kind, 1);
	if (guard->touches == STOQ_GUARD_TOUCHES_LIST && flow->kind == NVME_QUEUE_IO) {
		struct stoq_guard_decision unseen = guard->decision;

		if (!stoq_guard_judge_list(skb, cpu, guard, installed, pdu, at)) {
			guard->list_bytes = 0;
			guard->decision = unseen;
		}
	}
	return 0;
}
