/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Which connection a segment belongs to, and whether it can be its: where it came from, and what
 * the target's TCP has taken notice of. doc/design/guard-program.md, "Connections".
 */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"
#include "bpf/stream/hooks.bpf.h"
#include "bpf/stream/maps.bpf.h"
#include "nvme/nvme_tcp_check.h"

#define STOQ_LOOPBACK 1 /* the interface's number, in each network namespace (net/core/dev.c) */

/* Where both ends are on this machine, all segments come from anywhere. */
#define STOQ_GUARD_ANYWHERE 0xffffffffu

/* Linux makes an ISN of a hash of the ends and a clock that comes round after 2^38 ns
 * (net/core/secure_seq.c). */
#define STOQ_GUARD_ISN_NS 240000000000ull

/* Where it came into this machine: the number of an interface, or 0 if it was made here. */
static __always_inline __u32 stoq_guard_from(const struct __sk_buff *skb)
{
	return skb->ifindex == STOQ_LOOPBACK ? STOQ_GUARD_ANYWHERE : skb->ingress_ifindex;
}

/* Both ends' segments came from the same place, where there should be two. */
static __always_inline int stoq_guard_is_same_place(__u32 one, __u32 other)
{
	return one == other && one != STOQ_GUARD_ANYWHERE;
}

/* ---- SYNs ---- */

/* Whether the flow began with this SYN and ACK, which was sent again. */
static __always_inline int stoq_guard_began_with(
	const struct stoq_flow *flow, const struct stoq_segment *segment)
{
	return flow && flow->guard.opened && flow->host_first == segment->acknowledged &&
	       flow->controller_first == segment->sequence + 1 &&
	       bpf_ktime_get_ns() - flow->first_seen_ns < STOQ_GUARD_ISN_NS;
}

/*
 * A SYN with ACK means that the target had no connection with these ends, and has one now: whatever
 * there was is over. Strictly, it answers the host's SYN, and comes from somewhere else.
 */
static __noinline int stoq_guard_on_answer(
	struct stoq_cpu *cpu, struct stoq_guard_cpu *guard, struct stoq_flow *flow)
{
	const struct stoq_segment *segment = &guard->segment;
	struct stoq_newcomer *newcomer = bpf_map_lookup_elem(&stoq_newcomers, &segment->key);

	if ((newcomer && stoq_is_same_answer(newcomer, segment)) ||
		stoq_guard_began_with(flow, segment))
		return 0;
	if (guard->careful && (!newcomer || newcomer->host_first != segment->acknowledged))
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_UNFOLLOWED);
	if (guard->careful && stoq_guard_is_same_place(newcomer->syn_from, guard->from))
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_SIDE);
	if (!newcomer) {
		struct stoq_newcomer fresh = {
			.host_first = segment->acknowledged, .host_is_a = !segment->from_a};

		bpf_map_update_elem(&stoq_newcomers, &segment->key, &fresh, BPF_ANY);
		newcomer = bpf_map_lookup_elem(&stoq_newcomers, &segment->key);
	}
	if (newcomer)
		stoq_newcomer_answer(newcomer, segment, guard->from);
	if (newcomer && stoq_guard_audit && guard->drop)
		newcomer->followed = STOQ_NEWCOMER_UNFOLLOWED;
	if (flow)
		stoq_flow_remove(cpu, &segment->key);
	bpf_map_delete_elem(&stoq_guard_identities, &segment->key);
	return 0;
}

/* A SYN. With data it would be accepted before the controller's SYN is seen (Fast Open, RFC 7413).
 */
static __always_inline void stoq_guard_on_syn(
	struct stoq_cpu *cpu, struct stoq_guard_cpu *guard, struct stoq_flow *flow, int ports)
{
	const struct stoq_segment *segment = &guard->segment;

	if (ports && segment->payload_bytes) {
		stoq_guard_drop(guard, STOQ_GUARD_DROP_UNFOLLOWED);
		if (stoq_guard_audit) /* no SYN that was seen may be answered in its place */
			bpf_map_delete_elem(&stoq_newcomers, &segment->key);
	} else if (ports == STOQ_GUARD_TO && !segment->ack) {
		stoq_newcomer_syn(segment, guard->from);
	} else if (ports == STOQ_GUARD_FROM && segment->ack) {
		stoq_guard_on_answer(cpu, guard, flow);
	}
}

