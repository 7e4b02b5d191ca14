/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * From a packet to its TCP segment: Ethernet, VLAN tags, IPv4 with options, IPv6
 * with extension headers. The headers lie in the packet's linear part nearly always; where
 * not, they are pulled there once.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/stream/stream.bpf.h"

/*
 * Linux takes off any number of tags with VID 0 without a VLAN device (__netif_receive_skb_core()
 * in net/core/dev.c); one more may be in skb->vlan_tci, where network cards put it.
 */
#define STOQ_VLAN_DEPTH	     8
#define STOQ_IPV6_EXTENSIONS 6

/* Interfaces whose packets begin with the IP header (tunnels), without gaps; 0: no more. */
STOQ_SETTING __u32 stoq_bare_interfaces[STOQ_BARE_MAX];

struct stoq_vlan_tag {
	__be16 tci;
	__be16 protocol;
};

struct stoq_ipv6_extension {
	__u8 next_header;
	__u8 length; /* in 8 bytes, the first 8 not counted */
	__u8 rest[6];
};

/* What lies between Ethernet and TCP, as the IP header has it. */
struct stoq_network {
	void *end;	     /* where the TCP header begins */
	__u32 payload_bytes; /* of IP: TCP header and data; 0: the packet's length decides */
	__u8 protocol;
};

static __always_inline void stoq_map_ipv4(__u8 *address, __be32 ipv4)
{
	__u32 *words = (__u32 *)address;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = ipv4;
}

static __always_inline int stoq_parse_ipv4(
	void *data, void *data_end, struct stoq_network *network, __u64 *source, __u64 *destination)
{
	struct iphdr *ip = data;
	__u32 header_bytes, total;

	if ((void *)(ip + 1) > data_end)
		return STOQ_PARSE_MALFORMED;
	if (ip->protocol != IPPROTO_TCP)
		return STOQ_PARSE_OTHER;
	if (ip->frag_off & bpf_htons(0x3fff))
		return STOQ_PARSE_FRAGMENT;
	header_bytes = ip->ihl * 4;
	if (ip->version != 4 || header_bytes < sizeof(*ip))
		return STOQ_PARSE_MALFORMED;
	total = bpf_ntohs(ip->tot_len);
	if (total && total < header_bytes)
		return STOQ_PARSE_MALFORMED;
	network->protocol = IPPROTO_TCP;
	network->end = data + header_bytes;
	network->payload_bytes = total ? total - header_bytes : 0;
	stoq_map_ipv4((__u8 *)source, ip->saddr);
	stoq_map_ipv4((__u8 *)destination, ip->daddr);
	return STOQ_PARSE_TCP;
}

static __always_inline int stoq_is_skipped_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS;
}

/* What is it a fragment of? Behind more extension headers it may be TCP. */
static __always_inline int stoq_parse_ipv6_fragment(void *data, void *data_end)
{
	struct stoq_ipv6_extension *extension = data;

	if ((void *)(extension + 1) > data_end)
		return STOQ_PARSE_MALFORMED;
	if (extension->next_header == IPPROTO_TCP || extension->next_header == IPPROTO_FRAGMENT ||
		stoq_is_skipped_extension(extension->next_header))
		return STOQ_PARSE_FRAGMENT;
	return STOQ_PARSE_OTHER;
}

static __always_inline int stoq_parse_ipv6(
	void *data, void *data_end, struct stoq_network *network, __u64 *source, __u64 *destination)
{
	struct ipv6hdr *ip = data;
	__u8 protocol;
	__u32 left;

	if ((void *)(ip + 1) > data_end)
		return STOQ_PARSE_MALFORMED;
	protocol = ip->nexthdr;
	left = bpf_ntohs(ip->payload_len); /* 0: a jumbogram, as BIG TCP makes them */
	__builtin_memcpy(source, &ip->saddr, sizeof(ip->saddr));
	__builtin_memcpy(destination, &ip->daddr, sizeof(ip->daddr));
	data = ip + 1;
#pragma unroll
	for (int i = 0; i < STOQ_IPV6_EXTENSIONS; i++) {
		struct stoq_ipv6_extension *extension = data;
		__u32 bytes;

		if (!stoq_is_skipped_extension(protocol))
			break;
		if ((void *)(extension + 1) > data_end)
			return STOQ_PARSE_MALFORMED;
		bytes = (extension->length + 1) * 8;
		if (left && bytes >= left)
			return STOQ_PARSE_MALFORMED;
		left = left ? left - bytes : 0;
		protocol = extension->next_header;
		data += bytes;
	}
	if (protocol == IPPROTO_FRAGMENT)
		return stoq_parse_ipv6_fragment(data, data_end);
	if (stoq_is_skipped_extension(protocol))
		return STOQ_PARSE_MALFORMED; /* more of them than anybody needs */
	network->protocol = protocol;
	network->end = data;
	network->payload_bytes = left;
	return protocol == IPPROTO_TCP ? STOQ_PARSE_TCP : STOQ_PARSE_OTHER;
}

static __always_inline void stoq_fill_key(struct stoq_segment *segment, const __u64 *source,
	const __u64 *destination, __be16 source_port, __be16 destination_port)
{
	int from_a = stoq_end_is_first(source, destination, source_port, destination_port);
	struct stoq_flow_key *key = &segment->key;

	segment->from_a = from_a;
	__builtin_memcpy(key->address_a, from_a ? source : destination, sizeof(key->address_a));
	__builtin_memcpy(key->address_b, from_a ? destination : source, sizeof(key->address_b));
	key->port_a = from_a ? source_port : destination_port;
	key->port_b = from_a ? destination_port : source_port;
}

