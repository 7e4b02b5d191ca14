// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * The filter at an interface's tc ingress: the same verdicts where XDP would cost more than it saves.
 * A driver such as veth or virtio_net turns segmentation offload off while it has an XDP program;
 * here a packet may be a super-packet, many datagrams of one sender under one header. Each of them
 * has a verdict, and is counted, as if it had come alone. The packet is dropped if all of them are to
 * be. Among good ones a bad one cannot be cut out: it loses its first byte, without which no QUIC packet is one, and
 * the transport drops it unread. doc/ebpf.md.
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
	__u32 passed, dropped;
	__u64 bad[STOQ_XDP_SEGMENTS_MAX / 64]; /* a bit for each that is to be dropped */
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

/* Counts the datagram at hand. 1: it is to be dropped. */
static __always_inline int stoq_xdp_is_bad(struct __sk_buff *ctx, struct stoq_xdp_train *train,
	const struct stoq_xdp_settings *settings, struct stoq_xdp_stats *stats)
{
	int verdict = STOQ_XDP_PASS_ESTABLISHED;

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
	return verdict >= STOQ_XDP_FIRST_DROP;
}

/* Judges datagram i. 1: the packet has no such datagram. A function of its own: verified once, not for each turn. */
__noinline int stoq_xdp_datagram(struct __sk_buff *ctx, struct stoq_xdp_train *train, __u32 i)
{
	const struct stoq_xdp_settings *settings = stoq_xdp_first(&stoq_xdp_config);
	struct stoq_xdp_stats *stats = stoq_xdp_first(&stoq_xdp_stats);
	__u32 at;

	if (!train || !settings || !stats || i >= STOQ_XDP_SEGMENTS_MAX)
		return 1;
	at = train->header_bytes + i * train->segment_bytes;
	if (at >= train->end)
		return 1;
	train->packet.payload = at;
	at += train->segment_bytes;
	train->packet.end = at < train->end ? at : train->end;
	if (stoq_xdp_is_bad(ctx, train, settings, stats)) {
		train->bad[i / 64] |= 1ull << i % 64;
		train->dropped++;
	} else {
		train->passed++;
	}
	return 0;
}

/*
 * Linux before 6.3 wants a loop to go back by a jump. Here and below clang has no reason to lay it out otherwise, as the body is
 * one call.
 */
static __always_inline void stoq_xdp_judge(struct __sk_buff *ctx, struct stoq_xdp_train *train)
{
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < STOQ_XDP_SEGMENTS_MAX; i++)
		if (stoq_xdp_datagram(ctx, train, i))
			break;
}

/* Spoils datagram i if it is bad. Not 0: the kernel has no memory. Verified once, too. */
__noinline int stoq_xdp_spoil(struct __sk_buff *ctx, const struct stoq_xdp_train *train, __u32 i)
{
	const __u8 no_quic = 0;

	if (!train || i >= STOQ_XDP_SEGMENTS_MAX || !(train->bad[i / 64] >> i % 64 & 1))
		return 0;
	return (int)bpf_skb_store_bytes(ctx, train->header_bytes + i * train->segment_bytes,
		&no_quic, sizeof(no_quic), BPF_F_RECOMPUTE_CSUM);
}

/*
 * Bad datagrams among good ones. The last comes first: the kernel copies what lies in front of a byte that changes.
 * Should it have no memory for that the packet passes as it is, which the transport can live with.
 */
static __always_inline void stoq_xdp_spoil_all(
	struct __sk_buff *ctx, const struct stoq_xdp_train *train)
{
#pragma clang loop unroll(disable)
	for (__u32 i = STOQ_XDP_SEGMENTS_MAX; i > 0; i--)
		if (stoq_xdp_spoil(ctx, train, i - 1))
			break;
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
	stoq_xdp_judge(ctx, train);
	if (!train->passed)
		return TC_ACT_SHOT;
	if (train->dropped)
		stoq_xdp_spoil_all(ctx, train);
	return TC_ACT_UNSPEC;
}

/* A packet from a guest can lie about its datagrams, and have more than Linux puts into one. */
static __always_inline int stoq_xdp_is_too_long(
	const struct __sk_buff *ctx, const struct stoq_xdp_packet *packet)
{
	return ctx->gso_size &&
	       packet->end - packet->payload > ctx->gso_size * STOQ_XDP_SEGMENTS_MAX;
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
		verdict = stoq_xdp_parse_verdict(ctx, settings, &train.packet, stats);
	} else if (look != STOQ_XDP_LOOKS_OTHER) {
		verdict = STOQ_XDP_VERDICTS;
	}
	if (verdict == STOQ_XDP_VERDICTS && stoq_xdp_is_too_long(ctx, &train.packet))
		verdict = STOQ_XDP_DROP_LENGTH;
	if (verdict == STOQ_XDP_VERDICTS)
		return stoq_xdp_on_train(ctx, &train);
	stoq_xdp_count(stats, verdict, train.packet.frame_bytes);
	return verdict >= STOQ_XDP_FIRST_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

char stoq_xdp_license[] SEC("license") = "Dual BSD/GPL";
