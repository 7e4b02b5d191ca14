/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * The frame as its program gets it. At XDP (stoq_xdp.bpf.c) it is a driver's buffer; at the
 * interface's tc ingress (stoq_xdp_tc.bpf.c, which defines STOQ_XDP_AT_TC) it is an skb. All else is
 * written once for both.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#ifdef STOQ_XDP_AT_TC

typedef struct __sk_buff stoq_xdp_frame;

/* Bytes that do not lie in the first buffer. 0: they were copied. */
static __always_inline int stoq_xdp_load_far(
	stoq_xdp_frame *ctx, __u32 offset, void *to, const __u32 length)
{
	return (int)bpf_skb_load_bytes(ctx, offset, to, length);
}

/* Of all buffers; linear_bytes of them are in the first one. */
static __always_inline __u32 stoq_xdp_frame_bytes(stoq_xdp_frame *ctx, __u32 linear_bytes)
{
	return ctx->len;
}

#else

/* Packets in several buffers: set where the kernel has them (5.18), before loading. */
const volatile __u8 stoq_xdp_frags;

typedef struct xdp_md stoq_xdp_frame;

static __always_inline int stoq_xdp_load_far(
	stoq_xdp_frame *ctx, __u32 offset, void *to, const __u32 length)
{
	return stoq_xdp_frags ? (int)bpf_xdp_load_bytes(ctx, offset, to, length) : -1;
}

static __always_inline __u32 stoq_xdp_frame_bytes(stoq_xdp_frame *ctx, __u32 linear_bytes)
{
	return stoq_xdp_frags ? (__u32)bpf_xdp_get_buff_len(ctx) : linear_bytes;
}

#endif
