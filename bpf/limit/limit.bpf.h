/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * The maps and settings of the program of limits, and what its parts have for each other. A part includes this and
 * no other part.
 */
#define STOQ_WITHOUT_COMMANDS 1
#include <bpf/bpf_endian.h>

#include "bpf/limit/account.h"
#include "bpf/stream/stream.bpf.h"

/* Audit: what would have to wait is counted, and nothing waits. */
const volatile __u8 stoq_limit_audit;

/* By its size: the compiler leaves the type of an inner map incomplete. */
struct stoq_limit_policy_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct stoq_limit_installed));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct stoq_limit_policy_map);
} stoq_limit_policies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOQ_LIMIT_HOSTS_MAX);
	__type(key, struct stoq_limit_nqn);
	__type(value, __u32);
} stoq_limit_hosts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOQ_LIMIT_BUCKETS_MAX);
	__type(key, struct stoq_limit_bucket_key);
	__type(value, struct stoq_limit_bucket);
} stoq_limit_buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STOQ_LIMIT_DUE_ENTRIES);
	__type(key, __u32);
	__type(value, struct stoq_limit_due);
} stoq_limit_due SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stoq_limit_totals);
} stoq_limit_totals SEC(".maps");

/*
 * The guard's: its connections, the front of each as this program has it, too, and their names. User space puts the
 * guard's maps in place of these; stoq_connects (bpf/stream/maps.bpf.h) as well.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct stoq_flow_key);
	__type(value, struct stoq_flow);
} stoq_limit_guarded SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct nvme_connect_data);
} stoq_limit_names SEC(".maps");

enum stoq_limit_ack {
	STOQ_LIMIT_ACK_NONE,
	STOQ_LIMIT_ACK_OF_DATA,
	STOQ_LIMIT_ACK_ALONE, /* without data */
};

/* Work space for the packet at hand. */
struct stoq_limit_cpu {
	struct stoq_segment segment;
	struct stoq_guard_nqn nqn;
	struct stoq_limit_nqn host;
	struct stoq_limit_bucket_key key;
	__u64 limits; /* that hold for the command at hand */
	__u64 due_ns; /* when it may leave; 0: now */
	__u32 bytes;  /* its data */
	__u32 pad;
	__u32 ack;    /* what the packet acknowledges is to go ahead of it; enum stoq_limit_ack */
	__u32 acking; /* the packet at hand is a copy that goes ahead; the same */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stoq_limit_cpu);
} stoq_limit_cpus SEC(".maps");

static __always_inline struct stoq_limit_installed *stoq_limit_policy(void)
{
	void *policy = stoq_first(&stoq_limit_policies);

	return policy ? stoq_first(policy) : 0;
}

#define STOQ_LIMIT_COUNT(member, n)                                                                \
	do {                                                                                       \
		struct stoq_limit_totals *totals_ = stoq_first(&stoq_limit_totals);                \
		if (totals_)                                                                       \
			__sync_fetch_and_add(&totals_->member, n);                                 \
	} while (0)

/* classify.bpf.h */
__noinline int stoq_limit_classify(struct stoq_flow *flow, struct stoq_limit_installed *installed);

/* charge.bpf.h */
__noinline int stoq_limit_command(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_cmd_pdu *pdu);

/* depart.bpf.h */
static __always_inline void stoq_limit_answer(struct stoq_flow *flow, __u16 cid);
static __always_inline void stoq_limit_depart(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_limit_cpu *limit, __u32 side, __u64 now_ns);

/* ahead.bpf.h */
static __noinline int stoq_limit_trim(struct __sk_buff *skb, struct stoq_segment *segment);
static __always_inline int stoq_limit_go_ahead(struct __sk_buff *skb, struct stoq_limit_cpu *limit);
