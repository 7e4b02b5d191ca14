/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The guard's maps, settings and work space. guard/state_shared.h describes them. */
#include <bpf/bpf_endian.h>

#include "bpf/guard/engine.h"
#include "bpf/guard/state_shared.h"
#include "bpf/stream/stream.bpf.h"

/*
 * Flows of which both sides have sent data. Nothing pushes one out; memory is taken for those that
 * there are. Strangers cannot fill it: a controller has to answer them.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOQ_GUARD_CONNECTIONS_MAX);
	__type(key, struct stoq_flow_key);
	__type(value, struct stoq_flow);
} stoq_flows SEC(".maps");

const volatile __u16 stoq_guard_ports[STOQ_GUARD_PORTS_MAX] = {
	NVME_TCP_PORT, NVME_TCP_DISCOVERY_PORT};
const volatile __u8 stoq_guard_strict = STOQ_GUARD_STRICT_INGRESS;
/* Audit: what would be dropped or changed is counted and logged, and passes as it is. */
const volatile __u8 stoq_guard_audit;

/* By their sizes: the compiler leaves the types of an inner map incomplete. */
struct stoq_guard_policy_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct stoq_guard_installed));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct stoq_guard_policy_map);
} stoq_guard_policies SEC(".maps");

struct stoq_guard_counts_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct stoq_guard_counts));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, STOQ_GUARD_COUNTS_ENTRIES);
	__type(key, __u32);
	__array(values, struct stoq_guard_counts_map);
} stoq_guard_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STOQ_GUARD_LOG_RECORDS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct stoq_guard_record);
} stoq_guard_log SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct stoq_guard_state);
} stoq_guard_state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stoq_guard_totals);
} stoq_guard_totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STOQ_GUARD_BY_HOST_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct stoq_guard_by_host);
	__type(value, __u64);
} stoq_guard_by_hosts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STOQ_GUARD_CONNECTIONS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct stoq_flow_key);
	__type(value, struct stoq_guard_identity);
} stoq_guard_identities SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct stoq_guard_room);
} stoq_guard_room SEC(".maps");

/* The Connect data of flows in the map of flows: stoq_connects lets those of others go. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STOQ_GUARD_CONNECTIONS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct nvme_connect_data);
} stoq_guard_names SEC(".maps");

/* ---- who uses a host NQN (guard/clone.bpf.h) ---- */

#define STOQ_GUARD_OWNERS 4 /* a power of two */

struct stoq_guard_owner {
	struct stoq_flow_key flow; /* of an admin queue */
	__u32 uid;		   /* of that flow; 0: none */
	__be16 port;		   /* the host's end, ... */
	__u16 pad;
	__u8 address[16];
	__u8 hostid[16]; /* ... and its host identifier, as it is in Connect */
};

struct stoq_guard_host {
	struct stoq_guard_owner owners[STOQ_GUARD_OWNERS];
};

struct stoq_guard_host_key {
	__u64 nqn[STOQ_GUARD_NQN_WORDS];
};

/* The least recent makes way: of more hosts than these, clones of some are not noticed. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STOQ_GUARD_HOSTS);
	__type(key, struct stoq_guard_host_key);
	__type(value, struct stoq_guard_host);
} stoq_guard_hosts SEC(".maps");

/* ---- which host made a controller (guard/controller.bpf.h) ---- */

#define STOQ_GUARD_CONTROLLER_PLACES                                                               \
	65536 /* CNTLIDs have 16 bits: those of one subsystem do not meet */
#define STOQ_GUARD_CONTROLLER_WAYS 4

struct stoq_guard_controller {
	__u64 subsystem; /* stoq_guard_number_of() its NQN */
	__u32 uid;	 /* of its admin queue's flow; 0: free */
	__u32 cntlid;
};

struct stoq_guard_controllers {
	struct stoq_guard_controller ways[STOQ_GUARD_CONTROLLER_WAYS];
};

/* Only those whose admin queue is closed make way: beyond four, a controller is not known. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STOQ_GUARD_CONTROLLER_PLACES);
	__type(key, __u32);
	__type(value, struct stoq_guard_controllers);
} stoq_guard_controllers SEC(".maps");

/* ---- commands that were refused, until they complete ---- */

struct stoq_guard_refusal_key {
	__u32 uid;
	__u32 cid;
};

