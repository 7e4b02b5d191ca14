/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Acknowledgements do not wait, neither those that TCP sends along with data nor those that it sends alone: held with
 * data they would make the other end send again. So a packet that waits sends a copy of itself ahead, without its data:
 * an acknowledgement, and nothing else. One that TCP sends alone while packets of its connection wait is sent as a copy, too:
 * fq would hold it, as it does not look at a connection before the time of the packet that was its first when it looked last
 * (fq_flow_set_throttled(), net/sched/sch_fq.c), while a copy has no socket, and so another place there (fq_classify()).
 *
 * The copy passes the egress hook like every packet, within the call that sends it, on the same CPU: there it is
 * trimmed.
 */
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include "bpf/limit/limit.bpf.h"

#include <linux/pkt_cls.h>

#define STOQ_LIMIT_TCP_BYTES_MAX 60
#define STOQ_LIMIT_NOWHERE	 0x7fffffff /* no interface has this number */
#define STOQ_LIMIT_AT_CHECKSUM	 offsetof(struct tcphdr, check)

/* RFC 9293, 3.1; as 32-bit words, which add up to the same for IPv4, whose addresses leave the rest 0. */
struct stoq_limit_pseudo {
	__u8 addresses[2 * sizeof(struct in6_addr)];
	__be32 bytes;
	__be32 protocol;
};

/* BIG TCP's jumbogram option (RFC 2675) contradicts a length; what has it is not made short. */
static __always_inline int stoq_limit_is_jumbo(struct __sk_buff *skb, __u32 at)
{
	struct ipv6hdr ip;

	return bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) ||
	       (!ip.payload_len && ip.nexthdr == IPPROTO_HOPOPTS);
}

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
		if (stoq_limit_is_jumbo(skb, at))
			return 1;
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

/* ---- the TCP checksum ---- */

static __always_inline __u16 stoq_limit_fold(__u64 sum)
{
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff);
	return (__u16)((sum & 0xffff) + (sum >> 16));
}

static __always_inline int stoq_limit_load_addresses(
	struct __sk_buff *skb, const struct stoq_segment *segment, struct stoq_limit_pseudo *pseudo)
{
	__u32 at = segment->network_offset;
	__u8 version;

	pseudo->protocol = bpf_htonl(IPPROTO_TCP);
	if (bpf_skb_load_bytes(skb, at, &version, sizeof(version)))
		return 1;
	if (version >> 4 == 6)
		return bpf_skb_load_bytes(skb, at + offsetof(struct ipv6hdr, saddr),
			       pseudo->addresses, sizeof(pseudo->addresses)) != 0;
	return bpf_skb_load_bytes(skb, at + offsetof(struct iphdr, saddr), pseudo->addresses,
		       2 * sizeof(__be32)) != 0;
}

static __always_inline __u32 stoq_limit_pseudo_sum(struct stoq_limit_pseudo *pseudo, __u32 bytes)
{
	pseudo->bytes = bpf_htonl(bytes);
	return bpf_csum_diff(0, 0, (__be32 *)pseudo, sizeof(*pseudo), 0);
}

/* Of a TCP header alone; sum: of its pseudo header. 0, or not: the header cannot be read. */
static __always_inline int stoq_limit_complete(
	struct __sk_buff *skb, const struct stoq_segment *segment, __u32 sum, __u16 *checksum)
{
	__u32 bytes = segment->payload_offset - segment->tcp_offset;
	__be32 header[STOQ_LIMIT_TCP_BYTES_MAX / sizeof(__be32)] = {0};

	/* The asm keeps the compiler from making one test of the two, on a copy of the register: as in window.bpf.h. */
	asm volatile("" : "+r"(bytes));
	if (bytes < sizeof(struct tcphdr))
		return 1;
	asm volatile("" : "+r"(bytes));
	if (bytes > sizeof(header) || bpf_skb_load_bytes(skb, segment->tcp_offset, header, bytes))
		return 1;
	((struct tcphdr *)header)->check = 0;
	*checksum = (__u16)~stoq_limit_fold(bpf_csum_diff(0, 0, header, sizeof(header), sum));
	return 0;
}

/*
 * Takes the data off a packet that this machine has made. As a rule its checksum is still to be completed
 * (CHECKSUM_PARTIAL): what is there is the pseudo header's sum, which has the length. An interface above that cannot
 * leave it to this one has completed it. 0, or not: it cannot be done. A function of its own, whose frame is not among
 * those of following a stream: Linux 6.1 has 512 bytes for all frames together.
 */
static __noinline int stoq_limit_trim(struct __sk_buff *skb, struct stoq_segment *segment)
{
	struct stoq_limit_pseudo pseudo = {0};
	__u16 before, after;
	__u32 header, sum;
	int partial;

	if (stoq_parse_packet(skb, segment) != STOQ_PARSE_TCP || !segment->payload_bytes ||
		stoq_limit_load_addresses(skb, segment, &pseudo) ||
		bpf_skb_load_bytes(
			skb, segment->tcp_offset + STOQ_LIMIT_AT_CHECKSUM, &before, sizeof(before)))
		return 1;
	header = segment->payload_offset - segment->tcp_offset;
	sum = stoq_limit_pseudo_sum(&pseudo, header + segment->payload_bytes);
	partial = before == stoq_limit_fold(sum);
	if (bpf_skb_change_tail(skb, segment->payload_offset, 0) ||
		stoq_limit_trim_network(skb, segment))
		return 1;
	/* A copy has the departure time of the packet (skb_clear_tstamp(), include/linux/skbuff.h), which waits, and it does not. */
	skb->tstamp = 0;
	sum = stoq_limit_pseudo_sum(&pseudo, header);
	after = stoq_limit_fold(sum);
	if (!partial && stoq_limit_complete(skb, segment, sum, &after))
		return 1;
	return bpf_skb_store_bytes(skb, segment->tcp_offset + STOQ_LIMIT_AT_CHECKSUM, &after,
		       sizeof(after), 0) != 0;
}

/*
 * A packet that acknowledges goes ahead: its copy does, with or without data. What has data stays, the other one is dropped
 * by a redirection to no interface, which TCP does not take for congestion as it does TC_ACT_SHOT (sch_handle_egress(),
 * net/core/dev.c). The last that is done with a packet: the copy's way through the hook uses this CPU's work space.
 */
static __always_inline int stoq_limit_go_ahead(struct __sk_buff *skb, struct stoq_limit_cpu *limit)
{
	int alone = limit->ack == STOQ_LIMIT_ACK_ALONE, failed;

	limit->acking = limit->ack;
	limit->ack = 0;
	failed = bpf_clone_redirect(skb, skb->ifindex, 0) < 0;
	limit->acking = 0;
	STOQ_LIMIT_COUNT(acks, 1);
	return alone && !failed ? bpf_redirect(STOQ_LIMIT_NOWHERE, 0) : TC_ACT_UNSPEC;
}