/*
 * A global function, so that it is verified once. Where there are no such interfaces the verifier
 * knows that the first entry is 0, and the call is not there.
 */
__noinline int stoq_is_listed_bare(__u32 ifindex)
{
	for (int i = 0; i < STOQ_BARE_MAX; i++)
		if (stoq_bare_interfaces[i] == ifindex)
			return 1;
	return 0;
}

static __always_inline int stoq_is_bare(const struct __sk_buff *skb)
{
	return stoq_bare_interfaces[0] && stoq_is_listed_bare(skb->ifindex);
}

static __always_inline int stoq_is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

/*
 * The protocol behind Ethernet and its tags, and where it begins (in segment->tcp_offset).
 * The VLAN is that of the innermost tag that names one: Linux delivers a VID of 0 to the device
 * that it came by.
 */
static __always_inline enum stoq_parse stoq_parse_tags(
	struct __sk_buff *skb, struct stoq_segment *segment, __be16 *protocol)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	struct ethhdr *ethernet = data;
	__u16 vlan_id = skb->vlan_present ? skb->vlan_tci & 0x0fff : 0;
	__u32 offset = sizeof(*ethernet);

	segment->key.vlan_id = vlan_id;
	segment->key.pad = 0;
	segment->tcp_offset = 0;
	if (stoq_is_bare(skb)) {
		*protocol = skb->protocol;
		return STOQ_PARSE_TCP;
	}
	if ((void *)(ethernet + 1) > data_end)
		return STOQ_PARSE_MALFORMED;
	*protocol = ethernet->h_proto;
#pragma unroll
	for (int i = 0; i < STOQ_VLAN_DEPTH; i++) {
		struct stoq_vlan_tag *tag = data + sizeof(*ethernet) + i * sizeof(*tag);

		if (!stoq_is_vlan(*protocol))
			break;
		if ((void *)(tag + 1) > data_end)
			return STOQ_PARSE_MALFORMED;
		if (tag->tci & bpf_htons(0x0fff))
			vlan_id = bpf_ntohs(tag->tci) & 0x0fff;
		*protocol = tag->protocol;
		offset += sizeof(*tag);
	}
	segment->key.vlan_id = vlan_id;
	segment->tcp_offset = offset;
	return stoq_is_vlan(*protocol) ? STOQ_PARSE_TAGS : STOQ_PARSE_TCP;
}

/* Fills segment; enum stoq_parse. */
static __noinline int stoq_parse_segment(struct __sk_buff *skb, struct stoq_segment *segment)
{
	struct stoq_network network = {0};
	__u64 source[2], destination[2];
	__u32 offset, header_bytes;
	void *data, *data_end;
	struct tcphdr *tcp;
	__be16 protocol;
	int result;

	if (!segment)
		return STOQ_PARSE_OTHER;
	result = stoq_parse_tags(skb, segment, &protocol);
	if (result != STOQ_PARSE_TCP)
		return result;
	segment->network_offset = segment->tcp_offset;
	data_end = (void *)(long)skb->data_end;
	/* Read back, so that the verifier does not follow the rest once for each number of tags. */
	data = (void *)(long)skb->data + STOQ_BOUND(*(volatile __u32 *)&segment->tcp_offset, 64);
	if (protocol == bpf_htons(ETH_P_IP))
		result = stoq_parse_ipv4(data, data_end, &network, source, destination);
	else if (protocol == bpf_htons(ETH_P_IPV6))
		result = stoq_parse_ipv6(data, data_end, &network, source, destination);
	else
		result = STOQ_PARSE_OTHER;
	if (result != STOQ_PARSE_TCP)
		return result;

	tcp = network.end;
	if ((void *)(tcp + 1) > data_end)
		return STOQ_PARSE_MALFORMED;
	header_bytes = tcp->doff * 4; // NOLINT(clang-analyzer-core.NullDereference)
	offset = (__u32)((long)tcp - (long)skb->data);
	if (!network.payload_bytes && skb->len > offset)
		network.payload_bytes = skb->len - offset;
	if (header_bytes < sizeof(*tcp) || header_bytes > network.payload_bytes ||
		network.payload_bytes > skb->len - offset)
		return STOQ_PARSE_MALFORMED;
	segment->tcp_offset = offset;
	segment->payload_offset = offset + header_bytes;
	segment->payload_bytes = network.payload_bytes - header_bytes;
	segment->option_bytes = header_bytes - sizeof(*tcp);
	segment->sequence = bpf_ntohl(tcp->seq);
	segment->acknowledged = bpf_ntohl(tcp->ack_seq);
	segment->syn = tcp->syn;
	segment->ack = tcp->ack;
	segment->fin = tcp->fin;
	segment->rst = tcp->rst;
	segment->urg = tcp->urg;
	if (STOQ_STAGED)
		segment->window = bpf_ntohs(tcp->window);
	stoq_fill_key(segment, source, destination, tcp->source, tcp->dest);
	return STOQ_PARSE_TCP;
}

/* The same; headers that do not lie in the packet's linear part are pulled there. */
static __always_inline int stoq_parse_packet(struct __sk_buff *skb, struct stoq_segment *segment)
{
	int result = stoq_parse_segment(skb, segment);

	if (result == STOQ_PARSE_MALFORMED && skb->len > (__u32)(skb->data_end - skb->data) &&
		bpf_skb_pull_data(
			skb, skb->len < STOQ_HEADERS_BYTES ? skb->len : STOQ_HEADERS_BYTES) == 0)
		result = stoq_parse_segment(skb, segment);
	return result;
}
