// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * The filter at an interface's tc ingress: the same verdicts where XDP would cost more than it saves.
 * A driver such as veth or virtio_net turns segmentation offload off while it has an XDP program;
 * here a packet may be a super-packet, many datagrams of one sender under one header. Each of them
 * has a verdict, and is counted, as if it had come alone. The packet is dropped if all of them are to
 * be: the transport drops the bad ones among good ones itself. doc/ebpf.md.
 */
#define STOQ_XDP_AT_TC

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bpf/entry.bpf.h"
#include "bpf/xdp/verdict.bpf.h"

/* Linux' UDP_MAX_SEGMENTS is 64, since 6.9 128 (include/linux/udp.h). */
#define STOQ_XDP_SEGMENTS_MAX 128

/* Where the datagrams of a super-packet lie; and the last one that was of a steady connection. */
struct stoq_xdp_train {
	struct stoq_xdp_packet packet; /* the datagram at hand */
	__u32 header_bytes;
	__u32 trailer_bytes; /* Ethernet's padding */
	__u32 end;
	__u32 segment_bytes;
	__u32 known; /* packet.cid is that of a steady connection, from this sender */
};

struct stoq_xdp_short {
	__u8 first;
	struct stoq_cid cid;
} __attribute__((packed));

/*
 * 1: the datagram at hand goes on with the connection of the one before it. Nothing of the sender can have changed
 * since, so it is not looked up again.
 */
static __always_inline int stoq_xdp_goes_on(struct __sk_buff *ctx, struct stoq_xdp_train *train)
{
	struct stoq_xdp_short header;

	if (!train->known || train->packet.end - train->packet.payload < STOQ_XDP_SHORT_BYTES ||
		bpf_skb_load_bytes(ctx, train->packet.payload, &header, sizeof(header)))
		return 0;
	return (header.first & (STOQ_QUIC_LONG | STOQ_QUIC_FIXED)) == STOQ_QUIC_FIXED &&
	       header.cid.random == train->packet.cid.random &&
	       header.cid.tag == train->packet.cid.tag;
}

/* Counts the datagram at hand. Its verdict. A function of its own: verified once, not for each turn. */
__noinline int stoq_xdp_datagram(struct __sk_buff *ctx, struct stoq_xdp_train *train)
{
	const struct stoq_xdp_settings *settings = stoq_xdp_first(&stoq_xdp_config);
	struct stoq_xdp_stats *stats = stoq_xdp_first(&stoq_xdp_stats);
	int verdict = STOQ_XDP_PASS_ESTABLISHED;

	if (!train || !settings || !stats)
		return STOQ_XDP_PASS_OTHER;
	train->packet.frame_bytes = train->header_bytes + train->packet.end -
				    train->packet.payload + train->trailer_bytes;
	if (stoq_xdp_goes_on(ctx, train)) {
		stoq_xdp_count_size(stats, train->packet.frame_bytes);
	} else {
		verdict = stoq_xdp_verdict(
			ctx, settings, &train->packet, stats, STOQ_XDP_LOOKS_OURS, 0);
		train->known = verdict == STOQ_XDP_PASS_ESTABLISHED;
	}
	stoq_xdp_count(stats, verdict, train->packet.frame_bytes);
	return verdict;
}

/* 1: at least one datagram passes. */
static __always_inline int stoq_xdp_any_passes(struct __sk_buff *ctx, struct stoq_xdp_train *train)
{
	__u32 at = train->header_bytes;
	int passes = 0;

	for (int i = 0; i < STOQ_XDP_SEGMENTS_MAX; i++) {
		if (at >= train->end)
			return passes;
		train->packet.payload = at;
		at += train->segment_bytes;
		train->packet.end = at < train->end ? at : train->end;
		passes |= stoq_xdp_datagram(ctx, train) < STOQ_XDP_FIRST_DROP;
	}
	return 1; /* more than a packet can have */
}

/* For our ports, as far as it was parsed. A packet of one datagram is a short train. */
static __always_inline int stoq_xdp_on_train(struct __sk_buff *ctx, struct stoq_xdp_train *train)
{
	train->header_bytes = train->packet.payload;
	train->end = train->packet.end;
	train->segment_bytes = ctx->gso_size;
	if (!train->segment_bytes) {
		train->segment_bytes = train->end - train->header_bytes;
		train->trailer_bytes = ctx->len - train->end;
	}
	return stoq_xdp_any_passes(ctx, train) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

SEC("tc")
int stoq_xdp_tc(struct __sk_buff *ctx)
{
	const struct stoq_xdp_settings *settings = stoq_xdp_first(&stoq_xdp_config);
	struct stoq_xdp_stats *stats = stoq_xdp_first(&stoq_xdp_stats);
	enum stoq_xdp_verdict verdict = STOQ_XDP_PASS_OTHER;
	struct stoq_xdp_connection *found = 0;
	struct stoq_xdp_train train = {0};
	enum stoq_xdp_look look = STOQ_XDP_LOOKS_UNUSUAL;

	if (!settings || !stats)
		return TC_ACT_UNSPEC;
	if (!ctx->gso_size)
		look = stoq_xdp_glance(ctx, settings, &train.packet, &found);
	if (look == STOQ_XDP_LOOKS_STEADY) {
		verdict = STOQ_XDP_PASS_ESTABLISHED;
		stoq_xdp_count_size(stats, train.packet.frame_bytes);
	} else if (look == STOQ_XDP_LOOKS_UNUSUAL) {
		verdict = stoq_xdp_parse_verdict(ctx, settings, &train.packet);
	} else if (look != STOQ_XDP_LOOKS_OTHER) {
		verdict = STOQ_XDP_VERDICTS;
	}
	if (verdict == STOQ_XDP_VERDICTS)
		return stoq_xdp_on_train(ctx, &train);
	stoq_xdp_count(stats, verdict, train.packet.frame_bytes);
	return verdict >= STOQ_XDP_FIRST_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

char stoq_xdp_license[] SEC("license") = "Dual BSD/GPL";
