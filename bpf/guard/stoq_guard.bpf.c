// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * The guard's tc program: follows every NVMe/TCP connection as stoq_watch does, and has each
 * command decided about by a policy. What it refuses is changed on its way; what it cannot judge is
 * dropped. doc/design/guard-program.md describes how it works and what it assumes.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bpf/guard/capsule.bpf.h"
#include "bpf/guard/clone.bpf.h"
#include "bpf/guard/connection.bpf.h"
#include "bpf/guard/controller.bpf.h"
#include "bpf/guard/cut.bpf.h"
#include "bpf/guard/early.bpf.h"
#include "bpf/guard/end.bpf.h"
#include "bpf/guard/hooks.bpf.h"
#include "bpf/guard/judge.bpf.h"
#include "bpf/guard/log.bpf.h"
#include "bpf/guard/patch.bpf.h"
#include "bpf/guard/protocol.bpf.h"
#include "bpf/guard/refuse.bpf.h"
#include "bpf/guard/response.bpf.h"
#include "bpf/guard/room.bpf.h"
#include "bpf/guard/segment.bpf.h"
#include "bpf/guard/shield.bpf.h"
#include "bpf/guard/strict.bpf.h"
#include "bpf/stream/commands.bpf.h"
#include "bpf/stream/connection.bpf.h"
#include "bpf/stream/early.bpf.h"
#include "bpf/stream/flow.bpf.h"
#include "bpf/stream/learn.bpf.h"
#include "bpf/stream/opening.bpf.h"
#include "bpf/stream/packet.bpf.h"
#include "bpf/stream/payload.bpf.h"
#include "bpf/stream/pdu.bpf.h"
#include "bpf/stream/series.bpf.h"
#include "bpf/stream/tcp_options.bpf.h"
#include "bpf/stream/transfer.bpf.h"
#include "bpf/stream/walk.bpf.h"
#include "bpf/stream/walk_fast.bpf.h"
#include "bpf/stream/window.bpf.h"

static __always_inline int stoq_guard_strict_here(
	const struct __sk_buff *skb, const struct stoq_guard_installed *installed)
{
	if (!installed || !installed->policy.strict || stoq_guard_strict == STOQ_GUARD_STRICT_NEVER)
		return 0;
	if (stoq_guard_strict == STOQ_GUARD_STRICT_ALWAYS)
		return 1;
	return skb->ingress_ifindex && skb->ingress_ifindex == skb->ifindex;
}

/* ---- connections ---- */

static __always_inline __be16 stoq_guard_port_of(const struct stoq_segment *segment, int sender)
{
	return segment->from_a == sender ? segment->key.port_a : segment->key.port_b;
}

/* Which of the segment's ports are policed: STOQ_GUARD_TO, STOQ_GUARD_FROM, or both, or none. */
static __always_inline int stoq_guard_ports_of(const struct stoq_segment *segment)
{
	return (stoq_is_nvme_port(stoq_guard_port_of(segment, 0)) ? STOQ_GUARD_TO : 0) |
	       (stoq_is_nvme_port(stoq_guard_port_of(segment, 1)) ? STOQ_GUARD_FROM : 0);
}

/* A connection that is older than the guard: what user space has found out about it counts as its Connect.
 */
__noinline int stoq_guard_adopt(struct stoq_flow *flow)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct stoq_guard_identity *identity;
	struct nvme_connect_data *data = stoq_first(&stoq_new_connect);
	__u32 uid;

	if (!flow || !guard || !data)
		return 0;
	identity = bpf_map_lookup_elem(&stoq_guard_identities, &guard->segment.key);
	if (!identity)
		return 0;
	uid = flow->uid;
	flow->host_is_a = identity->host_is_a;
	flow->guard.generation = 0;
	if (identity->qid != STOQ_GUARD_QID_UNKNOWN) {
		flow->qid = identity->qid;
		flow->kind = identity->qid ? NVME_QUEUE_IO : NVME_QUEUE_ADMIN;
		flow->connected = 1;
	}
	if (!identity->host[0] || !identity->subsystem[0] ||
		bpf_map_update_elem(&stoq_connects, &uid, data, BPF_ANY))
		return 0;
	data = bpf_map_lookup_elem(&stoq_connects, &uid);
	if (!data)
		return 0;
	__builtin_memcpy(data->hostnqn, identity->host, sizeof(data->hostnqn));
	__builtin_memcpy(data->subnqn, identity->subsystem, sizeof(data->subnqn));
	flow->guard.named = 1;
	return 0;
}

