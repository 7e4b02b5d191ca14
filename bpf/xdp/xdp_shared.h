/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * What the filter's programs (stoq_xdp.bpf.c, stoq_xdp_tc.bpf.c) and user space share. A filter is on
 * one interface and has maps of its own:
 *
 * - stoq_xdp_config, array of 1, struct stoq_xdp_settings: changed while it runs
 * - stoq_xdp_allow, LPM trie, stoq_xdp_prefix -> _rule: if there are any, only these sources
 * - stoq_xdp_deny, LPM trie, stoq_xdp_prefix -> _rule: never these; goes before allow
 * - stoq_xdp_source, LRU hash, __u64 -> __u64: a bucket for each source's handshakes
 * - stoq_xdp_bucket, array of 1, struct stoq_xdp_buckets: buckets that all sources share
 * - stoq_xdp_opens, LRU hash, stoq_xdp_tuple -> __u64: when a handshake was let in, by 4-tuple
 * - stoq_xdp_conns, LRU hash, __u64 -> _connection: by our connection ID's first half
 * - stoq_xdp_stats, array of 1 per CPU, struct stoq_xdp_stats: counters
 * - stoq_xdp_xsks, XSKMAP, by stoq_xdp_xsk_index(): AF_XDP sockets; at XDP only
 *
 * Times are CLOCK_MONOTONIC, in the kernel's coarse reading (some milliseconds). Addresses are
 * IPv6; IPv4 is mapped (::ffff:a.b.c.d).
 */
#include <linux/types.h>

#include "bpf/xdp/cid_shared.h"

#define STOQ_XDP_PROGRAM      "stoq_xdp"
#define STOQ_XDP_TC_PROGRAM   "stoq_xdp_tc"
#define STOQ_XDP_LAYOUT	      4 /* of the structures below; changes when they do */
#define STOQ_XDP_DEFAULT_PORT 9292

#define STOQ_XDP_PORT_WORDS	 1024
#define STOQ_XDP_PREFIXES_MAX	 4096
#define STOQ_XDP_SOURCES	 65536
#define STOQ_XDP_OPENS		 16384
#define STOQ_XDP_CONNECTIONS	 65536
#define STOQ_XDP_XSKS		 256  /* default; set before loading: queues * xsks_per_queue */
#define STOQ_XDP_INITIAL_BYTES	 1200 /* RFC 9000 section 14.1 */
#define STOQ_XDP_CID_MAX	 20   /* RFC 9000 section 17.2 */
#define STOQ_XDP_INITIAL_CID_MIN 8    /* RFC 9000 section 7.2 */
#define STOQ_XDP_SHORT_BYTES	 21 /* RFC 9000 section 10.3: what a stateless reset has at least */
#define STOQ_XDP_PROTECTED_BYTES 20 /* packet number and the sample behind it, RFC 9001 5.4.2 */

enum stoq_xdp_flag {
	STOQ_XDP_ACCEPT = 1 << 0,    /* peers may open connections */
	STOQ_XDP_CHECK_CID = 1 << 1, /* connection IDs are sealed with cid_key */
	STOQ_XDP_REDIRECT = 1 << 2,  /* what passes goes to the AF_XDP socket, if there is one */
	STOQ_XDP_REDIRECT_FRAGMENTS = 1 << 3, /* so do packets in several buffers (Linux 6.6) */
	STOQ_XDP_ONE_ADDRESS = 1 << 4,	      /* only packets to `local` are ours */
};

/*
 * A rate as the program uses it: one event each interval_ns, and as many at once as fit into
 * tolerance_ns (GCRA). interval_ns 0: no limit.
 */
struct stoq_xdp_rate {
	__u64 interval_ns;
	__u64 tolerance_ns;
	__u32 per_second; /* what these were made from, for people */
	__u32 burst;
};

struct stoq_xdp_config {
	__u32 layout; /* STOQ_XDP_LAYOUT */
	__u32 flags;  /* enum stoq_xdp_flag */
	__u32 owner;  /* process that holds it */
	/* Add one after each change of prefixes: connections are then looked up in them again. */
	__u32 generation;
	__u32 allow_prefixes; /* how many there are; 0: all sources may */
	__u32 deny_prefixes;
	__u32 xsks_per_queue; /* 1: the queue's socket; more: chosen by connection ID */
	__u32 pad;
	__u8 local[16];		       /* the address the transport is bound to */
	struct stoq_xdp_rate source;   /* handshakes from one source (IPv4 address, IPv6 /64) */
	struct stoq_xdp_rate total;    /* handshakes from all of them */
	struct stoq_xdp_rate unproven; /* packets whose connection is not known */
	__u64 handshake_timeout_ns;    /* how long a 4-tuple counts as handshaking */
	__u64 idle_timeout_ns;	       /* a connection that is silent for so long is forgotten */
	__u64 closing_timeout_ns;      /* from closing to closed */
	struct stoq_cid_key cid_key;
};

/* Ports lie beside the rest: one look-up for both. */
struct stoq_xdp_settings {
	struct stoq_xdp_config config;
	__u64 ports[STOQ_XDP_PORT_WORDS]; /* bit n of word i: UDP port 64 * i + n is ours */
};

