/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * What TCP adds (tcp_shared.h), in objects where STOQ_STAGED is 1. A flow's record is at its number
 * modulo the size of the table: flows are numbered one after the other, so a record meets another one
 * only if it is thousands of connections older. The older one keeps its place then.
 *
 * Nothing here is locked: two packets of one side that pass at once, on two CPUs, may be counted as
 * one. A round trip is counted once.
 */
#include "bpf/stream/hooks.bpf.h"
#include "bpf/stream/maps.bpf.h"
#include "bpf/stream/stream.bpf.h"

/* A record that was not used for so long makes way. */
#define STOQ_TCP_STALE_NS	 120000000000ull
/* Round trips are taken no more often: what the two CPUs of a connection write in turn costs. */
#define STOQ_ROUND_TRIP_EVERY_NS 500000ull

/* What can be mapped begins at a page: sides are in cache lines of their own. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STOQ_TCPS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct stoq_tcp);
} stoq_tcps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct stoq_flow_key);
	__type(value, struct stoq_handshake);
} stoq_handshakes SEC(".maps");

/* ---- handshakes ---- */

/* Karn's rule: what was sent twice is no measure. */
static __always_inline void stoq_tcp_on_syn(const struct stoq_segment *segment)
{
	struct stoq_handshake *known = bpf_map_lookup_elem(&stoq_handshakes, &segment->key);
	struct stoq_handshake fresh = {
		.syn_ns = bpf_ktime_get_ns(), .host_first = segment->sequence};

	if (segment->ack) {
		if (known && known->host_first + 1 == segment->acknowledged)
			known->answer_ns = known->answer_ns ? ~0ull : fresh.syn_ns;
		return;
	}
	if (known && known->host_first == segment->sequence)
		known->syn_ns = 0;
	else
		bpf_map_update_elem(&stoq_handshakes, &segment->key, &fresh, BPF_ANY);
}

/* The host's ACK, before there are data. */
static __always_inline void stoq_tcp_on_first_ack(const struct stoq_segment *segment)
{
	struct stoq_handshake *known = bpf_map_lookup_elem(&stoq_handshakes, &segment->key);

	if (known && known->answer_ns && !known->acknowledged_ns &&
		segment->sequence == known->host_first + 1)
		known->acknowledged_ns = bpf_ktime_get_ns();
}

static __always_inline void stoq_tcp_take_handshake(
	struct stoq_tcp *tcp, const struct stoq_flow_key *key, __u64 now_ns)
{
	struct stoq_handshake *known = bpf_map_lookup_elem(&stoq_handshakes, key);
	__u64 answer_ns;

	if (!known)
		return;
	answer_ns = known->answer_ns;
	if (answer_ns && answer_ns != ~0ull) {
		if (known->syn_ns)
			tcp->handshake_ns[NVME_TCP_FROM_HOST] = answer_ns - known->syn_ns;
		tcp->handshake_ns[NVME_TCP_FROM_CONTROLLER] =
			(known->acknowledged_ns ? known->acknowledged_ns : now_ns) - answer_ns;
	}
	bpf_map_delete_elem(&stoq_handshakes, key);
}

/* ---- a connection ---- */

/* The flow's record; NULL: another one has its place. */
static __always_inline struct stoq_tcp *stoq_tcp_of(
	const struct stoq_flow *flow, const struct stoq_flow_key *key, __u64 now_ns)
{
	__u32 at = flow->uid & (STOQ_TCPS - 1);
	struct stoq_tcp *tcp = bpf_map_lookup_elem(&stoq_tcps, &at);

	if (!tcp || tcp->uid == flow->uid)
		return tcp;
	if (tcp->uid && !tcp->closed && now_ns - tcp->used_ns < STOQ_TCP_STALE_NS)
		return 0;
	__builtin_memset(tcp, 0, sizeof(*tcp));
	tcp->used_ns = now_ns;
	stoq_tcp_take_handshake(tcp, key, now_ns);
	tcp->uid = flow->uid;
	return tcp;
}