/* What this side has acknowledged of the other one's bytes: patches behind it are done with. */
static __always_inline void stoq_guard_on_ack(
	struct stoq_flow *flow, struct stoq_flow_side *side, __u32 bit, __u32 acknowledged)
{
	if ((flow->guard.acknowledged & bit) && !stoq_after(acknowledged, side->acknowledged))
		return;
	side->acknowledged = acknowledged;
	if (!(flow->guard.acknowledged & bit))
		flow->guard.acknowledged |= bit;
}

/* ---- payload ---- */

/* The segment cannot pass before those that it follows, or never. */
static __always_inline int stoq_guard_out_of_turn(const struct stoq_guard_cpu *guard,
	const struct stoq_flow *flow, const struct stoq_flow_side *side, const struct stoq_cpu *cpu)
{
	if (!side->started || side->state != STOQ_FLOW_SYNCED)
		return 0;
	if (guard->strict)
		return stoq_after(
			side->next_byte, cpu->sequence + cpu->payload_bytes + STOQ_SEQUENCE_JUMP);
	/* Completions have to be found while some of them are to be rewritten. */
	return cpu->side == NVME_TCP_FROM_CONTROLLER && flow->guard.refused && !stoq_guard_audit &&
	       stoq_after(cpu->sequence, stoq_wanted(side));
}

/* Of an older connection only a segment that begins with a PDU shows where the others are. */
__noinline int stoq_guard_learn(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_flow_side *side;
	int result;

	if (!flow || !cpu)
		return 0;
	side = &flow->side[NVME_TCP_FROM_HOST];
	side->chain = 0;
	cpu->learn_from = 0;
	cpu->window_bytes = 0;
	result = stoq_try_candidate(skb, flow, side, cpu, 0);
	cpu->window_bytes = 0;
	if (result == STOQ_CANDIDATE_NO)
		return 0;
	if (result == STOQ_CANDIDATE_OPEN)
		stoq_synced_at(flow, side, cpu, 0);
	return 1;
}

/*
 * What strict rests on does not hold: the target has acknowledged the byte that is to come next. That byte took a way, or came at
 * a time, that no guard policed, and what the target makes of the bytes at hand is not known.
 */
static __always_inline int stoq_guard_has_passed(
	const struct stoq_flow *flow, const struct stoq_flow_side *side)
{
	const struct stoq_flow_side *controller = &flow->side[NVME_TCP_FROM_CONTROLLER];

	return side->state == STOQ_FLOW_SYNCED &&
	       (flow->guard.acknowledged & 1 << NVME_TCP_FROM_CONTROLLER) &&
	       stoq_after(controller->acknowledged, stoq_wanted(side) + side->finished);
}