/* ---- strictly: from the SYNs to the controller's first data ---- */

/* What an ICReq begins with: type, flags, HLEN, PDO, PLEN. */
#define STOQ_GUARD_ICREQ       0x0000008000800000ull
#define STOQ_GUARD_ICREQ_BYTES 128
/* After these come MAXR2T's lower half, and reserved bytes (NVMe/TCP 1.1, 3.6.2.2). */
#define STOQ_GUARD_ICREQ_KNOWN 16

/* Whether this can be byte `at` of an ICReq: 0, or the reason to drop it. */
static __always_inline int stoq_guard_icreq_byte(__u32 at, __u8 byte)
{
	__u64 icreq = STOQ_GUARD_ICREQ;
	__u8 most = 0; /* PFV is 0, and more than 65,536 R2Ts at once are not honest */

	if (at < sizeof(icreq))
		return byte == (__u8)(icreq >> (at * 8)) ? 0 : STOQ_GUARD_DROP_MALFORMED_PDU;
	if (at == 10)
		most = 31; /* HPDA */
	else if (at == 11)
		most = 3; /* the digests */
	else if (at == 12 || at == 13)
		most = 255;
	return byte <= most ? 0 : STOQ_GUARD_DROP_NEGOTIATION;
}

/*
 * Whether the payload can be an ICReq's bytes from position `at` on: 0, or the reason to drop it.
 * Byte by byte, since an ICReq may be cut anywhere.
 */
static __always_inline int stoq_guard_check_icreq(
	struct __sk_buff *skb, const struct stoq_segment *segment, __u32 at)
{
	for (__u32 i = 0; i < STOQ_GUARD_ICREQ_KNOWN; i++) {
		__u8 byte = 0;
		int reason;

		if (at + i >= STOQ_GUARD_ICREQ_KNOWN || i >= segment->payload_bytes)
			break;
		if (bpf_skb_load_bytes(skb, segment->payload_offset + i, &byte, 1))
			return STOQ_GUARD_DROP_MALFORMED_PDU;
		reason = stoq_guard_icreq_byte((at + i) & (STOQ_GUARD_ICREQ_KNOWN - 1), byte);
		if (reason)
			return reason;
	}
	return 0;
}

static __always_inline int stoq_guard_is_tls(
	struct __sk_buff *skb, const struct stoq_segment *segment, __u32 at)
{
	__u8 bytes[4] = {0};

	return at == 0 && segment->payload_bytes >= sizeof(bytes) &&
	       bpf_skb_load_bytes(skb, segment->payload_offset, bytes, sizeof(bytes)) == 0 &&
	       stoq_is_tls_record(bytes);
}

/* The bytes where an ICReq has to be, or behind it, are not one: why they are dropped. */
static __always_inline int stoq_guard_not_icreq(
	struct __sk_buff *skb, const struct stoq_segment *segment, __u32 at, int reason)
{
	struct nvme_tcp_hdr hdr;

	if (stoq_guard_is_tls(skb, segment, at))
		return STOQ_GUARD_DROP_ENCRYPTED;
	if (at == 0 && segment->payload_bytes >= sizeof(hdr) &&
		bpf_skb_load_bytes(skb, segment->payload_offset, &hdr, sizeof(hdr)) == 0 &&
		hdr.type != NVME_TCP_ICREQ && nvme_tcp_check_common(&hdr))
		return STOQ_GUARD_DROP_SEQUENCE;
	return reason;
}

/*
 * A host's payload before its controller has answered: only an ICReq can be that. It looks the same
 * however it is cut, and however often it comes, so nothing has to be kept of it; what differs
 * (digests, alignment) is decided about by the answer. 0, or 1: it is to be dropped.
 */
static __noinline int stoq_guard_on_icreq(
	struct __sk_buff *skb, struct stoq_guard_cpu *guard, struct stoq_newcomer *newcomer)
{
	const struct stoq_segment *segment = &guard->segment;
	int reason;
	__u32 at;