/* What it acknowledges of the other side's data. */
static __always_inline void stoq_tcp_acknowledge(
	struct stoq_tcp_side *other, __u32 acknowledged, __u64 now_ns)
{
	__u64 took_ns = now_ns - other->sent_ns;

	if (!other->waiting || stoq_after(other->sent_end, acknowledged))
		return;
	if (__sync_lock_test_and_set(&other->waiting, 0) == 0)
		return;
	other->round_trips++;
	other->round_trip_sum_ns += took_ns;
	if (!other->round_trip_min_ns || took_ns < other->round_trip_min_ns)
		other->round_trip_min_ns = took_ns;
	if (took_ns > other->round_trip_max_ns)
		other->round_trip_max_ns = took_ns;
}

static __always_inline void stoq_tcp_window(struct stoq_tcp_side *side, __u32 window, __u64 now_ns)
{
	if (!window && !side->zero_since_ns) {
		side->zero_since_ns = now_ns;
		side->zero_windows++;
	} else if (window && side->zero_since_ns) {
		side->zero_window_ns += now_ns - side->zero_since_ns;
		side->zero_since_ns = 0;
	}
}

/* Bytes that are not the next ones: those of the hole are late, the others come again. */
static __always_inline void stoq_tcp_again(
	struct stoq_tcp_side *side, __u32 sequence, __u32 end, __u32 next_byte)
{
	__u32 old_end = stoq_after(end, next_byte) ? next_byte : end;
	__u32 from = stoq_after(side->hole_from, sequence) ? side->hole_from : sequence;
	__u32 to = stoq_after(old_end, side->hole_to) ? side->hole_to : old_end;
	__u32 late = stoq_after(to, from) ? to - from : 0;

	side->late_bytes += late;
	side->retransmitted_bytes += old_end - sequence - late;
	if (late && from == side->hole_from)
		side->hole_from = to;
	side->waiting = 0;
}

/* Payload, before it is accounted for in flow_side. */
static __always_inline void stoq_tcp_payload(struct stoq_tcp_side *side,
	const struct stoq_flow_side *flow_side, const struct stoq_segment *segment, __u64 now_ns)
{
	__u32 end = segment->sequence + segment->payload_bytes, next_byte = flow_side->next_byte;

	if (!flow_side->started || stoq_after(next_byte, end + STOQ_SEQUENCE_JUMP)) {
		side->hole_from = side->hole_to = end;
		return;
	}
	if (stoq_after(next_byte, segment->sequence)) {
		stoq_tcp_again(side, segment->sequence, end, next_byte);
		return;
	}
	if (stoq_after(segment->sequence, next_byte)) {
		if (side->hole_from == side->hole_to)
			side->hole_from = next_byte;
		side->hole_to = segment->sequence;
		return;
	}
	if (side->waiting || now_ns - side->sent_ns < STOQ_ROUND_TRIP_EVERY_NS)
		return;
	side->sent_end = end;
	side->sent_ns = now_ns;
	side->waiting = 1;
}

/*
 * A segment of a flow, before anything else is done with it. Not global: kernels before 6.3 want all of
 * what is on the stack to be written if a global function gets it.
 */
static __noinline int stoq_tcp_on_segment(
	struct stoq_flow *flow, struct stoq_segment *segment, __u32 sender, __u64 now_ns)
{
	struct stoq_tcp *tcp;
	struct stoq_tcp_side *side, *other;

	if (!flow || !segment)
		return 0;
	tcp = stoq_tcp_of(flow, &segment->key, now_ns);
	if (!tcp)
		return 0;
	side = &tcp->side[sender & 1];
	other = &tcp->side[(sender ^ 1) & 1];
	tcp->used_ns = now_ns;
	if (segment->rst) {
		side->resets++;
		tcp->closed = 1;
		return 0;
	}
	stoq_tcp_window(side, segment->window, now_ns);
	if (segment->ack)
		stoq_tcp_acknowledge(other, segment->acknowledged, now_ns);
	if (segment->payload_bytes)
		stoq_tcp_payload(side, &flow->side[sender & 1], segment, now_ns);
	return 0;
}
