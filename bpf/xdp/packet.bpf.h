/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * From a frame to a UDP packet for one of our ports, and our address if it is for one alone: Ethernet, up to two VLAN
 * tags, IPv4 with options, IPv6 with extension headers. Headers are read out of the first buffer, and where they
 * do not lie there, by the kernel's helper (frame.bpf.h).
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/xdp/frame.bpf.h"
#include "bpf/xdp/xdp_shared.h"

#define STOQ_XDP_VLAN_DEPTH	 2
/* Beyond any packet that means well (RFC 8200 section 4.1 has each once, one twice); more are dropped. */
#define STOQ_XDP_IPV6_EXTENSIONS 32
/* The verifier needs a bound on how far into the first buffer we may reach: beyond any buffer. */
#define STOQ_XDP_LINEAR_MAX	 0x7fff

enum stoq_xdp_parse {
	STOQ_XDP_OURS = 0,
	STOQ_XDP_NOT_OURS,	 /* or cut before that could be seen */
	STOQ_XDP_FRAGMENT,	 /* for another port, or not the first one */
	STOQ_XDP_FIRST_FRAGMENT, /* for our port */
	STOQ_XDP_BAD_LENGTH,	 /* for our port, or behind too many headers */
};

struct stoq_xdp_packet {
	struct stoq_xdp_tuple tuple;
	__u32 frame_bytes;
	__u32 payload;	   /* offset of the UDP payload */
	__u32 end;	   /* offset of its end */
	__u32 network_end; /* offset of the IP packet's end */
	__u32 several_buffers;
	__u32 generation;    /* of the prefixes, before they are looked at */
	__u8 first;	     /* the first byte of the QUIC packet */
	__u8 cid_bytes;	     /* length of its Destination Connection ID */
	__u8 cid_first;	     /* the first byte of that, 0 if it has none */
	__u8 tagged;	     /* it is a VLAN's */
	struct stoq_cid cid; /* set if cid_bytes is STOQ_CID_BYTES */
};

struct stoq_xdp_vlan_tag {
	__be16 tci;
	__be16 protocol;
};

struct stoq_xdp_extension {
	__u8 next_header;
	__u8 length;	 /* in 8 bytes, the first 8 not counted */
	__be16 fragment; /* of a fragment header, which has no length: offset and flags */
};

/* 0: bytes were copied from that offset of the frame. Inline: length is a constant. */
static __always_inline int stoq_xdp_load(
	stoq_xdp_frame *ctx, __u32 offset, void *to, const __u32 length)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;

	if (offset <= STOQ_XDP_LINEAR_MAX) {
		__u64 at = offset;
		void *from;

		/* Bounded in the register that is used: what verifiers learn of copies differs. */
		asm volatile("%0 &= %1" : "+r"(at) : "i"(STOQ_XDP_LINEAR_MAX));
		from = data + at;
		barrier_var(from);
		if (from + length <= data_end) {
			/* It is not aligned, but without this clang copies byte by byte. */
			__builtin_memcpy(to, __builtin_assume_aligned(from, 8), length);
			return 0;
		}
	}
	return stoq_xdp_load_far(ctx, offset, to, length);
}

static __always_inline void stoq_xdp_map_ipv4(__u8 *address, __be32 ipv4)
{
	__u32 *words = (__u32 *)address;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = ipv4;
}

/* Where IP's payload lies. */
struct stoq_xdp_network {
	__u32 start;
	__u32 end;
	int fragment; /* the first one */
};

static __always_inline int stoq_xdp_parse_ipv4(stoq_xdp_frame *ctx, __u32 offset,
	struct stoq_xdp_packet *packet, struct stoq_xdp_network *network)
{
	__u32 header_bytes, total;
	struct iphdr ip;

