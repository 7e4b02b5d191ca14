/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Where a program takes part in following a stream: each program has these, the watch in
 * watch_hooks.bpf.h and no_hooks.bpf.h, where most do nothing, and the guard in guard/hooks.bpf.h and
 * guard/room.bpf.h.
 */
#include "bpf/stream/stream.bpf.h"

/* The map of flows of which both sides have sent data. */
static __always_inline void *stoq_hook_flows(void);

/* Whether controllers listen on this port. */
static __always_inline int stoq_is_nvme_port(__be16 port);

/* The segment ended inside a header. Not 0: the packet is to be dropped. */
static __always_inline int stoq_hook_cut(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu);

/* A whole header, about to be taken. Not 0: the packet is to be dropped, the PDU not taken. */
static __always_inline int stoq_hook_pdu(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu, __u32 sequence);

/* No PDU where one has to be. Not 0: the packet is to be dropped. */
static __always_inline int stoq_hook_bad(struct stoq_flow *flow, struct stoq_cpu *cpu);

/* A segment behind a gap, about to be kept. Not 0: the packet is to be dropped. */
static __always_inline int stoq_hook_early(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu);

/* The walk through early bytes was held: they cannot be taken. */
static __always_inline void stoq_hook_early_held(void);

/* Whether commands that a guard has refused are to be taken for what the host sent. */
static __always_inline int stoq_hook_is_behind_guard(void);

/* Whether stoq_hook_pdu() wants to see every header that hosts send. */
static __always_inline int stoq_hook_sees_hosts(void);

/* Whether it wants to see every R2T. */
static __always_inline int stoq_hook_sees_r2ts(void);

/* A command has ended. */
static __always_inline void stoq_hook_ended(struct stoq_flow *flow, __u32 cid);

/* Whether it wants to see every header of this side now. */
static __always_inline int stoq_hook_sees_all(
	const struct stoq_flow *flow, const struct stoq_cpu *cpu);

/* Whether a command that has ended is to be an event, and its status to be counted. */
static __always_inline int stoq_hook_is_wanted(const struct stoq_command *command);

/* Whether a Connect identifies the flow's host. */
static __always_inline int stoq_hook_believes_connect(const struct stoq_flow *flow);

/* Connect data in this segment, from payload position `at` on. */
static __always_inline int stoq_hook_connect_data(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 at);

/* All of it has come. */
static __always_inline void stoq_hook_connect_done(struct stoq_flow *flow);

/* Whether there is no room for one more flow; if there is, it is taken. */
static __always_inline int stoq_hook_flow_room(void);

/* The flow of this number (0: one that was never there) does not need its room any more. */
static __always_inline void stoq_hook_flow_gone(__u32 uid);
