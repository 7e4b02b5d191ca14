/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * In place of libbpf's <bpf/bpf_helpers.h>, for BPF code that is compiled for user space. A map is
 * the variable that libbpf makes a map of; its first member points to the table (table.h) that stands
 * for it. capture/program.c has the helpers.
 */
#include <linux/bpf.h>

#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, value) __typeof__(value) *name
#define __noinline	    __attribute__((noinline))
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))

static void *bpf_map_lookup_elem(void *map, const void *key);
static long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
static long bpf_map_delete_elem(void *map, const void *key);
static void *bpf_ringbuf_reserve(void *ringbuf, __u64 size, __u64 flags);
static void bpf_ringbuf_submit(void *data, __u64 flags);
static __u64 bpf_ktime_get_ns(void);
static __u32 bpf_get_smp_processor_id(void);
static long bpf_skb_load_bytes(const struct __sk_buff *skb, __u32 offset, void *to, __u32 length);
static long bpf_skb_pull_data(struct __sk_buff *skb, __u32 length);
static long bpf_tail_call(struct __sk_buff *skb, void *programs, __u32 index);
