// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Somebody else's XDP program, which must be left alone. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int foreign(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char foreign_license[] SEC("license") = "Dual BSD/GPL";
