/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * What the parts of the guard have for one another and for the program. A part includes this, the
 * maps and what it needs of the stream engine, and no other part; the program includes all of them,
 * in any order.
 */
#include "bpf/guard/state_shared.h"
#include "bpf/stream/stream.bpf.h"

struct nvme_connect_data;
struct stoq_guard_cpu;
struct stoq_guard_installed;
struct stoq_guard_owner;
struct stoq_guard_patch;

/* Which of a segment's ports are policed. */
#define STOQ_GUARD_TO	1
#define STOQ_GUARD_FROM 2
#define STOQ_GUARD_BOTH 3

/* Connect data: the last byte of its names, a NUL. */
#define STOQ_GUARD_SUBNQN_LAST	511
#define STOQ_GUARD_HOSTNQN_LAST 767

/*
 * What the Connect of a clone, or of another host than the controller's, is refused with: Connect Invalid Host; and other commands, if
 * that has passed before its data came: Access Denied.
 */
#define STOQ_GUARD_STATUS_HOST	 NVME_STATUS(1, 0x84)
#define STOQ_GUARD_STATUS_BARRED NVME_STATUS(2, 0x86)

/* Places in a CapsuleCmd. */
#define STOQ_GUARD_AT_OPCODE 8
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

enum stoq_guard_applied {
	STOQ_GUARD_SAME = 0, /* they do stand there, or it is not in this packet */
	STOQ_GUARD_CHANGED = 1,
	STOQ_GUARD_FAILED = 2,
	STOQ_GUARD_OTHER = 3, /* other bytes stand there, and are not to be changed */
};

/* log.bpf.h */
__noinline int stoq_guard_count_host(struct stoq_flow *flow, __u32 kind, __u32 status);
__noinline int stoq_guard_log_command(struct stoq_flow *flow,
	struct stoq_guard_installed *installed, const struct nvme_sqe *sqe, __u32 kind);
__noinline int stoq_guard_log_drop(struct stoq_flow *flow, __u32 reason);
static __always_inline void stoq_guard_log_clone(struct stoq_flow *flow,
	struct stoq_guard_installed *installed, struct stoq_guard_cpu *guard,
	const struct stoq_guard_owner *other, __u16 status);

/* controller.bpf.h */
__noinline int stoq_guard_note_controller(struct stoq_flow *flow, __u32 cntlid);
__noinline int stoq_guard_meet_controller(const struct nvme_connect_data *data);

/* clone.bpf.h */

/* Bits: how a host is met. */
enum stoq_guard_meeting {
	STOQ_GUARD_MEET_REFUSABLE = 1, /* its Connect passes otherwise, or what follows it */
	STOQ_GUARD_MEET_ACCEPTED = 2,  /* by the target: it takes a place */
};
__noinline int stoq_guard_meet_host(struct stoq_flow *flow, struct stoq_guard_installed *installed,
	const struct nvme_connect_data *data, __u32 how);

/* patch.bpf.h */
__noinline int stoq_guard_keep(struct stoq_flow *flow, struct stoq_cpu *cpu);
__noinline int stoq_guard_apply(
	struct __sk_buff *skb, struct stoq_cpu *cpu, const struct stoq_guard_patch *patch);
static __always_inline int stoq_guard_on_changed(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct stoq_guard_cpu *guard, __u32 sequence);
static __always_inline int stoq_guard_applied(struct stoq_flow *flow, struct stoq_cpu *cpu,
	struct stoq_guard_cpu *guard, const struct stoq_guard_patch *patch, int applied);
__noinline int stoq_guard_apply_all(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu);
__noinline int stoq_guard_keep_payload(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 at, __u32 bytes);

/* judge.bpf.h */
__noinline int stoq_guard_note_host(struct stoq_flow *flow);
static __always_inline void stoq_guard_decide_part(
	struct stoq_guard_cpu *guard, struct stoq_guard_installed *installed, int first);
__noinline int stoq_guard_judge_sqe(struct stoq_guard_installed *installed,
	const struct nvme_sqe *sqe, __u32 kind, __u32 first);
static __always_inline void stoq_guard_judge_either(struct stoq_guard_cpu *guard,
	const struct stoq_flow *flow, struct stoq_guard_installed *installed,
	const struct nvme_sqe *sqe);
static __always_inline void stoq_guard_refuse_by_ourselves(
	struct stoq_guard_cpu *guard, __u16 status);
static __always_inline void stoq_guard_judge_begin(struct stoq_guard_cpu *guard,
	struct stoq_flow *flow, struct stoq_guard_installed *installed);
static __always_inline int stoq_guard_is_connect(const struct nvme_sqe *sqe);
__noinline int stoq_guard_is_refused_now(
	struct stoq_flow *flow, const struct stoq_guard_patch *patch);
__noinline int stoq_guard_judge(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu,
	const struct nvme_tcp_cmd_pdu *pdu, __u32 sequence);

/* refuse.bpf.h */
__noinline int stoq_guard_digest(struct stoq_guard_patch *patch, __u32 bytes);
static __always_inline void stoq_guard_clear_nsz(__u8 opcode, __u8 *bytes);
static __always_inline int stoq_guard_spoil(
	const struct stoq_flow *flow, __u8 *bytes, __u32 out, int range);