/* When the next event would be due if there were no tolerance. */
struct stoq_xdp_buckets {
	__u64 total_ns;
	__u64 pad[7]; /* a cache line each */
	__u64 unproven_ns;
	__u64 pad_end[7];
};

/* A prefix of an IPv6 address; of an IPv4 address: 96 bits more. */
struct stoq_xdp_prefix {
	__u32 bits;
	__u8 address[16];
};

struct stoq_xdp_rule {
	__u64 packets; /* dropped; of denied prefixes only */
};

struct stoq_xdp_tuple {
	__u8 remote[16];
	__u8 local[16];
	__be16 remote_port;
	__be16 local_port;
};

enum stoq_xdp_state {
	STOQ_XDP_HANDSHAKING = 0,
	STOQ_XDP_ESTABLISHED, /* a packet with a short header came */
	STOQ_XDP_CLOSING,     /* by the transport: it answers for a while */
	STOQ_XDP_CLOSED,      /* by the transport, or by time: packets are dropped */
	STOQ_XDP_STATES,
};

struct stoq_xdp_connection {
	__u64 tag;     /* the other half of the connection ID */
	__u64 last_ns; /* last packet; of closing and closed: when that was set */
	__u64 tick;    /* the program's: jiffies at last_ns */
	__u8 remote[16];
	__be16 remote_port;
	__u8 state;
	__u8 alias; /* 1, of what is over: another connection ID of a connection that counts already
		     */
	__u32 generation;
};

/* What becomes of a packet, and why. */
enum stoq_xdp_verdict {
	STOQ_XDP_PASS_OTHER = 0,   /* not for us */
	STOQ_XDP_PASS_FRAGMENT,	   /* of a UDP packet: the kernel joins them */
	STOQ_XDP_PASS_ESTABLISHED, /* short header, known connection */
	STOQ_XDP_PASS_HANDSHAKE,   /* long header, known connection */
	STOQ_XDP_PASS_INITIAL,	   /* a new connection */
	STOQ_XDP_PASS_VERSION,	   /* a version that is not ours: to be negotiated */
	STOQ_XDP_PASS_UNPROVEN,	   /* no connection of ours, within the limit for these */
	STOQ_XDP_DROP_LENGTH, /* IP and UDP lengths do not fit; or more headers or segments than a packet has */
	STOQ_XDP_DROP_QUIC,	   /* not well-formed QUIC */
	STOQ_XDP_DROP_SMALL,	   /* Initial, or unknown version, in less than 1200 bytes */
	STOQ_XDP_DROP_DENIED,	   /* the source's prefix is denied */
	STOQ_XDP_DROP_NOT_ALLOWED, /* there are allowed prefixes; the source has none of them */
	STOQ_XDP_DROP_SOURCE_RATE, /* too many handshakes from this source */
	STOQ_XDP_DROP_TOTAL_RATE,  /* too many handshakes altogether */
	STOQ_XDP_DROP_UNPROVEN,	   /* no connection of ours, beyond the limit for these */
	STOQ_XDP_DROP_CLOSED,	   /* the connection was closed */
	STOQ_XDP_VERDICTS,
};
#define STOQ_XDP_FIRST_DROP STOQ_XDP_DROP_LENGTH

/* Packet sizes: class n counts frames of up to 64 << n bytes, the last one all larger ones. */
#define STOQ_XDP_SIZE_CLASSES 11
#define STOQ_XDP_SIZE_FIRST   64

struct stoq_xdp_count {
	__u64 packets;
	__u64 bytes; /* of the whole frame */
};

struct stoq_xdp_stats {
	struct stoq_xdp_count verdicts[STOQ_XDP_VERDICTS];
	__u64 sizes[STOQ_XDP_SIZE_CLASSES]; /* of frames for our ports */
	__u64 redirected;		    /* of those passed: to an AF_XDP socket */
	__u64 opened;			    /* connections whose handshake was seen */
	__u64 established;		    /* of those: got so far */
	__u64 migrated;			    /* known connection, new address */
};

/* An AF_XDP socket gets packets of its own queue only; with several on one, this one's. */
static inline __attribute__((always_inline)) __u32 stoq_xdp_xsk_index(
	__u32 queue, __u32 xsks_per_queue, __u8 cid_first_byte)
{
	return xsks_per_queue > 1 ? queue * xsks_per_queue + cid_first_byte % xsks_per_queue
				  : queue;
}

_Static_assert(sizeof(struct stoq_cid) == STOQ_CID_BYTES, "as on the wire");
_Static_assert(sizeof(struct stoq_xdp_config) == 48 + 3 * 24 + 24 + 16, "no padding");
_Static_assert(sizeof(struct stoq_xdp_buckets) == 128, "two cache lines");
_Static_assert(sizeof(struct stoq_xdp_prefix) == 20, "a key without padding");
_Static_assert(sizeof(struct stoq_xdp_tuple) == 36, "a key without padding");
_Static_assert(sizeof(struct stoq_xdp_connection) == 48, "no padding");