/* Payload from a host, strictly: it is followed to its last byte, or it does not pass. */
static __always_inline int stoq_guard_follow(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu, struct stoq_guard_cpu *guard)
{
	__u32 end = cpu->sequence + cpu->payload_bytes;
	int result = STOQ_WALK_DONE;

	if (stoq_guard_has_passed(flow, side)) {
		flow->guard.whole = 0;
		if (stoq_guard_drop(guard, STOQ_GUARD_DROP_UNFOLLOWED))
			return 1;
	}
	if (side->state != STOQ_FLOW_SYNCED) {
		if (!stoq_guard_learn(skb, flow, cpu))
			return stoq_guard_drop(guard, STOQ_GUARD_DROP_UNFOLLOWED);
		side->started = 0;
	} else if (stoq_after(cpu->sequence, stoq_wanted(side))) {
		return stoq_guard_early(skb, flow, side, cpu, guard);
	}
	stoq_account(side, cpu);
	if (side->early && stoq_after(end, stoq_wanted(side)) &&
		stoq_early_bytes(skb, flow, cpu, stoq_wanted(side), STOQ_EARLY_COMPARE) ==
			STOQ_EARLY_OTHER)
		return stoq_guard_on_changed(flow, cpu, guard, cpu->sequence);
	if (stoq_after(end, side->cursor.next_header + side->cursor.carry_bytes))
		result = stoq_walk_all(skb, flow, cpu);
	if (result == STOQ_WALK_BAD) {
		side->cursor.carry_bytes = cpu->header_out;
		if (!flow->side[0].pdus && stoq_is_tls_record((const __u8 *)&cpu->bad_header))
			stoq_tls_found(flow, (const __u8 *)&cpu->bad_header);
		stoq_guard_drop(guard, flow->encrypted ? STOQ_GUARD_DROP_ENCRYPTED
						       : STOQ_GUARD_DROP_MALFORMED_PDU);
	} else if (result == STOQ_WALK_MORE) {
		stoq_guard_drop(guard, STOQ_GUARD_DROP_TOO_MANY);
	}
	if (stoq_guard_audit && result != STOQ_WALK_DONE) {
		stoq_guard_recover(flow, cpu); /* it passes: what follows is looked for */
		return 0;
	}
	/* What was not followed was not there: it is new when it comes again. */
	if (result != STOQ_WALK_DONE) {
		side->next_byte = side->cursor.next_header + side->cursor.carry_bytes;
		return 1;
	}
	if (side->collect_left)
		stoq_collect_connect(skb, flow, cpu);
	if (side->early && !stoq_guard_drops(guard))
		stoq_guard_walk_early(skb, flow, side, cpu, guard);
	return 0;
}

/* With the side's lock held. What is to be dropped is in guard->drop. */
static __always_inline int stoq_guard_payload(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu, struct stoq_guard_cpu *guard)
{
	__u32 carried = side->cursor.next_header + side->cursor.carry_bytes;

	if (guard->strict && flow->encrypted)
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_ENCRYPTED);
	if (stoq_guard_out_of_turn(guard, flow, side, cpu))
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_DISORDER);
	if (side->patch_head != side->patch_tail && !(stoq_guard_audit && flow->guard.spared) &&
		stoq_after(side->patch_end, cpu->sequence) && stoq_guard_apply_all(skb, flow, cpu))
		return 1;
	if (cpu->side == NVME_TCP_FROM_HOST && side->cursor.carry_bytes &&
		(guard->strict || stoq_guard_has_spoiled(flow)) &&
		stoq_after(carried, cpu->sequence) && stoq_guard_apply_carry(skb, flow, cpu))
		return 1;
	if (guard->strict)
		return stoq_guard_follow(skb, flow, side, cpu, guard);
	if (flow->guard.identify == STOQ_GUARD_IDENTIFY_COMES &&
		cpu->side == NVME_TCP_FROM_CONTROLLER)
		stoq_guard_collect_ioccsz(skb, flow, cpu);
	stoq_on_payload(skb, flow, side, cpu);
	return 0;
}

/* Makes the TCP header one that all read alike. 0, or 1: the packet is to be dropped. */
static __always_inline int stoq_guard_normalize(
	struct __sk_buff *skb, struct stoq_cpu *cpu, struct stoq_guard_cpu *guard, int ours)
{
	const struct stoq_segment *segment = &guard->segment;

	if (ours && segment->urg && stoq_guard_clear_urgent(skb, segment->tcp_offset))
		return 1;
	return ours && segment->syn &&
	       stoq_guard_strip_multipath(skb, cpu, segment->tcp_offset, segment->option_bytes);
}

/* Flags that no connection needs; and hosts answer no SYN. */
static __always_inline int stoq_guard_is_odd(const struct stoq_segment *segment, int ports)
{
	return !stoq_guard_flags_are_plain(segment) ||
	       (segment->syn && segment->ack && (ports & STOQ_GUARD_TO));
}

/* What is known about the flow's host where its Connect was not seen. */
static __always_inline void stoq_guard_identify(
	struct stoq_flow *flow, const struct stoq_guard_installed *installed)
{
	if (!installed || flow->guard.opened || flow->connected ||
		flow->guard.adopted == installed->generation)
		return;
	flow->guard.adopted = installed->generation;
	stoq_guard_adopt(flow);
}

