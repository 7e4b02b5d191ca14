/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * What a clsact filter runs in place of the program itself, so that the filter does nothing once the process that
 * attached it is gone, however it went: a jump through a program array, which the kernel empties when the last
 * user-space reference to it goes. A program that outlives its owner does without. doc/design/attachment.md.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} stoq_alive SEC(".maps");

SEC("tc")
int stoq_entry(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &stoq_alive, 0);
	return TC_ACT_UNSPEC;
}
