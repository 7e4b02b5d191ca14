// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * The XDP program: keeps from a transport's UDP ports what is no QUIC, what comes from where it
 * should not, and floods. Every other packet it hands on untouched (XDP_PASS). What passes goes to
 * the kernel, or to an AF_XDP socket where there is one. doc/ebpf.md tells what it does and why.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/xdp_connection.bpf.h"

static __always_inline void stoq_xdp_count(
	struct stoq_xdp_stats *stats, __u32 verdict, __u32 frame_bytes)
{
	if (verdict >= STOQ_XDP_VERDICTS)
		return;
	stats->verdicts[verdict].packets++;
	stats->verdicts[verdict].bytes += frame_bytes;
}

static __always_inline void stoq_xdp_count_size(struct stoq_xdp_stats *stats, __u32 frame_bytes)
{
	__u32 blocks = (frame_bytes - 1) / STOQ_XDP_SIZE_FIRST, class = 0;

	/* The number of bits in blocks, by halves. */
	if (blocks >> 8) {
		class = 8;
		blocks >>= 8;
	}
	if (blocks >> 4) {
		class += 4;
		blocks >>= 4;
	}
	if (blocks >> 2) {
		class += 2;
		blocks >>= 2;
	}
	class += blocks > 1 ? 2 : blocks;
	stats->sizes[class < STOQ_XDP_SIZE_CLASSES ? class : STOQ_XDP_SIZE_CLASSES - 1]++;
}

/* Whom it is for depends on the VLAN, and an AF_XDP socket does not tell them apart: the kernel
 * does. */
static __always_inline int stoq_xdp_is_link_local_of_vlan(const struct stoq_xdp_packet *packet)
{
	return packet->tagged && packet->tuple.local[0] == 0xfe &&
	       (packet->tuple.local[1] & 0xc0) == 0x80;
}

/* A packet that passes, to the socket that takes this queue's, if one does. */
static __always_inline int stoq_xdp_steer(struct xdp_md *ctx, const struct stoq_xdp_config *config,
	const struct stoq_xdp_packet *packet, struct stoq_xdp_stats *stats)
{
	int action;

	if (!(config->flags & STOQ_XDP_REDIRECT) ||
		(packet->several_buffers && !(config->flags & STOQ_XDP_REDIRECT_FRAGMENTS)) ||
		stoq_xdp_is_link_local_of_vlan(packet))
		return XDP_PASS;
	action = (int)bpf_redirect_map(&stoq_xdp_xsks,
		stoq_xdp_xsk_index(ctx->rx_queue_index, config->xsks_per_queue, packet->cid_first),
		XDP_PASS);
	if (action == XDP_REDIRECT)
		stats->redirected++;
	return action;
}

static __always_inline int stoq_xdp_verdict(struct xdp_md *ctx,
	const struct stoq_xdp_config *config, struct stoq_xdp_packet *packet,
	struct stoq_xdp_stats *stats)
{
	int kind;

	switch (stoq_xdp_parse(ctx, packet)) {
	case STOQ_XDP_OURS:
		break;
	case STOQ_XDP_FRAGMENT:
		return STOQ_XDP_PASS_FRAGMENT;
	case STOQ_XDP_BAD_LENGTH:
		return STOQ_XDP_DROP_LENGTH;
	default:
		return STOQ_XDP_PASS_OTHER;
	}
	stoq_xdp_count_size(stats, packet->frame_bytes);
	kind = stoq_quic_parse(ctx, packet);
	return kind == STOQ_XDP_KIND_BAD ? STOQ_XDP_DROP_QUIC
					 : stoq_xdp_decide(config, packet, stats, kind);
}

SEC("xdp")
int stoq_xdp(struct xdp_md *ctx)
{
	const struct stoq_xdp_config *config = stoq_xdp_first(&stoq_xdp_config);
	struct stoq_xdp_stats *stats = stoq_xdp_first(&stoq_xdp_stats);
	struct stoq_xdp_packet packet;
	int verdict;

	if (!config || !stats)
		return XDP_PASS;
	verdict = stoq_xdp_verdict(ctx, config, &packet, stats);
	stoq_xdp_count(stats, verdict, packet.frame_bytes);
	if (verdict >= STOQ_XDP_FIRST_DROP)
		return XDP_DROP;
	if (verdict < STOQ_XDP_PASS_ESTABLISHED)
		return XDP_PASS;
	return stoq_xdp_steer(ctx, config, &packet, stats);
}

char stoq_xdp_license[] SEC("license") = "Dual BSD/GPL";
