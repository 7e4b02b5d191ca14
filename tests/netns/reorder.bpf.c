// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A tc program between two interfaces: what comes in goes out at interface OUT. Of a million
 * packets LOSS_PPM are lost, TWICE_PPM go out twice, and LATE_PPM wait: they go to the end of the
 * CPU's backlog, once or several times, and others pass them.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#define ROUNDS 256

static __always_inline int happens(__u32 ppm)
{
	return bpf_get_prandom_u32() % 1000000 < ppm;
}

SEC("classifier")
int cross(struct __sk_buff *skb)
{
	__u32 waited = skb->mark;

	if (!waited && happens(LOSS_PPM))
		return TC_ACT_SHOT;
	if (!waited && happens(TWICE_PPM))
		bpf_clone_redirect(skb, OUT, 0);
	if (!waited && happens(LATE_PPM))
		waited = 1 + bpf_get_prandom_u32() % ROUNDS;
	else if (waited)
		waited--;
	skb->mark = waited;
	return waited ? bpf_redirect(skb->ifindex, BPF_F_INGRESS) : bpf_redirect(OUT, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
