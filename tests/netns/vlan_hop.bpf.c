// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One hop of the test "interfaces": sends a frame on through interface TARGET, with a VLAN tag
 * (PUSH 1) or without the one it has (PUSH 0). For kernels without 8021q.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int hop(struct __sk_buff *skb)
{
	if (PUSH)
		bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 7);
	else
		bpf_skb_vlan_pop(skb);
	return bpf_redirect(TARGET, 0);
}