	if (stoq_xdp_load(ctx, offset, &ip, sizeof(ip)) || ip.protocol != IPPROTO_UDP)
		return STOQ_XDP_NOT_OURS;
	if (ip.frag_off & bpf_htons(0x1fff))
		return STOQ_XDP_FRAGMENT;
	network->fragment = !!(ip.frag_off & bpf_htons(0x2000));
	header_bytes = ip.ihl * 4;
	total = bpf_ntohs(ip.tot_len);
	if (ip.version != 4 || header_bytes < sizeof(ip) || total < header_bytes)
		return STOQ_XDP_NOT_OURS;
	network->start = offset + header_bytes;
	network->end = offset + total;
	stoq_xdp_map_ipv4(packet->tuple.remote, ip.saddr);
	stoq_xdp_map_ipv4(packet->tuple.local, ip.daddr);
	return STOQ_XDP_OURS;
}

static __always_inline int stoq_xdp_is_skipped(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_FRAGMENT;
}

/* Of an extension header: the next one's type, from bit 8 on its own length in units of 8 bytes, or one of these. */
#define STOQ_XDP_STEP_CUT   (1 << 30) /* it is not all there */
#define STOQ_XDP_STEP_LATER (1 << 29) /* not the first fragment */

/* A function of its own: the verifier goes through it once, and not for each way through all that came before. */
__noinline int stoq_xdp_extension(stoq_xdp_frame *ctx, __u32 offset, __u32 protocol)
{
	struct stoq_xdp_extension extension;

	if (stoq_xdp_load(ctx, offset, &extension, sizeof(extension)))
		return STOQ_XDP_STEP_CUT;
	if (protocol != IPPROTO_FRAGMENT)
		return extension.next_header | (extension.length + 1) << 8;
	if (extension.fragment & bpf_htons(0xfff8))
		return STOQ_XDP_STEP_LATER;
	return extension.next_header | 1 << 8;
}

static __always_inline int stoq_xdp_parse_ipv6(stoq_xdp_frame *ctx, __u32 offset,
	struct stoq_xdp_packet *packet, struct stoq_xdp_network *network)
{
	struct ipv6hdr ip;
	__u8 protocol;

	if (stoq_xdp_load(ctx, offset, &ip, sizeof(ip)) || ip.version != 6)
		return STOQ_XDP_NOT_OURS;
	protocol = ip.nexthdr;
	offset += sizeof(ip);
	network->end = offset + bpf_ntohs(ip.payload_len);
#pragma clang loop unroll(disable)
	for (int i = 0; i < STOQ_XDP_IPV6_EXTENSIONS; i++) {
		__u32 step;

		if (!stoq_xdp_is_skipped(protocol))
			break;
		step = (__u32)stoq_xdp_extension(ctx, offset, protocol);
		if (step & STOQ_XDP_STEP_CUT)
			return network->fragment ? STOQ_XDP_FRAGMENT : STOQ_XDP_NOT_OURS;
		if (step & STOQ_XDP_STEP_LATER)
			return STOQ_XDP_FRAGMENT;
		network->fragment |= protocol == IPPROTO_FRAGMENT;
		protocol = step & 0xff;
		offset += (step >> 8 & 0x1ff) * 8;
	}
	if (stoq_xdp_is_skipped(protocol))
		return STOQ_XDP_BAD_LENGTH;
	if (protocol != IPPROTO_UDP)
		return network->fragment ? STOQ_XDP_FRAGMENT : STOQ_XDP_NOT_OURS;
	network->start = offset;
	__builtin_memcpy(packet->tuple.remote, &ip.saddr, sizeof(packet->tuple.remote));
	__builtin_memcpy(packet->tuple.local, &ip.daddr, sizeof(packet->tuple.local));
	return STOQ_XDP_OURS;
}

static __always_inline int stoq_xdp_is_our_port(
	const struct stoq_xdp_settings *settings, __u16 port)
{
	return settings->ports[port / 64] >> port % 64 & 1;
}

static __always_inline int stoq_xdp_is_our_address(
	const struct stoq_xdp_config *config, const __u8 *address)
{
	const __u32 *ours = (const __u32 *)config->local, *its = (const __u32 *)address;

	return !(config->flags & STOQ_XDP_ONE_ADDRESS) ||
	       !((ours[0] ^ its[0]) | (ours[1] ^ its[1]) | (ours[2] ^ its[2]) | (ours[3] ^ its[3]));
}

