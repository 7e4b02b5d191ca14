// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* A program that no verifier takes: much that is right, then a byte behind the packet's end. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char stoq_license[] SEC("license") = "Dual BSD/GPL";

SEC("xdp")
int stoq_refused(struct xdp_md *context)
{
	const __u8 *data = (const __u8 *)(long)context->data;
	const __u8 *end = (const __u8 *)(long)context->data_end;
	__u32 sum = 0;

	for (int i = 0; i < 200; i++)
		if (data + i + 1 <= end)
			sum += data[i];
	return data[1000] + sum > 7 ? XDP_DROP : XDP_PASS;
}
