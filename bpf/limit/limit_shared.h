/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * What the program of limits (bpf/limit/stoq_limit.bpf.c) and guard/ share. The program stands beside the
 * guard's, whose maps stoq_flows, stoq_guard_names and stoq_guard_identities it reads to find out whose a
 * connection is. Its own maps:
 *
 *   name                 type                key                             value
 *   stoq_limit_policies  ARRAY_OF_MAPS, 1    0                               ARRAY, 1: struct
 *                                                                            stoq_limit_installed
 *   stoq_limit_hosts     HASH                struct stoq_limit_nqn           __u32: its number
 *   stoq_limit_buckets   HASH                struct stoq_limit_bucket_key    struct stoq_limit_bucket
 *   stoq_limit_totals    ARRAY, 1            0                               struct stoq_limit_totals
 *   stoq_limit_due       ARRAY               a hash of connection and CID    struct stoq_limit_due
 *
 * doc/design/guard-limits.md describes how commands get their times.
 */
#include "bpf/guard/policy_shared.h"

#define STOQ_LIMITS_MAX	       64    /* of a policy: bits of a word */
#define STOQ_LIMIT_HOSTS_MAX   16384 /* that are told apart; all beyond share buckets */
#define STOQ_LIMIT_BUCKETS_MAX 65536
#define STOQ_LIMIT_DUE_ENTRIES 131072 /* a power of two */

/*
 * No command waits longer. It is below what hosts wait for one (Linux: nvme_core.io_timeout, 30 s), and below the
 * horizon that fq is given (hook/fq.h).
 */
#define STOQ_LIMIT_DELAY_MAX_NS 8000000000ull

/*
 * How much longer than the smoothed round trip time a packet may always wait: TCP's timer waits 200 ms longer at least
 * (TCP_RTO_MIN, include/net/tcp.h).
 */
#define STOQ_LIMIT_STEP_NS 100000000ull

/* Packets closer together may all be acknowledged at once; one that is so far from the next is acknowledged alone. */
#define STOQ_LIMIT_ACK_LEAST_NS 1000000ull
#define STOQ_LIMIT_ACK_MOST_NS	100000000ull

struct stoq_limit_entry {
	__u64 id;	      /* of its name */
	__u64 command_ns;     /* a command's share of a second; 0: not limited */
	__u64 bytes_a_second; /* 0: not limited */
	__u64 burst_ns;
	__u32 group; /* all hosts share a bucket */
	__u32 pad;
};
NVME_ASSERT_SIZE(struct stoq_limit_entry, 40);

struct stoq_limit_installed {
	/* Not 0, another one each time: connections are looked up again when it changes. */
	__u64 generation;
	__u32 count;
	__u32 pad;
	struct stoq_limit_entry limits[STOQ_LIMITS_MAX];
	struct stoq_guard_compiled match; /* rule N is the conditions of limit N */
};

struct stoq_limit_nqn { /* as struct stoq_guard_nqn has it */
	__u64 words[STOQ_GUARD_NQN_WORDS];
};

/* Host numbers that are no host's own. */
#define STOQ_LIMIT_HOST_OTHERS 0 /* hosts without a name, and those for which there was no room */
#define STOQ_LIMIT_HOST_GROUP  0xffffffffu

struct stoq_limit_bucket_key {
	__u64 limit; /* its id */
	__u32 host;  /* its number */
	__u32 pad;
};
NVME_ASSERT_SIZE(struct stoq_limit_bucket_key, 16);

/*
 * A clock runs ahead of time as work is asked for: by a command's share of a second for each. It is when the next
 * command may leave; how far it may stay behind time is the burst. CLOCK_MONOTONIC, ns.
 */
struct stoq_limit_bucket {
	__u64 commands_ns;
	__u64 bytes_ns;
	__u64 generation; /* of the policy under which the clocks run */
	/* Counted since the bucket was made. */
	__u64 commands;
	__u64 bytes;
	__u64 delayed;	/* commands that had to wait; audit: would have had to */
	__u64 delay_ns; /* for how long, all together */
	__u64 capped;	/* of these: would have waited longer than STOQ_LIMIT_DELAY_MAX_NS */
	__u64 last_ns;	/* the last command */
};
NVME_ASSERT_SIZE(struct stoq_limit_bucket, 72);

struct stoq_limit_due {
	__u64 owner; /* uid << 16 | CID */
	__u64 due_ns;
};

struct stoq_limit_totals {
	__u64 commands; /* that limits hold for */
	__u64 delayed;	/* of these: waited; audit: would have */
	__u64 capped;
	__u64 packets;	    /* that got a later departure */
	__u64 acks;	    /* acknowledgements that were sent ahead of these */
	__u64 eased;	    /* of these: an earlier one than is due, for TCP's timer */
	__u64 hosts;	    /* that have a number */
	__u64 hosts_full;   /* times that a host had to share, as there was no room for it */
	__u64 buckets_full; /* commands without a bucket of their own: charged to the others' */
	__u64 due_lost;	    /* commands without a time of their own: stoq_limit_answer_due() */
	__u64 unknown;	    /* commands on connections that may be admin queues: not limited */
};
