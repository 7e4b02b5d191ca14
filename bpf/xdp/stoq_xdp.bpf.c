// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * The filter at XDP: keeps from a transport's UDP ports what is no QUIC, what comes from where it
 * should not, and floods. Every other packet it hands on untouched (XDP_PASS). What passes goes to
 * the kernel, or to an AF_XDP socket where there is one. doc/ebpf.md describes what it does and why.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/xdp/verdict.bpf.h"

/* A packet that no AF_XDP socket may have. */
static __always_inline int stoq_xdp_is_for_kernel(
	const struct stoq_xdp_config *config, const struct stoq_xdp_packet *packet)
{
	if (packet->several_buffers && !(config->flags & STOQ_XDP_REDIRECT_FRAGMENTS))
		return 1;
	/* Link-local: whom it is for depends on the VLAN, which a socket does not see. */
	return packet->tagged && packet->tuple.local[0] == 0xfe &&
	       (packet->tuple.local[1] & 0xc0) == 0x80;
}

/* A packet that passes, to the socket that takes this queue's, if one does. */
static __always_inline int stoq_xdp_steer(struct xdp_md *ctx, const struct stoq_xdp_config *config,
	struct stoq_xdp_stats *stats, __u8 cid_first)
{
	int action;

	if (!(config->flags & STOQ_XDP_REDIRECT))
		return XDP_PASS;
	action = (int)bpf_redirect_map(&stoq_xdp_xsks,
		stoq_xdp_xsk_index(ctx->rx_queue_index, config->xsks_per_queue, cid_first),
		XDP_PASS);
	if (action == XDP_REDIRECT)
		stats->redirected++;
	return action;
}

SEC("xdp")
int stoq_xdp(struct xdp_md *ctx)
{
	const struct stoq_xdp_settings *settings = stoq_xdp_first(&stoq_xdp_config);
	struct stoq_xdp_stats *stats = stoq_xdp_first(&stoq_xdp_stats);
	struct stoq_xdp_connection *found = 0;
	struct stoq_xdp_packet packet;
	enum stoq_xdp_look look;
	__u32 verdict;

	if (!settings || !stats)
		return XDP_PASS;
	look = stoq_xdp_glance(ctx, settings, &packet, &found);
	if (look == STOQ_XDP_LOOKS_STEADY) {
		stoq_xdp_count(stats, STOQ_XDP_PASS_ESTABLISHED, packet.frame_bytes);
		stoq_xdp_count_size(stats, packet.frame_bytes);
		return stoq_xdp_steer(ctx, &settings->config, stats, packet.cid_first);
	}
	if (look == STOQ_XDP_LOOKS_OTHER) {
		stoq_xdp_count(stats, STOQ_XDP_PASS_OTHER, packet.frame_bytes);
		return XDP_PASS;
	}
	verdict = stoq_xdp_verdict(ctx, settings, &packet, stats, look, found);
	stoq_xdp_count(stats, verdict, packet.frame_bytes);
	if (verdict >= STOQ_XDP_FIRST_DROP)
		return XDP_DROP;
	if (verdict < STOQ_XDP_PASS_ESTABLISHED ||
		stoq_xdp_is_for_kernel(&settings->config, &packet))
		return XDP_PASS;
	return stoq_xdp_steer(ctx, &settings->config, stats, packet.cid_first);
}

char stoq_xdp_license[] SEC("license") = "Dual BSD/GPL";