	if (!newcomer || !newcomer->answered || newcomer->followed == STOQ_NEWCOMER_UNFOLLOWED ||
		segment->acknowledged != newcomer->controller_first)
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_UNFOLLOWED);
	if (stoq_guard_is_same_place(newcomer->controller_from, guard->from))
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_SIDE);
	at = segment->sequence - newcomer->start;
	reason = stoq_guard_check_icreq(skb, segment, at);
	if (at >= STOQ_GUARD_ICREQ_BYTES)
		reason = STOQ_GUARD_DROP_SEQUENCE; /* before the ICResp */
	else if (!reason && segment->payload_bytes > STOQ_GUARD_ICREQ_BYTES - at)
		reason = STOQ_GUARD_DROP_SEQUENCE;
	if (reason)
		return stoq_guard_drop(guard, stoq_guard_not_icreq(skb, segment, at, reason));
	if (!newcomer->followed)
		newcomer->icreq_time =
			(bpf_ktime_get_ns() >> STOQ_NEWCOMER_TIME_SHIFT) & STOQ_NEWCOMER_TIME_MASK;
	newcomer->followed = STOQ_NEWCOMER_FOLLOWED;
	return 0;
}

/* Whether a packet of it may have passed unseen. */
static __always_inline int stoq_guard_is_doubtful(__u64 begun_ns)
{
	const struct stoq_guard_state *state = stoq_first(&stoq_guard_state);

	return !state || stoq_guard_unseen_since(state, begun_ns);
}

/* When the newcomer's ICReq came, or shortly before. */
static __always_inline __u64 stoq_guard_icreq_ns(const struct stoq_newcomer *newcomer)
{
	__u64 now = bpf_ktime_get_ns() >> STOQ_NEWCOMER_TIME_SHIFT;

	return (now - ((now - newcomer->icreq_time) & STOQ_NEWCOMER_TIME_MASK))
	       << STOQ_NEWCOMER_TIME_SHIFT;
}

/* A flow in the map of proven ones, empty. NULL: there is no room. */
static __always_inline struct stoq_flow *stoq_guard_flow_insert(
	struct stoq_cpu *cpu, const struct stoq_segment *segment)
{
	void *empty = stoq_first(&stoq_new_flow);

	stoq_flow_remove(cpu, &segment->key);
	if (!empty || stoq_hook_flow_room())
		return 0;
	if (bpf_map_update_elem(&stoq_flows, &segment->key, empty, BPF_NOEXIST)) {
		stoq_hook_flow_gone(0);
		return 0;
	}
	return bpf_map_lookup_elem(&stoq_flows, &segment->key);
}

static __always_inline void stoq_guard_refuse_connection(
	struct stoq_guard_cpu *guard, struct stoq_newcomer *newcomer)
{
	struct stoq_guard_room *room = stoq_first(&stoq_guard_room);

	stoq_guard_drop(guard, STOQ_GUARD_DROP_NO_ROOM);
	if (room && !newcomer->refused)
		__sync_fetch_and_add(&room->refused, 1);
	newcomer->refused = 1;
}

/* The controller's first data: it has read the ICReq, and nothing else of the host has passed. */
static __noinline struct stoq_flow *stoq_guard_open(
	struct stoq_cpu *cpu, struct stoq_guard_cpu *guard, struct stoq_newcomer *newcomer)
{
	const struct stoq_segment *segment = &guard->segment;
	struct stoq_flow *flow = stoq_guard_flow_insert(cpu, segment);
	struct stoq_flow_side *host;

