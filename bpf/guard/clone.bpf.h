/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Clones: one host NQN that two machines use. What is compared are the host identifiers and the addresses that come with
 * Connects of admin queues: doc/design/guard-connections.md says why these, and what cannot be told apart.
 */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"

/* An admin queue without a byte for so long has no host any more: keep-alives come much more often. */
#define STOQ_GUARD_HOST_SILENT_NS 300000000000ull

static __always_inline int stoq_guard_is_recent(const struct stoq_flow *flow, __u64 now_ns)
{
	return flow->side[NVME_TCP_FROM_HOST].last_seen_ns + STOQ_GUARD_HOST_SILENT_NS > now_ns;
}

/* Its connection is open, and its Connect was accepted: a host that the target refuses owns no name. */
static __always_inline int stoq_guard_is_there(const struct stoq_guard_owner *owner, __u64 now_ns)
{
	struct stoq_flow *flow;

	if (!owner->uid)
		return 0;
	flow = bpf_map_lookup_elem(&stoq_flows, &owner->flow);
	if (!flow || flow->uid != owner->uid || !flow->connect_accepted)
		return 0;
	if (flow->side[NVME_TCP_FROM_HOST].finished ||
		flow->side[NVME_TCP_FROM_CONTROLLER].finished)
		return 0;
	return stoq_guard_is_recent(flow, now_ns);
}

static __always_inline int stoq_guard_differ(const __u8 one[16], const __u8 other[16])
{
	__u64 a[2], b[2];

	__builtin_memcpy(a, one, sizeof(a));
	__builtin_memcpy(b, other, sizeof(b));
	return a[0] != b[0] || a[1] != b[1];
}

static __always_inline void stoq_guard_owner_make(struct stoq_guard_owner *owner,
	const struct stoq_guard_cpu *guard, const struct stoq_flow *flow, const __u8 hostid[16])
{
	const struct stoq_flow_key *key = &guard->segment.key;

	owner->uid = 0; /* until it is whole */
	owner->flow = *key;
	__builtin_memcpy(owner->hostid, hostid, sizeof(owner->hostid));
	__builtin_memcpy(owner->address, flow->host_is_a ? key->address_a : key->address_b,
		sizeof(owner->address));
	owner->port = flow->host_is_a ? key->port_a : key->port_b;
	owner->uid = flow->uid;
}

/*
 * What is known of the NQN in guard->nqn; made if there is nothing, for a host that a target has accepted. Others could push out
 * all NQNs by Connects with made-up ones.
 */
static __always_inline struct stoq_guard_host *stoq_guard_host_of(
	struct stoq_guard_cpu *guard, __u32 accepted)
{
	struct stoq_guard_host *host = bpf_map_lookup_elem(&stoq_guard_hosts, guard->nqn.words);

	if (host || !accepted)
		return host;
	bpf_map_update_elem(&stoq_guard_hosts, guard->nqn.words, &guard->no_host, BPF_NOEXIST);
	return bpf_map_lookup_elem(&stoq_guard_hosts, guard->nqn.words);
}

/*
 * Another machine that has the NQN; NULL: none. *place: where self is to be noted; STOQ_GUARD_OWNERS: it is there already, and
 * was compared then.
 */
static __always_inline struct stoq_guard_owner *stoq_guard_find_other(
	struct stoq_guard_host *host, const struct stoq_guard_owner *self, __u32 *place)
{
	struct stoq_guard_owner *other = 0;
	__u64 now = bpf_ktime_get_ns();

	*place = self->uid % STOQ_GUARD_OWNERS;
	for (__u32 i = 0; i < STOQ_GUARD_OWNERS; i++) {
		struct stoq_guard_owner *owner = &host->owners[i];

		if (owner->uid == self->uid) {
			*place = STOQ_GUARD_OWNERS;
			return 0;
		}
		if (!stoq_guard_is_there(owner, now))
			*place = i;
		else if (stoq_guard_differ(owner->hostid, self->hostid) &&
			 stoq_guard_differ(owner->address, self->address))
			other = owner;
	}
	return other;
}

/*
 * A Connect of an admin queue, with its data; guard->nqn has its host's NQN, so that this calls no other function: it is as deep
 * as the program may go. It comes twice: when it is judged, and when it has been accepted, as only then its host takes a place. By
 * then another machine may have taken one. how: enum stoq_guard_meeting. 1: it is a clone's, it may be refused, and the policy refuses
 * those. Global: verified once.
 */
__noinline int stoq_guard_meet_host(struct stoq_flow *flow, struct stoq_guard_installed *installed,
	const struct nvme_connect_data *data, __u32 how)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct stoq_guard_owner *other;
	struct stoq_guard_host *host;
	__u32 place, refuses;

	if (!flow || !installed || !data || !guard)
		return 0;
	if (!stoq_guard_differ(data->hostid, guard->no_host.owners[0].hostid))
		return 0; /* none is given */
	host = stoq_guard_host_of(guard, how & STOQ_GUARD_MEET_ACCEPTED);
	if (!host)
		return 0;
	stoq_guard_owner_make(&guard->owner, guard, flow, data->hostid);
	other = stoq_guard_find_other(host, &guard->owner, &place);
	if (flow->guard.connect & STOQ_GUARD_CONNECT_MET)
		other = 0; /* reported already */
	refuses = other && (how & STOQ_GUARD_MEET_REFUSABLE) &&
		  installed->policy.clones == STOQ_GUARD_CLONES_REFUSE;
	if (other || (how & STOQ_GUARD_MEET_ACCEPTED))
		flow->guard.connect |= STOQ_GUARD_CONNECT_MET;
	if (other)
		stoq_guard_log_clone(
			flow, installed, guard, other, refuses ? STOQ_GUARD_STATUS_HOST : 0);
	if ((how & STOQ_GUARD_MEET_ACCEPTED) && place < STOQ_GUARD_OWNERS &&
		(!refuses || stoq_guard_audit))
		host->owners[STOQ_BOUND(place, STOQ_GUARD_OWNERS)] = guard->owner;
	return refuses;
}