static __always_inline void stoq_guard_forget(struct stoq_flow *flow, __u16 cid);
static __always_inline void stoq_guard_patch_from(struct stoq_guard_cpu *guard,
	const struct nvme_tcp_icreq_pdu *pdu, __u32 sequence, __u32 bytes);
__noinline int stoq_guard_act(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu,
	struct nvme_tcp_icreq_pdu *pdu, __u32 sequence);

/* cut.bpf.h */
__noinline int stoq_guard_apply_carry(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu);
static __always_inline int stoq_guard_cut_command(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct stoq_cursor *cursor);
static __always_inline void stoq_guard_recall_cut(
	const struct stoq_flow *flow, const struct nvme_sqe *sqe);

/* response.bpf.h */
__noinline int stoq_guard_respond(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu, __u32 sequence);
__noinline int stoq_guard_cut_response(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu);

/* strict.bpf.h */
static __always_inline int stoq_guard_follows_surely(const struct stoq_flow *flow);
__noinline int stoq_guard_check(struct stoq_flow *flow, const struct nvme_tcp_icreq_pdu *pdu);
__noinline int stoq_guard_keep_data_header(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, const struct nvme_tcp_icreq_pdu *pdu, __u32 sequence);
__noinline int stoq_guard_cut_header(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu);

/* capsule.bpf.h */
static __always_inline void stoq_guard_on_identify(
	struct stoq_flow *flow, const struct nvme_sqe *sqe);
static __always_inline void stoq_guard_on_identify_data(
	struct stoq_flow *flow, const struct nvme_tcp_data_pdu *pdu, __u32 sequence);
static __always_inline void stoq_guard_on_identified(struct stoq_flow *flow, __u32 cid);
static __always_inline int stoq_guard_load_byte(
	struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 at, __u8 *byte);
__noinline int stoq_guard_collect_ioccsz(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu);
static __always_inline int stoq_guard_capsule_fits(
	struct stoq_flow *flow, const struct nvme_sqe *sqe, __u32 data);

/* protocol.bpf.h */
static __always_inline struct stoq_guard_far_key stoq_guard_far_key(
	const struct stoq_flow *flow, __u16 cid, __u16 ttag, __u32 kind);
static __always_inline int stoq_guard_in_slot(struct stoq_flow *flow, __u16 cid);
__noinline int stoq_guard_end_far(struct stoq_flow *flow, __u32 cid);
static __always_inline struct stoq_guard_r2t *stoq_guard_r2t_slot(
	struct stoq_flow *flow, __u16 cid);
static __always_inline int stoq_guard_r2t_is(
	const struct stoq_guard_r2t *r2t, __u16 cid, __u16 ttag, __u32 begun);
__noinline int stoq_guard_on_r2t(struct stoq_flow *flow, const struct nvme_tcp_r2t_pdu *pdu);
__noinline int stoq_guard_take_data(
	struct stoq_flow *flow, const struct nvme_tcp_data_pdu *pdu, __u32 take);
static __always_inline void stoq_guard_take_back(
	struct stoq_flow *flow, const struct nvme_sqe *sqe);
__noinline int stoq_guard_protocol(struct stoq_flow *flow, const struct nvme_tcp_icreq_pdu *pdu);
static __always_inline void stoq_guard_on_icresp(
	struct stoq_flow *flow, const struct nvme_tcp_icresp_pdu *pdu);
__noinline int stoq_guard_limit(struct stoq_flow *flow, const struct nvme_tcp_cmd_pdu *pdu);

/* shield.bpf.h */
__noinline int stoq_guard_shield(struct stoq_flow *flow, const struct nvme_tcp_icreq_pdu *pdu);

/* room.bpf.h */
static __always_inline struct nvme_connect_data *stoq_guard_names_of(__u32 uid);

/* segment.bpf.h */
__noinline int stoq_guard_clear_urgent(struct __sk_buff *skb, __u32 tcp_offset);
__noinline int stoq_guard_strip_multipath(
	struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 tcp_offset, __u32 bytes);
static __always_inline int stoq_guard_flags_are_plain(const struct stoq_segment *segment);

/* connection.bpf.h */
static __always_inline __u32 stoq_guard_from(const struct __sk_buff *skb);
static __always_inline void stoq_guard_on_syn(
	struct stoq_cpu *cpu, struct stoq_guard_cpu *guard, struct stoq_flow *flow, int ports);
static __always_inline struct stoq_flow *stoq_guard_flow_of_payload(struct __sk_buff *skb,
	struct stoq_cpu *cpu, struct stoq_guard_cpu *guard, struct stoq_flow *flow, int ports);
static __always_inline int stoq_guard_is_foreign(
	struct stoq_guard_cpu *guard, const struct stoq_flow *flow, __u32 side);
static __noinline void stoq_guard_on_end(
	struct stoq_cpu *cpu, struct stoq_guard_cpu *guard, struct stoq_flow *flow, __u32 side);

/* early.bpf.h */
__noinline int stoq_guard_suspects(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu);
static __always_inline int stoq_guard_early(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu, struct stoq_guard_cpu *guard);
static __always_inline int stoq_guard_walk_early(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu, struct stoq_guard_cpu *guard);

/* end.bpf.h */
__noinline int stoq_guard_tear(struct __sk_buff *skb, struct stoq_flow *flow);
static __always_inline void stoq_guard_begin_end(struct stoq_flow *flow);
