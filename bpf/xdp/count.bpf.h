/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Counting: verdicts, and packets by size. */
#include "bpf/xdp/maps.bpf.h"

static __always_inline void stoq_xdp_count(
	struct stoq_xdp_stats *stats, __u32 verdict, __u32 frame_bytes)
{
	if (verdict >= STOQ_XDP_VERDICTS)
		return;
	stats->verdicts[verdict].packets++;
	stats->verdicts[verdict].bytes += frame_bytes;
}

/*
 * The number of bits in a frame's further blocks of STOQ_XDP_SIZE_FIRST bytes. Looked up, because
 * branches on sizes that change from packet to packet are guessed wrong.
 */
static const __u8 stoq_xdp_block_bits[256] = {
	[1] = 1,
	[2 ... 3] = 2,
	[4 ... 7] = 3,
	[8 ... 15] = 4,
	[16 ... 31] = 5,
	[32 ... 63] = 6,
	[64 ... 127] = 7,
	[128 ... 255] = 8,
};

static __always_inline void stoq_xdp_count_size(struct stoq_xdp_stats *stats, __u32 frame_bytes)
{
	__u32 blocks = (frame_bytes - 1) / STOQ_XDP_SIZE_FIRST, class = 9;

	if (blocks < sizeof(stoq_xdp_block_bits))
		class = stoq_xdp_block_bits[blocks];
	else if (blocks >= 512)
		class = STOQ_XDP_SIZE_CLASSES - 1;
	barrier_var(class); /* clang knows the table, the verifier does not */
	if (class < STOQ_XDP_SIZE_CLASSES)
		stats->sizes[class]++;
}
