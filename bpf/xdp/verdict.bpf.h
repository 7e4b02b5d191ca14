/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* From a look at a packet to its verdict. */
#include "bpf/xdp/count.bpf.h"
#include "bpf/xdp/usual.bpf.h"

/*
 * The first fragment of a datagram for our ports, without which the others are worth nothing. QUIC forbids
 * fragments (RFC 9000 section 14), and one proves nothing; where a path makes some, they pass within the
 * limit for that.
 */
static __always_inline enum stoq_xdp_verdict stoq_xdp_fragment_verdict(
	const struct stoq_xdp_config *config, struct stoq_xdp_packet *packet)
{
	int verdict = STOQ_XDP_PASS_OTHER;

	if (config->allow_prefixes || config->deny_prefixes)
		verdict = stoq_xdp_check_source(config, &packet->tuple);
	if (verdict == STOQ_XDP_PASS_OTHER)
		verdict = stoq_xdp_admit_unproven(config, bpf_ktime_get_coarse_ns());
	return verdict == STOQ_XDP_PASS_UNPROVEN ? STOQ_XDP_PASS_FRAGMENT : verdict;
}

/* Parses a packet. STOQ_XDP_VERDICTS: it is ours, and what becomes of it is yet to be seen. */
static __always_inline enum stoq_xdp_verdict stoq_xdp_parse_verdict(stoq_xdp_frame *ctx,
	const struct stoq_xdp_settings *settings, struct stoq_xdp_packet *packet,
	struct stoq_xdp_stats *stats)
{
	switch (stoq_xdp_parse(ctx, settings, packet)) {
	case STOQ_XDP_OURS:
		return STOQ_XDP_VERDICTS;
	case STOQ_XDP_FRAGMENT:
		return STOQ_XDP_PASS_FRAGMENT;
	case STOQ_XDP_FIRST_FRAGMENT:
		stoq_xdp_count_size(stats, packet->frame_bytes);
		return stoq_xdp_fragment_verdict(&settings->config, packet);
	case STOQ_XDP_BAD_LENGTH:
		return STOQ_XDP_DROP_LENGTH;
	default:
		return STOQ_XDP_PASS_OTHER;
	}
}

/* A packet that was only glanced at: its verdict. */
static __always_inline int stoq_xdp_verdict(stoq_xdp_frame *ctx,
	const struct stoq_xdp_settings *settings, struct stoq_xdp_packet *packet,
	struct stoq_xdp_stats *stats, enum stoq_xdp_look look, struct stoq_xdp_connection *found)
{
	int kind = STOQ_XDP_KIND_SHORT;

	if (look == STOQ_XDP_LOOKS_UNUSUAL) {
		enum stoq_xdp_verdict verdict =
			stoq_xdp_parse_verdict(ctx, settings, packet, stats);

		if (verdict != STOQ_XDP_VERDICTS)
			return (int)verdict;
	}
	stoq_xdp_count_size(stats, packet->frame_bytes);
	if (look != STOQ_XDP_LOOKS_SHORT) {
		kind = stoq_quic_parse(ctx, packet);
		if (kind == STOQ_XDP_KIND_BAD)
			return STOQ_XDP_DROP_QUIC;
		if (packet->cid_bytes == STOQ_CID_BYTES) {
			__u64 key = packet->cid.random;

			found = bpf_map_lookup_elem(&stoq_xdp_conns, &key);
		}
	}
	return stoq_xdp_decide(&settings->config, packet, stats, kind, found);
}
