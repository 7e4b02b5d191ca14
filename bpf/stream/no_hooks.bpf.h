/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Hooks that do nothing, of programs that drop no packet, and their map of flows, whose least recently used one makes
 * way.
 */
#include <bpf/bpf_endian.h>

#include "bpf/stream/hooks.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct stoq_flow_key);
	__type(value, struct stoq_flow);
} stoq_flows SEC(".maps");

static __always_inline void *stoq_hook_flows(void)
{
	return &stoq_flows;
}

static __always_inline int stoq_is_nvme_port(__be16 port)
{
	return port == bpf_htons(NVME_TCP_PORT) || port == bpf_htons(NVME_TCP_DISCOVERY_PORT);
}

static __always_inline int stoq_hook_cut(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	return 0;
}

static __always_inline int stoq_hook_pdu(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu, __u32 sequence)
{
	return 0;
}

static __always_inline int stoq_hook_bad(struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	return 0;
}

static __always_inline int stoq_hook_early(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	return 0;
}

static __always_inline void stoq_hook_early_held(void)
{
}

static __always_inline int stoq_hook_connect_data(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 at)
{
	return 0;
}

static __always_inline void stoq_hook_connect_done(struct stoq_flow *flow)
{
}

static __always_inline int stoq_hook_flow_room(void)
{
	return 0;
}

static __always_inline void stoq_hook_flow_gone(__u32 uid)
{
}