	if (!flow) {
		stoq_guard_refuse_connection(guard, newcomer);
		return 0;
	}
	stoq_flow_init(flow, segment, 0);
	flow->proven = 1;
	flow->from_start = 1;
	flow->host_first = newcomer->start;
	flow->controller_first = newcomer->controller_first;
	host = &flow->side[NVME_TCP_FROM_HOST];
	stoq_side_start(host, newcomer->start + STOQ_GUARD_ICREQ_BYTES);
	host->pdus = 1;
	host->packets = 1;
	host->payload_bytes = STOQ_GUARD_ICREQ_BYTES;
	host->last_seen_ns = flow->first_seen_ns;
	stoq_side_start(&flow->side[NVME_TCP_FROM_CONTROLLER], newcomer->controller_first);
	flow->guard.host_from = newcomer->host_from;
	flow->guard.controller_from = newcomer->controller_from;
	flow->guard.opened = 1;
	flow->guard.whole = !stoq_guard_is_doubtful(stoq_guard_icreq_ns(newcomer));
	stoq_flow_number(flow);
	cpu->pdu_types[NVME_TCP_ICREQ]++;
	stoq_count(cpu, STOQ_COUNT_FLOWS_NEW, 1);
	stoq_count(cpu, STOQ_COUNT_FLOWS_PROVEN, 1);
	bpf_map_delete_elem(&stoq_newcomers, &segment->key);
	return flow;
}

/* ---- which flow a segment with payload belongs to ---- */

/* On ports that are not policed only an ICReq in one segment shows which end is a controller. */
static __always_inline int stoq_guard_begins_with(
	struct __sk_buff *skb, const struct stoq_segment *segment, __u8 type)
{
	struct nvme_tcp_hdr hdr;

	return segment->payload_bytes >= sizeof(hdr) &&
	       bpf_skb_load_bytes(skb, segment->payload_offset, &hdr, sizeof(hdr)) == 0 &&
	       hdr.type == type && nvme_tcp_check_common(&hdr);
}

/*
 * Not strictly: a newcomer, or a connection that is older than the guard, or one on another port.
 * On the controllers' ports the roles are beyond doubt.
 */
static __noinline struct stoq_flow *stoq_guard_enter(struct __sk_buff *skb, struct stoq_cpu *cpu,
	struct stoq_guard_cpu *guard, const struct stoq_newcomer *newcomer, int ports)
{
	const struct stoq_segment *segment = &guard->segment;
	struct stoq_flow *flow;

	if (newcomer) {
		flow = stoq_flow_of_newcomer(cpu, segment, newcomer);
		if (!flow || !newcomer->answered)
			return flow;
		flow->guard.host_from = newcomer->host_from;
		flow->guard.controller_from = newcomer->controller_from;
		flow->guard.opened = 1;
		return flow;
	}
	flow = stoq_flow_discover(skb, cpu, segment);
	if (flow && ports)
		flow->host_is_a = ports == STOQ_GUARD_TO ? segment->from_a : !segment->from_a;
	return flow;
}

/* A flow that was there: proven now, or over. */
static __always_inline struct stoq_flow *stoq_guard_go_on(struct __sk_buff *skb,
	struct stoq_cpu *cpu, struct stoq_guard_cpu *guard, struct stoq_flow *flow, int ports)
{
	const struct stoq_segment *segment = &guard->segment;

	if (!ports && stoq_is_closed(flow, segment) &&
		stoq_guard_begins_with(skb, segment, NVME_TCP_ICREQ))
		return stoq_guard_enter(skb, cpu, guard, 0, 0);
	if (!stoq_flow_is_answered(flow, segment) ||
		(!ports && !stoq_guard_begins_with(skb, segment, NVME_TCP_ICRESP)))
		return flow;
	flow = stoq_flow_prove(cpu, &segment->key, flow);
	if (!flow)
		stoq_guard_drop(guard, STOQ_GUARD_DROP_NO_ROOM);
	return flow;
}

/*
 * The flow of a segment with payload. NULL: there is none, and the packet passes if guard->drop
 * does not say otherwise.
 */
static __always_inline struct stoq_flow *stoq_guard_flow_of_payload(struct __sk_buff *skb,
	struct stoq_cpu *cpu, struct stoq_guard_cpu *guard, struct stoq_flow *flow, int ports)
{
	const struct stoq_segment *segment = &guard->segment;
	struct stoq_newcomer *newcomer = 0;

