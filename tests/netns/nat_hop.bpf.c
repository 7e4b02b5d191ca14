// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One hop of the test "join-nat": sends a frame on through interface TARGET. IPv4 addresses and the TCP port of the host's end
 * become others: FROM_SOURCE to TO_SOURCE, FROM_DESTINATION to TO_DESTINATION, and ports of the host SHIFT more (or
 * less), as a router that translates both does it. For kernels without netfilter.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IP_AT  ETH_HLEN
#define TCP_AT (ETH_HLEN + sizeof(struct iphdr))

static __always_inline void translate(
	struct __sk_buff *skb, __u32 offset, __be32 from, __be32 to, __u8 protocol)
{
	__be32 address;

	if (bpf_skb_load_bytes(skb, IP_AT + offset, &address, sizeof(address)) || address != from)
		return;
	if (protocol == IPPROTO_TCP)
		bpf_l4_csum_replace(skb, TCP_AT + offsetof(struct tcphdr, check), from, to,
			BPF_F_PSEUDO_HDR | sizeof(to));
	else if (protocol == IPPROTO_UDP)
		bpf_l4_csum_replace(skb, TCP_AT + offsetof(struct udphdr, check), from, to,
			BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0 | sizeof(to));
	bpf_l3_csum_replace(skb, IP_AT + offsetof(struct iphdr, check), from, to, sizeof(to));
	bpf_skb_store_bytes(skb, IP_AT + offset, &to, sizeof(to), 0);
}

static __always_inline void shift_port(struct __sk_buff *skb, __u32 offset)
{
	__be16 port, other;

	if (bpf_skb_load_bytes(skb, TCP_AT + offset, &port, sizeof(port)))
		return;
	other = bpf_htons(bpf_ntohs(port) + SHIFT);
	bpf_l4_csum_replace(
		skb, TCP_AT + offsetof(struct tcphdr, check), port, other, sizeof(other));
	bpf_skb_store_bytes(skb, TCP_AT + offset, &other, sizeof(other), 0);
}

SEC("tc")
int hop(struct __sk_buff *skb)
{
	struct iphdr ip;

	if (skb->protocol == bpf_htons(ETH_P_IP) &&
		!bpf_skb_load_bytes(skb, IP_AT, &ip, sizeof(ip))) {
		translate(skb, offsetof(struct iphdr, saddr), bpf_htonl(FROM_SOURCE),
			bpf_htonl(TO_SOURCE), ip.protocol);
		translate(skb, offsetof(struct iphdr, daddr), bpf_htonl(FROM_DESTINATION),
			bpf_htonl(TO_DESTINATION), ip.protocol);
		if (ip.protocol == IPPROTO_TCP)
			shift_port(skb, HOST_PORT_AT);
	}
	return bpf_redirect(TARGET, 0);
}
