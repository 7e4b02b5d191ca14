/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Where the guard takes part in following a stream (bpf/guard/hooks.bpf.h), a watch does nothing.
 */
#include <bpf/bpf_endian.h>

#include "bpf/stream/maps.bpf.h"

static __always_inline int stoq_is_nvme_port(__be16 port)
{
	return port == bpf_htons(NVME_TCP_PORT) || port == bpf_htons(NVME_TCP_DISCOVERY_PORT);
}

/* The segment ended inside a header. Not 0: the packet is to be dropped. */
static __always_inline int stoq_hook_cut(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	return 0;
}

/* A whole header, about to be taken. Not 0: the packet is to be dropped, the PDU not taken. */
static __always_inline int stoq_hook_pdu(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu, __u32 sequence)
{
	return 0;
}

/* No PDU where one has to be. Not 0: the packet is to be dropped. */
static __always_inline int stoq_hook_bad(struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	return 0;
}

/* A segment behind a gap, about to be kept. Not 0: the packet is to be dropped. */
static __always_inline int stoq_hook_early(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	return 0;
}

/* The walk through early bytes was held: they cannot be taken. */
static __always_inline void stoq_hook_early_held(void)
{
}

/* Whether commands that a guard has refused are to be taken for what the host sent. */
#define STOQ_HOOK_BEHIND_GUARD 1

/* Whether stoq_hook_pdu() wants to see every header that hosts send. */
#define STOQ_HOOK_HOSTS 0

/* Whether it wants to see every R2T. */
#define STOQ_HOOK_R2TS 0

static __always_inline void stoq_hook_ended(struct stoq_flow *flow, __u32 cid)
{
}

/* Whether it wants to see every header of this side now. */
static __always_inline int stoq_hook_sees_all(
	const struct stoq_flow *flow, const struct stoq_cpu *cpu)
{
	return 0;
}

static __always_inline int stoq_hook_believes_connect(const struct stoq_flow *flow)
{
	return 1;
}

/* Connect data in this segment, from payload position `at` on. */
static __always_inline int stoq_hook_connect_data(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 at)
{
	return 0;
}

static __always_inline void stoq_hook_connect_done(struct stoq_flow *flow)
{
}

/* Whether there is no room for one more flow; if there is, it is taken. */
static __always_inline int stoq_hook_flow_room(void)
{
	return 0;
}

/* The flow of this number (0: one that was never there) does not need its room any more. */
static __always_inline void stoq_hook_flow_gone(__u32 uid)
{
}
