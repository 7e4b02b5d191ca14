/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * The packet as it nearly always is: UDP in IPv4 without options or IPv6 without extension headers,
 * no VLAN, whole in the first buffer; with a short header, of an established connection, from where
 * its last packet came. It is read where it lies, and nothing is copied. What is otherwise goes the
 * long way, with what is known of it. Both ways must end alike: the tests compare every frame with
 * a reference that knows one way only.
 */
#include "bpf/xdp/connection.bpf.h"

enum stoq_xdp_look {
	STOQ_XDP_LOOKS_UNUSUAL = 0, /* nothing is known */
	STOQ_XDP_LOOKS_OTHER,	    /* not for our ports; packet has frame_bytes */
	STOQ_XDP_LOOKS_OURS,	    /* packet is as stoq_xdp_parse() makes it */
	STOQ_XDP_LOOKS_SHORT,	    /* so it is, with the connection ID, which was looked up */
	STOQ_XDP_LOOKS_STEADY,	    /* passes; packet has frame_bytes and cid_first */
};

/* Of the frame. It need not be aligned, but if clang knew it would read byte by byte. */
#define STOQ_XDP_AT(type, data, offset) (*(const type *)((data) + (offset)))

/*
 * 1: since this connection's last packet nothing has changed but the time. Clock and age are
 * looked at once a tick: to read the tick costs no call.
 */
static __always_inline int stoq_xdp_is_steady(
	const struct stoq_xdp_config *config, struct stoq_xdp_connection *found)
{
	__u64 tick = bpf_jiffies64(), now_ns;

	if (found->state != STOQ_XDP_ESTABLISHED ||
		found->generation != *(const volatile __u32 *)&config->generation)
		return 0;
	if (found->tick == tick)
		return 1;
	now_ns = bpf_ktime_get_coarse_ns();
	if (found->last_ns + config->idle_timeout_ns < now_ns)
		return 0;
	found->last_ns = now_ns;
	found->tick = tick;
	return 1;
}

static __always_inline int stoq_xdp_is_from(
	const struct stoq_xdp_connection *found, void *data, __u32 ip, const int ipv6)
{
	const __u32 *remote = (const __u32 *)found->remote;

	if (!ipv6)
		return !(remote[0] | remote[1] | (remote[2] ^ bpf_htonl(0xffff)) |
			 (remote[3] ^ STOQ_XDP_AT(__be32, data, ip + 12)));
	return !((remote[0] ^ STOQ_XDP_AT(__be32, data, ip + 8)) |
		 (remote[1] ^ STOQ_XDP_AT(__be32, data, ip + 12)) |
		 (remote[2] ^ STOQ_XDP_AT(__be32, data, ip + 16)) |
		 (remote[3] ^ STOQ_XDP_AT(__be32, data, ip + 20)));
}

/* Bytes behind the IP header, as that says; -1: it is not UDP, or not of the usual form. */
static __always_inline int stoq_xdp_udp_space(void *data, __u32 ip, const int ipv6)
{
	if (ipv6)
		return (STOQ_XDP_AT(__u8, data, ip) & 0xf0) == 0x60 &&
				       STOQ_XDP_AT(__u8, data, ip + 6) == IPPROTO_UDP
			       ? bpf_ntohs(STOQ_XDP_AT(__be16, data, ip + 4))
			       : -1;
	/* Version and length of the header; no fragment (two bytes), and the protocol. */
	return STOQ_XDP_AT(__u8, data, ip) == 0x45 &&
			       (STOQ_XDP_AT(__be32, data, ip + 6) & bpf_htonl(0x3fff00ff)) ==
				       bpf_htonl(IPPROTO_UDP)
		       ? (int)bpf_ntohs(STOQ_XDP_AT(__be16, data, ip + 2)) -
				 (int)sizeof(struct iphdr)
		       : -1;
}

/* The destination, if the filter is for one address alone. */
static __always_inline int stoq_xdp_is_to_us(
	const struct stoq_xdp_config *config, void *data, __u32 ip, const int ipv6)
{
	const __u32 *ours = (const __u32 *)config->local;

	if (!(config->flags & STOQ_XDP_ONE_ADDRESS))
		return 1;
	if (!ipv6)
		return !(ours[0] | ours[1] | (ours[2] ^ bpf_htonl(0xffff)) |
			 (ours[3] ^ STOQ_XDP_AT(__be32, data, ip + 16)));
	return !((ours[0] ^ STOQ_XDP_AT(__be32, data, ip + 24)) |
		 (ours[1] ^ STOQ_XDP_AT(__be32, data, ip + 28)) |
		 (ours[2] ^ STOQ_XDP_AT(__be32, data, ip + 32)) |
		 (ours[3] ^ STOQ_XDP_AT(__be32, data, ip + 36)));
}