/* Payload of a flow. Global, so that the verifier follows it once, whichever map the flow is in. */
__noinline int stoq_guard_on_payload(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 policed)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct stoq_flow_side *side;
	__u32 uid;

	if (!flow || !cpu || !guard)
		return 0;
	side = &flow->side[cpu->side & 1];
	uid = flow->uid;
	guard->strict = policed && guard->strict_here && cpu->side == NVME_TCP_FROM_HOST;
	guard->shield = policed && guard->strict_here && cpu->side == NVME_TCP_FROM_CONTROLLER;
	if (flow->guard.whole && !guard->careful)
		flow->guard.whole = 0;
	stoq_begin_payload(cpu, &guard->segment);
	guard->checksum_offset = guard->segment.tcp_offset + STOQ_TCP_AT_CHECKSUM;
	if (!stoq_side_lock(side)) {
		stoq_count(cpu, STOQ_COUNT_CONTENDED, 1);
		return stoq_guard_drop(guard, STOQ_GUARD_DROP_CONTENDED);
	}
	if (flow->uid == uid)
		stoq_guard_payload(skb, flow, side, cpu, guard);
	else
		stoq_guard_drop(guard, STOQ_GUARD_DROP_CONTENDED); /* it ended meanwhile */
	stoq_side_unlock(side);
	if (guard->end)
		stoq_guard_begin_end(flow);
	return 0;
}

/*
 * Audit: a connection of which a packet would have been dropped goes on, but is not what it would
 * have become. From here on it is followed as by a guard that is not strict.
 */
static __always_inline void stoq_guard_spare(
	const struct stoq_guard_cpu *guard, struct stoq_flow *flow)
{
	if (guard->drop == STOQ_GUARD_DROP_NO_POLICY)
		return;
	flow->guard.spared = 1;
	flow->guard.whole = 0;
}

/* A packet that is not parsed, and passes: it may be of any connection. */
static __always_inline void stoq_guard_pass_unseen(const struct stoq_guard_cpu *guard)
{
	struct stoq_guard_state *state = stoq_first(&stoq_guard_state);

	if (state && (guard->careful ? stoq_guard_audit && guard->strict_here : 1))
		state->unseen_ns = bpf_ktime_get_ns();
}

/*
 * A segment, up to its payload. What is to be dropped is in guard->drop; guard->reached is set if
 * it belongs to a flow and goes on. Returns the flow, if it has one. A function of its own, whose
 * frame is gone when the payload is followed: Linux 6.1 has 512 bytes for all frames together.
 */
static __noinline struct stoq_flow *stoq_guard_find(struct __sk_buff *skb, struct stoq_cpu *cpu,
	struct stoq_guard_cpu *guard, const struct stoq_guard_installed *installed)
{
	const struct stoq_segment *segment = &guard->segment;
	int ports = stoq_guard_ports_of(segment);
	struct stoq_flow *flow = stoq_flow_find(&segment->key);

	if (stoq_guard_normalize(skb, cpu, guard, ports || flow))
		return flow;
	if (ports && guard->strict_here && stoq_guard_is_odd(segment, ports) &&
		stoq_guard_drop(guard, STOQ_GUARD_DROP_FLAGS))
		return flow;
	if (segment->syn) {
		stoq_guard_on_syn(cpu, guard, flow, ports);
		return 0;
	}
	if (stoq_guard_audit && flow && flow->guard.spared) {
		guard->strict_here = 0;
		guard->careful = 0;
	}
	if (segment->payload_bytes && ports == STOQ_GUARD_TO && flow && flow->guard.whole &&
		stoq_guard_is_doubtful(flow->first_seen_ns))
		flow->guard.whole = 0;
	if (segment->payload_bytes)
		flow = stoq_guard_flow_of_payload(skb, cpu, guard, flow, ports);
	if (stoq_guard_drops(guard) || !flow || !flow->uid)
		return flow;
	stoq_guard_identify(flow, installed);
	cpu->side = stoq_sender(flow, segment);
	if (stoq_guard_is_foreign(guard, flow, cpu->side))
		return flow;
	if (segment->ack)
		stoq_guard_on_ack(flow, &flow->side[cpu->side & 1], 1 << (cpu->side & 1),
			segment->acknowledged);
	if (flow->guard.torn && !segment->rst && !stoq_guard_audit) {
		guard->end = 1;
		stoq_guard_drop(guard, STOQ_GUARD_DROP_ENDED);
		return flow;
	}
	guard->policed = ports || flow->from_start;
	if (segment->payload_bytes && guard->policed && !installed)
		stoq_guard_drop(guard, STOQ_GUARD_DROP_NO_POLICY);
	guard->reached = 1;
	return flow;
}