/* The least recent makes way: its host then sees the target's own status, an error in any case. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct stoq_guard_refusal_key);
	__type(value, __u32); /* NVME_STATUS() */
} stoq_guard_refusals SEC(".maps");

/* ---- what of commands and R2Ts outstanding finds no place in its flow (guard/protocol.bpf.h) ----
 */

enum stoq_guard_far_kind {
	STOQ_GUARD_FAR_COMMAND = 0,
	STOQ_GUARD_FAR_R2T = 1,
};

struct stoq_guard_far_key {
	__u32 uid;
	__u16 cid;
	__u16 ttag; /* of an R2T */
	__u32 kind;
};

/*
 * Commands of queues deeper than a flow has slots, or with identifiers that are not dense. The
 * least recent makes way: its data do not pass then.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct stoq_guard_far_key);
	__type(value,
		struct stoq_guard_r2t); /* of a command: ttag is its direction, end its bytes */
} stoq_guard_far SEC(".maps");

/* ---- IOCCSZ: how much data a controller takes in a capsule (guard/capsule.bpf.h) ---- */

struct stoq_guard_capsule_key {
	__u8 address[16]; /* the controller's end */
	__be16 port;
	__u16 vlan_id;
	__u32 pad;
	char subsystem[STOQ_GUARD_NQN_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct stoq_guard_capsule_key);
	__type(value, __u32); /* bytes */
} stoq_guard_capsules SEC(".maps");

/* ---- patches: bytes that have to stand at a place in a stream (guard/patch.bpf.h) ---- */

#define STOQ_GUARD_PATCH_BYTES	 80
#define STOQ_GUARD_CHUNK_PATCHES 16
#define STOQ_GUARD_CHUNKS	 512 /* of one side of a flow */

struct stoq_guard_patch {
	__u32 sequence;
	__u16 bytes;
	__u8 rewritten; /* they are not what the sender sent */
	__u8 decided; /* of a command that passed as it was: STOQ_GUARD_DECIDED(), or STOQ_GUARD_SPARED */
	__u8 data[STOQ_GUARD_PATCH_BYTES];
};

/* By which of the flow's policies; never 0. */
#define STOQ_GUARD_DECIDED(flow) ((flow)->guard.policies & 0x7f | 0x80)
#define STOQ_GUARD_SPARED	 1 /* audit: it would have been refused */

struct stoq_guard_chunk {
	struct stoq_guard_patch patches[STOQ_GUARD_CHUNK_PATCHES];
};

struct stoq_guard_chunk_key {
	__u32 owner; /* uid << 1 | side */
	__u32 number;
};

/*
 * One pool for all flows, allocated when it is loaded: memory pressure cannot take it away. What
 * dead flows left is the least recently used, and makes way.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct stoq_guard_chunk_key);
	__type(value, struct stoq_guard_chunk);
} stoq_guard_chunks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stoq_guard_chunk);
} stoq_guard_new_chunk SEC(".maps");

/* ---- work space for the packet at hand ---- */

#define STOQ_TCP_AT_CHECKSUM 16

#define STOQ_GUARD_SOURCE 128			       /* a power of two, for a patch */
#define STOQ_GUARD_SPAN	  (STOQ_GUARD_PATCH_BYTES + 8) /* a patch, and what aligns it to 4 bytes */