/* As the long way does. */
static __always_inline void stoq_xdp_fill(struct stoq_xdp_packet *packet, void *data, __u32 ip,
	__u32 udp, __u32 udp_bytes, const int ipv6)
{
	if (ipv6) {
		__builtin_memcpy(packet->tuple.remote, &STOQ_XDP_AT(__u64, data, ip + 8), 32);
	} else {
		stoq_xdp_map_ipv4(packet->tuple.remote, STOQ_XDP_AT(__be32, data, ip + 12));
		stoq_xdp_map_ipv4(packet->tuple.local, STOQ_XDP_AT(__be32, data, ip + 16));
	}
	packet->tuple.remote_port = STOQ_XDP_AT(__be16, data, udp);
	packet->tuple.local_port = STOQ_XDP_AT(__be16, data, udp + 2);
	packet->payload = udp + sizeof(struct udphdr);
	packet->end = udp + udp_bytes;
	packet->several_buffers = 0;
	packet->tagged = 0;
}

static __always_inline enum stoq_xdp_look stoq_xdp_glance_ip(stoq_xdp_frame *ctx,
	const struct stoq_xdp_settings *settings, struct stoq_xdp_packet *packet,
	struct stoq_xdp_connection **found, const int ipv6)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	const __u32 ip = ETH_HLEN;
	const __u32 udp = ip + (ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	const __u32 payload = udp + sizeof(struct udphdr);
	struct stoq_xdp_connection *connection;
	int space, udp_bytes;

	if (data + payload + STOQ_XDP_SHORT_BYTES > data_end)
		return STOQ_XDP_LOOKS_UNUSUAL;
	space = stoq_xdp_udp_space(data, ip, ipv6);
	if (space < (int)sizeof(struct udphdr) || udp + space > data_end - data)
		return STOQ_XDP_LOOKS_UNUSUAL;
	packet->frame_bytes = (__u32)(data_end - data);
	if (!stoq_xdp_is_our_port(settings, bpf_ntohs(STOQ_XDP_AT(__be16, data, udp + 2))) ||
		!stoq_xdp_is_to_us(&settings->config, data, ip, ipv6))
		return STOQ_XDP_LOOKS_OTHER;
	udp_bytes = bpf_ntohs(STOQ_XDP_AT(__be16, data, udp + 4));
	if (udp_bytes > space || udp_bytes <= (int)sizeof(struct udphdr))
		return STOQ_XDP_LOOKS_UNUSUAL;
	if ((STOQ_XDP_AT(__u8, data, payload) & 0xc0) != STOQ_QUIC_FIXED ||
		udp_bytes < (int)sizeof(struct udphdr) + STOQ_XDP_SHORT_BYTES) {
		stoq_xdp_fill(packet, data, ip, udp, udp_bytes, ipv6);
		return STOQ_XDP_LOOKS_OURS;
	}
	connection = bpf_map_lookup_elem(&stoq_xdp_conns, data + payload + 1);
	packet->cid_first = STOQ_XDP_AT(__u8, data, payload + 1);
	if (connection && connection->tag == STOQ_XDP_AT(__u64, data, payload + 9) &&
		connection->remote_port == STOQ_XDP_AT(__be16, data, udp) &&
		stoq_xdp_is_from(connection, data, ip, ipv6) &&
		stoq_xdp_is_steady(&settings->config, connection))
		return STOQ_XDP_LOOKS_STEADY;
	stoq_xdp_fill(packet, data, ip, udp, udp_bytes, ipv6);
	packet->cid_bytes = STOQ_CID_BYTES;
	packet->cid.random = STOQ_XDP_AT(__u64, data, payload + 1);
	packet->cid.tag = STOQ_XDP_AT(__u64, data, payload + 9);
	*found = connection;
	return STOQ_XDP_LOOKS_SHORT;
}

static __always_inline enum stoq_xdp_look stoq_xdp_glance(stoq_xdp_frame *ctx,
	const struct stoq_xdp_settings *settings, struct stoq_xdp_packet *packet,
	struct stoq_xdp_connection **found)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__be16 protocol;

	if (data + ETH_HLEN > data_end)
		return STOQ_XDP_LOOKS_UNUSUAL;
	protocol = STOQ_XDP_AT(__be16, data, ETH_HLEN - 2);
	if (protocol == bpf_htons(ETH_P_IP))
		return stoq_xdp_glance_ip(ctx, settings, packet, found, 0);
	return protocol == bpf_htons(ETH_P_IPV6)
		       ? stoq_xdp_glance_ip(ctx, settings, packet, found, 1)
		       : STOQ_XDP_LOOKS_UNUSUAL;
}
