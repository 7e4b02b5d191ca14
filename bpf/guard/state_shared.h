/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * What the guard's program (bpf/guard/stoq_guard.bpf.c, program stoq_guard) and guard/ share: the
 * names, keys and values of its maps, and the order in which user space has to do things.
 *
 * The program follows streams with the code of stoq_watch and fills the same maps
 * (stream_shared.h), so that the reader of a watch's maps can read a guard's. Its own
 * maps:
 *
 *   name                    type                     key                    value
 *   stoq_guard_policies     ARRAY_OF_MAPS, 1         0                      ARRAY, 1: struct
 *                                                                           stoq_guard_installed
 *   stoq_guard_counts       ARRAY_OF_MAPS, 2         installed.counts       PERCPU_ARRAY, 1: struct
 *                                                                           stoq_guard_counts
 *   stoq_guard_log          ARRAY, mmapable          sequence %             struct
 *                                                    STOQ_GUARD_LOG_RECORDS stoq_guard_record
 *   stoq_guard_state        ARRAY, 1, mmapable       0                      struct stoq_guard_state
 *   stoq_guard_totals       PERCPU_ARRAY, 1          0                      struct
 * stoq_guard_totals stoq_guard_identities   HASH                     struct stoq_flow_key   struct
 *                                                                           stoq_guard_identity
 *   stoq_guard_by_hosts     HASH                     struct                 __u64: how many
 *                                                    stoq_guard_by_host
 *   stoq_guard_room         ARRAY, 1, mmapable       0                      struct stoq_guard_room
 *   stoq_guard_names        HASH                     uid of a flow          struct
 *                                                                           nvme_connect_data
 *   stoq_guard_refusals, stoq_guard_chunks, stoq_guard_hosts, stoq_guard_controllers: the program's own
 *
 * Loading: set rodata (stoq_guard_ports, stoq_guard_strict; max_entries as for stoq_watch), load,
 * fill stoq_guard_identities, install a policy, and attach last: from then on a packet of a
 * connection that is policed is dropped if there is no policy. On lo attach to egress only, on
 * others to both directions. Whoever replaces the program and keeps the maps must keep .bss, too:
 * it has the last flow's uid.
 *
 * Installing a policy, the first or another: make a PERCPU_ARRAY for its counts and put it into the
 * entry of stoq_guard_counts that the policy in force does not use; make an ARRAY with a struct
 * stoq_guard_installed that names this entry, and put it into stoq_guard_policies. The
 * program looks there once for each command: none sees half a policy, nor two. The kernel
 * returns from the update when no packet is left that sees the old one: its counts are final then.
 *
 * BPF_F_RDONLY_PROG on the inner maps is not possible: old verifiers do not pass such values on.
 */
#include "bpf/guard/policy_shared.h"
#include "bpf/stream/flow_key_shared.h"
#include "nvme/nvme.h"

/* ---- the policy in force ---- */

struct stoq_guard_installed {
	/* Not 0, another one each time, even of the same policy: CLOCK_REALTIME in ns, say. Classes
	 * of connections are looked up again when it changes, stoq_guard_identities included. */
	__u64 generation;
	__u32 counts; /* entry of stoq_guard_counts: 0 or 1 */
	__u32 pad;
	struct stoq_guard_compiled policy;
};

#define STOQ_GUARD_COUNTS_ENTRIES 2
#define STOQ_GUARD_COUNT_DEFAULT  STOQ_GUARD_RULES_MAX

/* How often each rule decided (allow, deny) or logged; at [STOQ_GUARD_COUNT_DEFAULT] the default.
 */
struct stoq_guard_counts {
	__u64 rules[STOQ_GUARD_RULES_MAX + 1];
};

/* ---- connections that are older than the guard ---- */

/*
 * Who they are, as far as user space can find out; NQNs end with a NUL. Both have to be known for
 * the host to count as known; the queue's number helps even without. host_is_a: end a of the key is
 * the NVMe host. Looked at when a connection that the guard has not seen from its beginning comes
 * by, and again after each installation of a policy. A connection whose Connect passes is known by
 * that.
 */
#define STOQ_GUARD_QID_UNKNOWN 0xffff

struct stoq_guard_identity {
	char host[NVME_NQN_LENGTH];
	char subsystem[NVME_NQN_LENGTH];
	__u16 qid; /* 0: the admin queue; STOQ_GUARD_QID_UNKNOWN: commands have to be allowed on
		      either kind of queue */
	__u8 host_is_a;
	__u8 pad[5];
};
NVME_ASSERT_SIZE(struct stoq_guard_identity, 520);

/* ---- the log ---- */

