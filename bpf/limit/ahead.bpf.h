/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Acknowledgements do not wait. TCP sends what it has to acknowledge along with data, and no acknowledgement of its
 * own then; held with the data it would make the other end send again. So a packet that waits sends a copy of itself
 * ahead, without its data: an acknowledgement, and nothing else.
 *
 * The copy passes the egress hook like every packet, within the call that sends it, on the same CPU: there it is
 * trimmed.
 */
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include "bpf/limit/limit.bpf.h"

/* The length in the IP header, in network byte order, goes from one to the other. */
static __always_inline int stoq_limit_trim_network(
	struct __sk_buff *skb, const struct stoq_segment *segment)
{
	__u32 at = segment->network_offset, bytes = segment->payload_offset - at;
	__be16 before, after;
	__u8 version;

	if (bpf_skb_load_bytes(skb, at, &version, sizeof(version)))
		return 1;
	if (version >> 4 == 6) {
		after = bpf_htons(bytes - sizeof(struct ipv6hdr));
		return bpf_skb_store_bytes(skb, at + offsetof(struct ipv6hdr, payload_len), &after,
			       sizeof(after), 0) != 0;
	}
	after = bpf_htons(bytes);
	return bpf_skb_load_bytes(
		       skb, at + offsetof(struct iphdr, tot_len), &before, sizeof(before)) ||
	       bpf_l3_csum_replace(
		       skb, at + offsetof(struct iphdr, check), before, after, sizeof(after)) ||
	       bpf_skb_store_bytes(
		       skb, at + offsetof(struct iphdr, tot_len), &after, sizeof(after), 0);
}

/*
 * Takes the data off a packet that this machine has made. Its checksum is still to be completed (CHECKSUM_PARTIAL):
 * what is there is the pseudo header's sum, which has the length. 0, or not: it cannot be done.
 */
static __always_inline int stoq_limit_trim(struct __sk_buff *skb, struct stoq_segment *segment)
{
	__u32 header;

	if (stoq_parse_packet(skb, segment) != STOQ_PARSE_TCP || !segment->payload_bytes)
		return 1;
	header = segment->payload_offset - segment->tcp_offset;
	return bpf_skb_change_tail(skb, segment->payload_offset, 0) ||
	       stoq_limit_trim_network(skb, segment) ||
	       bpf_l4_csum_replace(skb, segment->tcp_offset + offsetof(struct tcphdr, check),
		       bpf_htonl(header + segment->payload_bytes), bpf_htonl(header),
		       BPF_F_PSEUDO_HDR | sizeof(__be32));
}

/* The last that is done with a packet: the copy's way through the hook uses this CPU's work space. */
static __always_inline void stoq_limit_go_ahead(struct __sk_buff *skb, struct stoq_limit_cpu *limit)
{
	limit->ack = 0;
	limit->acking = 1;
	bpf_clone_redirect(skb, skb->ifindex, 0);
	limit->acking = 0;
	STOQ_LIMIT_COUNT(acks, 1);
}