	if (ports == STOQ_GUARD_BOTH) { /* either end may be the host */
		stoq_guard_drop(guard, STOQ_GUARD_DROP_UNFOLLOWED);
		return 0;
	}
	if (flow && flow->proven && (flow->guard.whole || !guard->strict_here))
		return stoq_guard_go_on(skb, cpu, guard, flow, ports);
	if (ports)
		newcomer = bpf_map_lookup_elem(&stoq_newcomers, &segment->key);
	if (ports == STOQ_GUARD_TO && guard->strict_here) {
		stoq_guard_on_icreq(skb, guard, newcomer);
		if (!stoq_guard_audit || !guard->drop)
			return 0;
	}
	/* It passes, and is not followed strictly: neither is anything that comes behind it. */
	if (ports == STOQ_GUARD_TO && newcomer &&
		(guard->drop || !guard->careful || newcomer->followed != STOQ_NEWCOMER_FOLLOWED))
		newcomer->followed = STOQ_NEWCOMER_UNFOLLOWED;
	if (newcomer && newcomer->followed == STOQ_NEWCOMER_FOLLOWED && guard->careful) {
		/* Before it was strictly looked at, or a second time on its way. */
		if (ports == STOQ_GUARD_TO)
			return 0;
		if (guard->strict_here && newcomer->controller_from != guard->from &&
			stoq_guard_drop(guard, STOQ_GUARD_DROP_SIDE))
			return 0;
		if (segment->sequence != newcomer->controller_first ||
			segment->acknowledged != newcomer->start + STOQ_GUARD_ICREQ_BYTES)
			return 0;
		return stoq_guard_open(cpu, guard, newcomer);
	}
	if (flow)
		return stoq_guard_go_on(skb, cpu, guard, flow, ports);
	flow = stoq_guard_enter(skb, cpu, guard, newcomer, ports);
	if (!flow && ports)
		stoq_guard_drop(guard, STOQ_GUARD_DROP_NO_ROOM);
	return flow;
}

/* ---- whether a segment of a flow can be its sender's ---- */

/*
 * Strictly: the controller's come from where its SYN came from, and the host's from anywhere else.
 * The target does not read what a host sends after the controller's FIN; its TCP may have
 * forgotten the connection by then, without another word. 0, or 1: it is to be dropped.
 */
static __always_inline int stoq_guard_is_foreign(
	struct stoq_guard_cpu *guard, const struct stoq_flow *flow, __u32 side)
{
	const struct stoq_segment *segment = &guard->segment;

	if (!guard->strict_here || !flow->guard.whole)
		return 0;
	if (side == NVME_TCP_FROM_CONTROLLER
			? guard->from != flow->guard.controller_from
			: stoq_guard_is_same_place(guard->from, flow->guard.controller_from))
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_SIDE);
	if (side == NVME_TCP_FROM_HOST && segment->payload_bytes &&
		flow->side[NVME_TCP_FROM_CONTROLLER].finished)
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_UNFOLLOWED);
	return 0;
}

/* ---- ends ---- */

/*
 * Whether the target may take notice of a host's FIN or RST: of a reset between what it has
 * acknowledged and what has passed (RFC 5961, 3.2: at exactly the next byte, which is in there), of
 * a FIN behind it. A FIN counts as a byte: Linux's nvme-tcp closes a queue by FIN, and its RST
 * stands behind that when something is not read yet.
 */
static __always_inline int stoq_guard_is_end(
	const struct stoq_flow *flow, const struct stoq_segment *segment)
{
	const struct stoq_flow_side *host = &flow->side[NVME_TCP_FROM_HOST];
	const struct stoq_flow_side *controller = &flow->side[NVME_TCP_FROM_CONTROLLER];

	if (!flow->guard.whole)
		return 1;
	if (!segment->rst)
		return segment->sequence + segment->payload_bytes == host->next_byte;
	return !stoq_after(segment->sequence, host->next_byte + host->finished) &&
	       !stoq_after(controller->acknowledged, segment->sequence);
}

/* A flow that is over is let go at once: what comes of it after that is not followed. */
static __noinline void stoq_guard_on_end(
	struct stoq_cpu *cpu, struct stoq_guard_cpu *guard, struct stoq_flow *flow, __u32 side)
{
	const struct stoq_segment *segment = &guard->segment;

	if (side == NVME_TCP_FROM_HOST && !stoq_guard_is_end(flow, segment))
		return;
	stoq_on_end(cpu, flow, &flow->side[side & 1], segment->rst);
	if (stoq_flow_is_over(flow))
		stoq_flow_remove(cpu, &segment->key);
}
