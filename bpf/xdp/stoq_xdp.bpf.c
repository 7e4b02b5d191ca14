// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * The XDP program: keeps from a transport's UDP ports what is no QUIC, what comes from where it
 * should not, and floods. Every other packet it hands on untouched (XDP_PASS). What passes goes to
 * the kernel, or to an AF_XDP socket where there is one. doc/ebpf.md describes what it does and why.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/xdp/count.bpf.h"
#include "bpf/xdp/usual.bpf.h"

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

/* A packet that was only glanced at: its verdict. */
static __always_inline int stoq_xdp_verdict(struct xdp_md *ctx,
	const struct stoq_xdp_settings *settings, struct stoq_xdp_packet *packet,
	struct stoq_xdp_stats *stats, enum stoq_xdp_look look, struct stoq_xdp_connection *found)
{
	int kind = STOQ_XDP_KIND_SHORT;

	if (look == STOQ_XDP_LOOKS_UNUSUAL) {
		switch (stoq_xdp_parse(ctx, settings, packet)) {
		case STOQ_XDP_OURS:
			break;
		case STOQ_XDP_FRAGMENT:
			return STOQ_XDP_PASS_FRAGMENT;
		case STOQ_XDP_BAD_LENGTH:
			return STOQ_XDP_DROP_LENGTH;
		default:
			return STOQ_XDP_PASS_OTHER;
		}
	}
	stoq_xdp_count_size(stats, packet->frame_bytes);
	if (look != STOQ_XDP_LOOKS_SHORT) {
		kind = stoq_quic_parse(ctx, packet);
		if (kind == STOQ_XDP_KIND_BAD)
			return STOQ_XDP_DROP_QUIC;
		if (packet->cid_bytes == STOQ_CID_BYTES)
			found = bpf_map_lookup_elem(&stoq_xdp_conns, &packet->cid.random);
	}
	return stoq_xdp_decide(&settings->config, packet, stats, kind, found);
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
