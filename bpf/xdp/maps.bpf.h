/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The filter's maps; xdp_shared.h describes what is in them. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/xdp/xdp_shared.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct stoq_xdp_settings);
} stoq_xdp_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, STOQ_XDP_PREFIXES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct stoq_xdp_prefix);
	__type(value, struct stoq_xdp_rule);
} stoq_xdp_allow SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, STOQ_XDP_PREFIXES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct stoq_xdp_prefix);
	__type(value, struct stoq_xdp_rule);
} stoq_xdp_deny SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STOQ_XDP_SOURCES);
	__type(key, __u64);
	__type(value, __u64);
} stoq_xdp_source SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stoq_xdp_buckets);
} stoq_xdp_bucket SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STOQ_XDP_OPENS);
	__type(key, struct stoq_xdp_tuple);
	__type(value, __u64);
} stoq_xdp_opens SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STOQ_XDP_CONNECTIONS);
	__type(key, __u64);
	__type(value, struct stoq_xdp_connection);
} stoq_xdp_conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stoq_xdp_stats);
} stoq_xdp_stats SEC(".maps");

#ifndef STOQ_XDP_AT_TC
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, STOQ_XDP_XSKS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} stoq_xdp_xsks SEC(".maps");
#endif

static __always_inline void *stoq_xdp_first(void *map)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(map, &zero);
}
