/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * What of a segment's TCP header does not reach a target, as it would read another stream then than
 * the guard does.
 */
#include <linux/tcp.h>

#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"

#define STOQ_TCP_AT_FLAGS    12 /* data offset and flags, 16 bits */
#define STOQ_TCP_AT_CHECKSUM 16
#define STOQ_TCP_AT_URGENT   18
#define STOQ_TCP_URG	     0x0020

/*
 * Takes the urgent mark off: Linux takes the byte that it points at out of what the application
 * reads (tcp_check_urg() in net/ipv4/tcp_input.c), and it may point into a later segment. NVMe/TCP
 * has no use for it. 0, or 1: the packet is to be dropped.
 */
__noinline int stoq_guard_clear_urgent(struct __sk_buff *skb, __u32 tcp_offset)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	__u32 checksum = tcp_offset + STOQ_TCP_AT_CHECKSUM;
	__u16 flags = 0, cleared, pointer = 0, none = 0;

	if (!guard)
		return 1;
	if (stoq_guard_audit) {
		stoq_guard_total(STOQ_GUARD_URGENT);
		return 0;
	}
	if (bpf_skb_load_bytes(skb, tcp_offset + STOQ_TCP_AT_FLAGS, &flags, sizeof(flags)) ||
		bpf_skb_load_bytes(skb, tcp_offset + STOQ_TCP_AT_URGENT, &pointer, sizeof(pointer)))
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_STORE);
	cleared = flags & ~bpf_htons(STOQ_TCP_URG);
	if (bpf_skb_store_bytes(
		    skb, tcp_offset + STOQ_TCP_AT_FLAGS, &cleared, sizeof(cleared), 0) ||
		bpf_skb_store_bytes(skb, tcp_offset + STOQ_TCP_AT_URGENT, &none, sizeof(none), 0) ||
		bpf_l4_csum_replace(skb, checksum, flags, cleared, sizeof(flags)) ||
		bpf_l4_csum_replace(skb, checksum, pointer, none, sizeof(pointer)))
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_STORE);
	stoq_guard_total(STOQ_GUARD_URGENT);
	return 0;
}

/*
 * Makes no-operations of a SYN's options of Multipath TCP, so that both ends fall back to plain TCP
 * (RFC 8684, 3.7). Else the stream could come in pieces over several connections, some past the
 * guard, and at places that only those options contain. 0, or 1: the packet is to be dropped.
 */
__noinline int stoq_guard_strip_multipath(
	struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 tcp_offset, __u32 bytes)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	__s64 sum;

	if (!cpu || !guard)
		return 1;
	if (bytes - 1 >= STOQ_OPTIONS_BYTES || !stoq_find_multipath(skb, cpu, tcp_offset, bytes))
		return 0;
	if (stoq_guard_audit) {
		stoq_guard_total(STOQ_GUARD_MULTIPATH);
		return 0;
	}
	sum = bpf_csum_diff((__be32 *)cpu->window, STOQ_OPTIONS_BYTES,
		(__be32 *)&cpu->window[STOQ_OPTIONS_CHANGED], STOQ_OPTIONS_BYTES, 0);
	if (sum < 0 ||
		bpf_skb_store_bytes(skb, tcp_offset + sizeof(struct tcphdr),
			&cpu->window[STOQ_OPTIONS_CHANGED], STOQ_BOUND(bytes - 1, 64) + 1, 0) ||
		bpf_l4_csum_replace(skb, tcp_offset + STOQ_TCP_AT_CHECKSUM, 0, sum, 0))
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_STORE);
	stoq_guard_total(STOQ_GUARD_MULTIPATH);
	return 0;
}

/*
 * Flags of a connection's life: a SYN alone or with ACK; then ACK in every segment but a reset.
 * Receivers take the others in different ways, or not at all (RFC 9293, 3.10.7).
 */
static __always_inline int stoq_guard_flags_are_plain(const struct stoq_segment *segment)
{
	if (segment->syn)
		return !segment->fin && !segment->rst;
	if (segment->rst)
		return !segment->fin && !segment->payload_bytes;
	return segment->ack;
}