static __always_inline int stoq_xdp_parse_udp(stoq_xdp_frame *ctx,
	const struct stoq_xdp_settings *settings, const struct stoq_xdp_network *network,
	struct stoq_xdp_packet *packet)
{
	struct udphdr udp;
	__u32 length;

	if (stoq_xdp_load(ctx, network->start, &udp, sizeof(udp)) ||
		!stoq_xdp_is_our_port(settings, bpf_ntohs(udp.dest)) ||
		!stoq_xdp_is_our_address(&settings->config, packet->tuple.local))
		return network->fragment ? STOQ_XDP_FRAGMENT : STOQ_XDP_NOT_OURS;
	if (network->fragment)
		return STOQ_XDP_FIRST_FRAGMENT;
	length = bpf_ntohs(udp.len);
	packet->tuple.remote_port = udp.source;
	packet->tuple.local_port = udp.dest;
	packet->payload = network->start + sizeof(udp);
	packet->end = network->start + length;
	packet->network_end = network->end;
	return length <= sizeof(udp) || packet->end > network->end ? STOQ_XDP_BAD_LENGTH
								   : STOQ_XDP_OURS;
}

/*
 * The bytes of all buffers. A packet of ours that ends in the first buffer is not asked about: the
 * call costs more than most of what is done here.
 */
static __always_inline void stoq_xdp_measure(stoq_xdp_frame *ctx, struct stoq_xdp_packet *packet)
{
	__u32 linear_bytes = packet->frame_bytes;

	packet->frame_bytes = stoq_xdp_frame_bytes(ctx, linear_bytes);
	packet->several_buffers = packet->frame_bytes != linear_bytes;
}

/* Fills packet up to `end`, without several_buffers; enum stoq_xdp_parse. */
static __always_inline int stoq_xdp_parse_linear(stoq_xdp_frame *ctx,
	const struct stoq_xdp_settings *settings, struct stoq_xdp_packet *packet)
{
	__u32 offset = ETH_HLEN;
	struct stoq_xdp_network network = {0};
	struct stoq_xdp_vlan_tag tag;
	__be16 protocol;
	int result;

	if (stoq_xdp_load(ctx, offset - sizeof(protocol), &protocol, sizeof(protocol)))
		return STOQ_XDP_NOT_OURS;
#pragma unroll
	for (int i = 0; i < STOQ_XDP_VLAN_DEPTH; i++) {
		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		if (stoq_xdp_load(ctx, offset, &tag, sizeof(tag)))
			return STOQ_XDP_NOT_OURS;
		protocol = tag.protocol;
		offset += sizeof(tag);
	}
	packet->tagged = offset != ETH_HLEN;
	if (protocol == bpf_htons(ETH_P_IP))
		result = stoq_xdp_parse_ipv4(ctx, offset, packet, &network);
	else if (protocol == bpf_htons(ETH_P_IPV6))
		result = stoq_xdp_parse_ipv6(ctx, offset, packet, &network);
	else
		return STOQ_XDP_NOT_OURS;
	return result == STOQ_XDP_OURS ? stoq_xdp_parse_udp(ctx, settings, &network, packet)
				       : result;
}

/* Fills packet up to `end`; enum stoq_xdp_parse. */
static __always_inline int stoq_xdp_parse(stoq_xdp_frame *ctx,
	const struct stoq_xdp_settings *settings, struct stoq_xdp_packet *packet)
{
	int result;

	packet->frame_bytes = (__u32)(ctx->data_end - ctx->data);
	packet->several_buffers = 0;
	result = stoq_xdp_parse_linear(ctx, settings, packet);
	if (result == STOQ_XDP_OURS && packet->network_end <= packet->frame_bytes)
		return STOQ_XDP_OURS;
	stoq_xdp_measure(ctx, packet);
	if (result == STOQ_XDP_OURS && packet->network_end > packet->frame_bytes)
		return STOQ_XDP_BAD_LENGTH;
	return result;
}