/* The rest of a segment that belongs to a flow. */
static __always_inline void stoq_guard_follow_segment(struct __sk_buff *skb, struct stoq_cpu *cpu,
	struct stoq_guard_cpu *guard, struct stoq_flow *flow)
{
	const struct stoq_segment *segment = &guard->segment;

	if (segment->payload_bytes && !stoq_guard_drops(guard))
		stoq_guard_on_payload(skb, flow, cpu, guard->policed);
	if (!stoq_guard_drops(guard) && (segment->fin || segment->rst))
		stoq_guard_on_end(cpu, guard, flow, cpu->side);
}

/* Why a strict guard drops what was not parsed to its end. */
static __always_inline enum stoq_guard_total stoq_guard_drop_of(enum stoq_parse result)
{
	switch (result) {
	case STOQ_PARSE_FRAGMENT:
		return STOQ_GUARD_DROP_FRAGMENT;
	case STOQ_PARSE_TAGS:
		return STOQ_GUARD_DROP_TAGS;
	default:
		return STOQ_GUARD_DROP_MALFORMED;
	}
}

static __always_inline void stoq_guard_begin_packet(const struct __sk_buff *skb,
	struct stoq_guard_cpu *guard, const struct stoq_guard_installed *installed)
{
	guard->drop = 0;
	guard->end = 0;
	guard->reached = 0;
	guard->from = stoq_guard_from(skb);
	guard->strict_here = stoq_guard_strict_here(skb, installed);
	/* Audit: without a policy, what was strictly followed until now still is. */
	guard->careful = (installed ? installed->policy.strict : stoq_guard_audit) &&
			 stoq_guard_strict != STOQ_GUARD_STRICT_NEVER;
}

SEC("tc")
int stoq_guard(struct __sk_buff *skb)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct stoq_guard_installed *installed = stoq_guard_policy();
	struct stoq_cpu *cpu = stoq_first(&stoq_cpus);
	struct stoq_flow *flow = 0;
	struct stoq_segment *segment;
	int result;

	if (!cpu || !guard)
		return stoq_guard_audit ? TC_ACT_UNSPEC : TC_ACT_SHOT;
	stoq_guard_begin_packet(skb, guard, installed);
	segment = &guard->segment;
	stoq_count(cpu, STOQ_COUNT_PACKETS, 1);
	result = stoq_parse_packet(skb, segment);
	if (result == STOQ_PARSE_TCP) {
		flow = stoq_guard_find(skb, cpu, guard, installed);
		if (flow && guard->reached)
			stoq_guard_follow_segment(skb, cpu, guard, flow);
	} else if (result != STOQ_PARSE_OTHER) {
		stoq_count(cpu,
			result == STOQ_PARSE_FRAGMENT ? STOQ_COUNT_FRAGMENTS : STOQ_COUNT_MALFORMED,
			1);
		__builtin_memset(&segment->key, 0, sizeof(segment->key));
		if (guard->strict_here)
			stoq_guard_drop(guard, stoq_guard_drop_of(result));
		stoq_guard_pass_unseen(guard);
	}
	if (!guard->drop)
		return TC_ACT_UNSPEC;
	stoq_guard_log_drop(flow, guard->drop);
	if (stoq_guard_audit) {
		if (flow)
			stoq_guard_spare(guard, flow);
		return TC_ACT_UNSPEC;
	}
	if (guard->end && stoq_guard_tear(skb, flow) == 0)
		return TC_ACT_UNSPEC;
	return TC_ACT_SHOT;
}

char stoq_license[] SEC("license") = "Dual BSD/GPL";