/*
 * What was refused, logged or dropped: an array that is written round and round. A record's place
 * is its sequence number modulo STOQ_GUARD_LOG_RECORDS; numbers begin with 1. While a record is
 * being written its sequence is 0. To read one: load the sequence, copy the record, load the
 * sequence again; equal and not 0: it is whole. Another number than the one expected: it was
 * overwritten, and what lies between is lost to this reader.
 */
#define STOQ_GUARD_LOG_RECORDS 4096

enum stoq_guard_record_kind {
	STOQ_GUARD_RECORD_DENIED = 1,
	STOQ_GUARD_RECORD_LOGGED = 2, /* passed; a log rule matches */
	STOQ_GUARD_RECORD_DROPPED =
		3, /* a packet; see reason. At most a few a second for each reason */
	STOQ_GUARD_RECORD_CLONE =
		4, /* a Connect, of a host whose NQN another machine has; see other_... */
};

struct stoq_guard_record {
	__u64 sequence;
	__u64 time_ns;
	__u64 policy_hash;
	__u64 slba;
	struct stoq_flow_key flow;
	__u32 uid;
	__u32 nsid;   /* FFFFFFFFh also for commands that touch all namespaces */
	__u32 blocks; /* 0: none, or not to be seen */
	__u16 rule;   /* that decided or logged, or STOQ_GUARD_NO_RULE: the default */
	__u16 cid;
	__u16 status; /* NVME_STATUS(), if denied */
	__u16 qid;    /* or STOQ_GUARD_QID_UNKNOWN */
	__u8 kind;    /* enum stoq_guard_record_kind */
	__u8 reason;  /* enum stoq_guard_total, if dropped, else 0 */
	__u8 table;   /* enum stoq_guard_table, and ... */
	__u8 code;    /* ... the opcode or fctype in it */
	__u8 host_is_a;
	__u8 known; /* the host's NQN is, by its Connect (map stoq_connects, by uid) or identity */
	__u8 audit; /* nothing was refused or dropped: the guard is in audit mode */
	__u8 pad;
	/* Of a clone: the connection of the other machine, and the host's end of it. status: if this one was refused. */
	__u32 other_uid;
	__u8 other_address[16];
	__be16 other_port;
	__u8 pad2[6];
};
NVME_ASSERT_SIZE(struct stoq_guard_record, 128);
NVME_ASSERT_OFFSET(struct stoq_guard_record, other_uid, 100);

/*
 * Commands that were denied or logged, by the host's NQN and, if denied, the status. They are counted on when the policy
 * changes. There are as many as this; hosts beyond share an entry for each kind, which user space makes before the first packet.
 */
#define STOQ_GUARD_BY_HOST_MAX 1024

struct stoq_guard_by_host {
	__u64 words
		[STOQ_GUARD_NQN_WORDS]; /* as struct stoq_guard_nqn has them; 0: it is not known */
	__u16 status;			/* NVME_STATUS(), if denied */
	__u8 kind;			/* enum stoq_guard_record_kind: DENIED or LOGGED */
	__u8 others;			/* hosts for which there is no room; status: 0 */
	__u32 pad;
};
NVME_ASSERT_SIZE(struct stoq_guard_by_host, 232);

struct stoq_guard_state {
	__u64 log_last; /* sequence number given last; 0: none */
	/*
	 * When a packet passed last that may have been a host's, and does not tell of which connection, as a fragment: what
	 * is older than that is not followed strictly. 0: never. CLOCK_MONOTONIC.
	 */
	__u64 unseen_ns;
	__u64 pad[6];
};
NVME_ASSERT_SIZE(struct stoq_guard_state, 64);

/* Host NQNs whose connections are compared: the least recent makes way for another. */
#define STOQ_GUARD_HOSTS 16384

/* Whether such a packet has passed since the connection began. */
static inline __attribute__((always_inline)) int stoq_guard_unseen_since(
	const struct stoq_guard_state *state, __u64 begun_ns)
{
	return state->unseen_ns && state->unseen_ns >= begun_ns;
}

/* ---- connections that are followed ---- */

/*
 * Map stoq_flows has room for STOQ_GUARD_CONNECTIONS_MAX, and takes memory for what is in it:
 * some 3.5 KiB each, and 1 KiB for the names in its Connect. How many may be in it is a number
 * here, so that it can be changed while the guard is on.
 */
#define STOQ_GUARD_CONNECTIONS_MAX     262144
#define STOQ_GUARD_CONNECTIONS_DEFAULT 65536

struct stoq_guard_room {
	__u64 used;
	__u64 limit;	/* 0: STOQ_GUARD_CONNECTIONS_DEFAULT */
	__u64 refused;	/* connections for which there was none */
	__u64 made;	/* by connections that had ended, or were dead */
	__u64 swept_ns; /* when it was last looked for such, ... */
	__u64 swept;	/* ... and how many were found then */
	__u64 pad[2];
};
NVME_ASSERT_SIZE(struct stoq_guard_room, 64);

