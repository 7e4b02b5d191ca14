/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * The window: the piece of the payload that was loaded last, where headers are looked at. A load
 * costs more than what it copies, as it looks for its place in the packet each time.
 */
#include "bpf/stream/stream.bpf.h"
#include "nvme/nvme_tcp_check.h"

/* Whether the window has these bytes from payload position `at` on; fewer than a header's most. */
static __always_inline int stoq_window_has(const struct stoq_cpu *cpu, __u32 at, __u32 bytes)
{
	__u32 index = at - cpu->window_at;

	return index < STOQ_WINDOW_BYTES && index + bytes <= cpu->window_bytes;
}

static __always_inline struct nvme_tcp_hdr *stoq_window_header(struct stoq_cpu *cpu, __u32 at)
{
	return (void *)&cpu->window[STOQ_BOUND(at - cpu->window_at, STOQ_WINDOW_BYTES)];
}

/* Whether it has the whole header that begins there. */
static __always_inline int stoq_in_window(struct stoq_cpu *cpu, __u32 at)
{
	return stoq_window_has(cpu, at, sizeof(struct nvme_tcp_rsp_pdu)) &&
	       stoq_window_has(cpu, at, stoq_window_header(cpu, at)->hlen);
}

/*
 * How much to load from payload position `at` on. Where PDUs follow one another without data, many
 * of them are loaded at once; behind data there are few.
 */
static __always_inline __u32 stoq_window_size(const struct stoq_cpu *cpu, __u32 at)
{
	__u32 header = cpu->side == NVME_TCP_FROM_HOST ? sizeof(struct nvme_tcp_cmd_pdu)
						       : sizeof(struct nvme_tcp_rsp_pdu);

	if (!cpu->window_bytes)
		return 4 * header;
	return at - cpu->window_at <= cpu->window_bytes ? STOQ_WINDOW_BYTES : 2 * header;
}

/* Loads the window from payload position `at` on. */
static __always_inline void stoq_load_window(struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 at)
{
	__u32 bytes = stoq_present(skb, cpu) - at, limit = stoq_window_size(cpu, at);

	if (bytes > limit)
		bytes = limit;
	cpu->window_at = at;
	cpu->window_bytes = 0;
	/* The verifier of 6.1 learns a lower bound from "<" and not from "!= 0"; the asm keeps
	 * the compiler from making one test of the two, on a copy of the register. */
	asm volatile("" : "+r"(bytes));
	if (bytes < sizeof(struct nvme_tcp_rsp_pdu))
		return; /* no header is shorter */
	asm volatile("" : "+r"(bytes));
	if (bytes <= sizeof(cpu->window) &&
		bpf_skb_load_bytes(skb, cpu->payload_offset + at, cpu->window, bytes) == 0)
		cpu->window_bytes = bytes;
}
