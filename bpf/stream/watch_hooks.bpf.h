/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The watch's hooks, which do nothing, and its map of flows, whose least recently used one makes
 * way. */
#include <bpf/bpf_endian.h>

#include "bpf/stream/filter_shared.h"
#include "bpf/stream/hooks.bpf.h"

/* What --address, --port, --namespace and --opcode ask for. Where nothing is given, the verifier sees that and
 * leaves the checks out. */
STOQ_SETTING struct stoq_wanted_ends stoq_wanted_ends;
STOQ_SETTING struct stoq_wanted_commands stoq_wanted_commands;

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

static __always_inline int stoq_hook_is_behind_guard(void)
{
	return 1;
}

static __always_inline int stoq_hook_sees_hosts(void)
{
	return 0;
}

static __always_inline int stoq_hook_sees_r2ts(void)
{
	return 0;
}

static __always_inline void stoq_hook_ended(struct stoq_flow *flow, __u32 cid)
{
}

static __always_inline int stoq_hook_sees_all(
	const struct stoq_flow *flow, const struct stoq_cpu *cpu)
{
	return 0;
}

/* Global, so that the verifier follows it once. */
__noinline int stoq_command_is_wanted(__u32 nsid, __u32 bit)
{
	return stoq_wanted_has_nsid(&stoq_wanted_commands, nsid) &&
	       stoq_wanted_has_opcode(&stoq_wanted_commands, bit);
}

static __always_inline int stoq_hook_is_wanted(const struct stoq_command *command)
{
	return (!stoq_wanted_commands.nsids_given && !stoq_wanted_commands.opcodes_given) ||
	       stoq_command_is_wanted(command->nsid,
		       stoq_wanted_bit(command->opcode, command->kind, command->fctype));
}

static __always_inline int stoq_hook_believes_connect(const struct stoq_flow *flow)
{
	return 1;
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