/* ---- totals of the guard as a whole, never reset ---- */

enum stoq_guard_total {
	/* Commands, each once, however often it is sent. */
	STOQ_GUARD_ALLOWED,
	STOQ_GUARD_DENIED,
	STOQ_GUARD_LOGGED, /* also counted as allowed or denied */
	STOQ_GUARD_CLONES, /* Connects of hosts whose NQN another machine has */
	/* What was done to packets. */
	STOQ_GUARD_PATCHED,	  /* refused commands rewritten */
	STOQ_GUARD_RESPONSES,	  /* completions rewritten */
	STOQ_GUARD_PATCHED_AGAIN, /* packets sent again and rewritten again */
	STOQ_GUARD_ENDED,	  /* connections ended: see guard/end.bpf.h */
	STOQ_GUARD_URGENT,	  /* urgent marks taken off */
	STOQ_GUARD_MULTIPATH,	  /* offers of Multipath TCP taken out of SYNs */
	/* Packets dropped, by reason. */
	STOQ_GUARD_DROP_NO_POLICY,     /* there is none */
	STOQ_GUARD_DROP_NO_ROOM,       /* no memory, a table is full */
	STOQ_GUARD_DROP_BACKLOG,       /* too much not acknowledged yet: passes when sent again */
	STOQ_GUARD_DROP_CONTENDED,     /* another CPU was at the same direction for too long */
	STOQ_GUARD_DROP_STORE,	       /* the kernel refused to change the packet */
	STOQ_GUARD_DROP_CUT,	       /* a command cut where it cannot be decided or refused */
	STOQ_GUARD_DROP_DISORDER,      /* too early: there is no room to keep it until its turn */
	STOQ_GUARD_DROP_CHANGED,       /* strict: sent again with other bytes */
	STOQ_GUARD_DROP_ENDED,	       /* of a connection that was ended */
	STOQ_GUARD_DROP_UNFOLLOWED,    /* strict: where its PDUs begin is not known */
	STOQ_GUARD_DROP_MALFORMED_PDU, /* strict: not a PDU where one has to be, or not a plain one
					*/
	STOQ_GUARD_DROP_MALFORMED,     /* strict: lengths of headers that contradict each other */
	STOQ_GUARD_DROP_FRAGMENT,      /* strict: IP fragments of TCP */
	STOQ_GUARD_DROP_ENCRYPTED,     /* strict: TLS, in which commands cannot be seen */
	STOQ_GUARD_DROP_TOO_MANY,      /* more PDUs in a packet than the program walks */
	/* Strict, what a host may not send (guard/protocol.bpf.h). */
	STOQ_GUARD_DROP_SEQUENCE,    /* before ICReq, ICResp or Connect have had their turn, or
					behind H2CTermReq */
	STOQ_GUARD_DROP_NEGOTIATION, /* an ICReq with values that no target accepts, a Connect whose
					names do not end */
	STOQ_GUARD_DROP_NO_R2T,	     /* data that no R2T asked for, or not so */
	STOQ_GUARD_DROP_CID_IN_USE,  /* the identifier of a command that is outstanding */
	STOQ_GUARD_DROP_QUEUE_FULL,  /* more commands than the queue has places */
	STOQ_GUARD_DROP_CAPSULE,     /* more data in a capsule than the controller takes */
	STOQ_GUARD_DROP_FLAGS,	     /* strict: TCP flags that no connection needs */
	STOQ_GUARD_DROP_SIDE,	     /* strict: from where the other end's segments come */
	STOQ_GUARD_DROP_TAGS,	     /* strict: more VLAN tags than the program looks through */
	STOQ_GUARD_DROP_CONTROLLER,  /* of a controller: an answer that no command asked for */
	STOQ_GUARD_TOTALS,
};

struct stoq_guard_totals {
	__u64 values[STOQ_GUARD_TOTALS];
};

/* ---- settings, in rodata ---- */

/* stoq_guard_ports: of the controllers, 0: no more. Whatever comes or goes there is policed;
 * elsewhere what begins with an ICReq. Default: 4420 and 8009. */
#define STOQ_GUARD_PORTS_MAX 16

/*
 * stoq_guard_audit: 1: what is decided is counted and logged, and every packet passes as it is. A connection of
 * which a packet would have been dropped is followed on as by a guard that is not strict (flow.guard.spared).
 */

/* stoq_guard_strict: in which packets a policy's `strict` takes effect. */
enum stoq_guard_strictness {
	STOQ_GUARD_STRICT_INGRESS = 0, /* from hosts, where they come in: the default */
	STOQ_GUARD_STRICT_ALWAYS = 1,  /* from hosts, in both directions, lo included */
	STOQ_GUARD_STRICT_NEVER = 2,
};