struct stoq_guard_cpu {
	struct stoq_guard_request request;
	struct stoq_guard_decision decision; /* about the command */
	struct stoq_guard_decision part;     /* about one of its ranges */
	struct stoq_segment segment;
	struct stoq_guard_patch patch; /* to be kept or applied */
	struct stoq_guard_nqn nqn;
	__u64 before[STOQ_GUARD_SOURCE / 8];
	__u64 after[STOQ_GUARD_SOURCE / 8];
	__u8 source[STOQ_GUARD_SOURCE];
	struct nvme_connect_data connect;
	struct stoq_guard_capsule_key capsule_key;
	struct nvme_tcp_icreq_pdu header;	 /* as far as it came, of a capsule that is cut */
	__u64 dropped_ns[STOQ_GUARD_TOTALS];	 /* when this reason was logged last */
	struct stoq_guard_host no_host;		 /* never written */
	struct stoq_guard_owner owner;		 /* the connection at hand, as one of its NQN's */
	struct stoq_guard_nqn counted;		 /* the host whose command is counted, ... */
	struct stoq_guard_by_host by_host;	 /* ... and as what */
	struct stoq_guard_controller controller; /* that a Connect names, ... */
	struct stoq_guard_nqn maker;		 /* ... the host that made it, ... */
	__u32 foreign;				 /* ... and whether that is another one */
	__u32 checksum_offset;			 /* of the TCP checksum, in the packet */
	__u32 drop;				 /* enum stoq_guard_total: the reason; 0: pass */
	__u32 strict;				 /* for this packet's payload */
	__u32 strict_here;			 /* for this packet, if a host sent it */
	__u32 careful;				 /* connections are to begin as strict wants them */
	__u32 from;				 /* see stoq_guard_from() */
	__u32 policed;				 /* the flow is */
	__u32 reached;				 /* the segment belongs to a flow, and goes on */
	__u32 shield;				 /* strict, for a controller's payload */
	__u32 list_at;	  /* payload position of a list of ranges that was judged */
	__u32 list_bytes; /* its length; 0: there is none */
	__u32 list_next;  /* where stoq_guard_judge_list() is, in the payload, ... */
	__u32 list_left;
	__u32 list_blocks; /* ... how many blocks there were so far, ... */
	__u32 list_judged; /* ... and if any range was judged */
	union {
		struct nvme_dsm_range dsm;
		struct nvme_copy_range copy;
	} range;
	__u32 piece_at; /* where stoq_guard_keep_payload() is, ... */
	__u32 piece_left;
	__u32 touches;	 /* enum stoq_guard_touches, of the command */
	__u32 begun_far; /* the command at hand was put into stoq_guard_far */
	__u32 end;	 /* the connection has to end with this packet */
	struct stoq_header_room room;
};
_Static_assert(STOQ_GUARD_ALLOWED == 0, "no reason to drop");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stoq_guard_cpu);
} stoq_guard_cpus SEC(".maps");

static __always_inline struct stoq_guard_installed *stoq_guard_policy(void)
{
	void *policy = stoq_first(&stoq_guard_policies);

	return policy ? stoq_first(policy) : 0;
}

static __always_inline void stoq_guard_total(enum stoq_guard_total total)
{
	struct stoq_guard_totals *totals = stoq_first(&stoq_guard_totals);

	if (totals)
		totals->values[total]++;
}

static __always_inline void stoq_guard_count_rule(
	const struct stoq_guard_installed *installed, __u32 rule)
{
	__u32 entry = installed->counts;
	struct stoq_guard_counts *counts;
	void *map = bpf_map_lookup_elem(&stoq_guard_counts, &entry);

	if (!map)
		return;
	counts = stoq_first(map);
	STOQ_GUARD_OPAQUE(rule);
	if (counts && rule <= STOQ_GUARD_COUNT_DEFAULT)
		counts->rules[rule]++;
}

/*
 * Wants the packet dropped, for the first reason that is given. Returns 1; audit: 0, as the packet
 * passes, and what follows has to be found in it.
 */
static __always_inline int stoq_guard_drop(struct stoq_guard_cpu *guard, enum stoq_guard_total why)
{
	if (!guard->drop)
		guard->drop = why;
	return !stoq_guard_audit;
}

/* The packet at hand does not pass. */
static __always_inline int stoq_guard_drops(const struct stoq_guard_cpu *guard)
{
	return guard->drop && !stoq_guard_audit;
}

/* The header at hand, which is cut, goes out as something else than it came. */
static __always_inline int stoq_guard_has_spoiled(const struct stoq_flow *flow)
{
	return flow->guard.cut == STOQ_GUARD_CUT_SPOILED;
}

/*
 * The header at hand, which is cut, was refused when its first part passed. In audit mode that part passed as it was: now
 * the command is decided about again, and refused by what is left of it.
 */
static __always_inline int stoq_guard_is_cut(struct stoq_flow *flow)
{
	if (!stoq_guard_audit && flow->guard.cut == STOQ_GUARD_CUT_SPARED)
		flow->guard.cut = STOQ_GUARD_CUT_NONE;
	return flow->guard.cut;
}

/* Its Connect has passed: of this connection, or before it was seen. */
static __always_inline int stoq_guard_has_connected(const struct stoq_flow *flow)
{
	return flow->connected || flow->guard.named || (!flow->guard.opened && !flow->from_start);
}
