/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * In place of the kernel's <linux/bpf.h>, for BPF code that is compiled for user space: the same, but
 * a packet whose addresses are this process's. The kernel's has 32 bits for them, which the verifier
 * makes pointers of.
 */
#define __sk_buff stoq_kernel_sk_buff
#include_next <linux/bpf.h>
#undef __sk_buff

struct __sk_buff {
	unsigned long data;
	unsigned long data_end; /* what was captured ends here */
	__u32 len;		/* what was sent */
	__u32 ifindex;
	__u32 vlan_present;
	__u32 vlan_tci;
	__be16 protocol;
};
