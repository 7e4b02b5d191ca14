/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * What the tc program and inspect/ share: map keys and values, events. Latency buckets are those
 * of base/latency_bucket.h.
 * Fixed-width types, explicit padding; sizes are asserted, for both compilers.
 * Addresses are IPv6, with IPv4 mapped (::ffff:a.b.c.d). Times are CLOCK_MONOTONIC, ns.
 */
#include "base/latency_bucket.h"
#include "bpf/stream/stages_shared.h"
#include "bpf/stream/tcp_shared.h"
#include "nvme/nvme_tcp.h"

/* Programs that keep no commands and count none (bpf/limit/) have smaller flows, and fewer maps. */
#ifndef STOQ_WITHOUT_COMMANDS
#define STOQ_WITHOUT_COMMANDS 0
#endif

/* ---- commands outstanding ---- */

/*
 * A command begins on one CPU and ends on another, so each cache line that it is kept in travels
 * to and fro, and that costs as much as decoding it. Hence a slot is a quarter of a line, and
 * commands with neighbouring CIDs share one. A flow has slots of its own, which are taken without
 * atomic instructions, as no other flow uses them. Commands for which these do not suffice are in
 * a hash table of our own in an array map, which all flows share.
 */
struct stoq_slot {
	__u32 owner; /* STOQ_COMMAND_FREE, or whose it is: see the two kinds of slots below */
	__u32 bytes;
	__u64 packed; /* see stoq_slot_pack() */
};
NVME_ASSERT_SIZE(struct stoq_slot, 16);

#define STOQ_COMMAND_FREE 0

/*
 * The slots of a flow: a command may be in the one at its CID modulo their number. Drivers keep
 * CIDs dense, and queues of 128 entries are what SPDK and Linux ask for unless configured otherwise.
 */
#define STOQ_OWN_SLOTS 128

/* The owner of a flow's slot: its command. */
static inline __u32 stoq_own_owner(__u16 cid)
{
	return 1u << 16 | cid;
}

/*
 * The shared table. What only events contain, and the namespace id if it is large, is in a table
 * of its own by the same index; a command that needs either is in no slot of its flow.
 */
#define STOQ_COMMAND_CHOICES 4	   /* slots where a command may be */
#define STOQ_COMMANDS_MIN    65536 /* so that a slot and its owner determine the CID */
#define STOQ_UID_MAX	     0x3fffffffu

/* The owner of a shared slot. */
static inline __u32 stoq_command_owner(__u32 uid, __u32 choice)
{
	return uid << 2 | choice;
}

/*
 * Index of a choice, 0 to STOQ_COMMAND_CHOICES - 1: two places, and their neighbours. mask: the
 * number of slots, a power of two, less one.
 */
static inline __u32 stoq_command_index(__u32 uid, __u16 cid, __u32 choice, __u32 mask)
{
	__u32 base = choice & 2 ? uid * 0x85ebca6bu >> 9 : uid * 0x9e3779b1u >> 7;

	return ((base + cid) ^ (choice & 1)) & mask;
}

enum stoq_keep {
	STOQ_KEEP_DETAILS = 1, /* what events contain: SLBAs and more */
	STOQ_KEEP_SIZES = 2,   /* their size class: series are told apart by it */
};

struct stoq_detail {
	__u64 slba;
	__u32 nsid;
	__u32 blocks;
	__u32 sequence; /* TCP sequence number of the capsule */
	__u32 pad;
};
NVME_ASSERT_SIZE(struct stoq_detail, 24);

/* A command outstanding, unpacked. */
struct stoq_command {
	__u64 start_ns; /* modulo STOQ_SLOT_TIME */
	__u64 slba;	/* if details are kept */
	__u32 nsid;
	__u32 bytes;
	__u32 blocks;	/* if details are kept */
	__u32 sequence; /* likewise */
	__u8 opcode;
	__u8 kind;
	__u8 fctype;
	__u8 untimed; /* AER: waits for an event, its latency means nothing */
};

#define STOQ_SLOT_TIME_BITS	40 /* 18 minutes; all beyond 137 s is one bucket */
#define STOQ_SLOT_TIME		(1ull << STOQ_SLOT_TIME_BITS)
#define STOQ_SLOT_CLASS_SHIFT	STOQ_SLOT_TIME_BITS /* above: all that a series' key has of it */
#define STOQ_SLOT_UNTIMED_SHIFT 57
#define STOQ_SLOT_NSID_FAR	0xff /* the detail has it */
#define STOQ_FCTYPE_OTHER	0x3f /* the reserved and vendor specific ones beyond */

/*
 * The size of a command's data in powers of two: 0: none; n: from 2^(n - 1) bytes up to twice that. Where
 * sizes are counted, it stands where Fabrics commands have their type.
 */
static inline __attribute__((always_inline)) __u32 stoq_size_class(__u32 bytes)
{
	return stoq_latency_exponent(bytes | 1u) + (__u32)((0 - (__u64)bytes) >> 63);
}

static inline __attribute__((always_inline)) __u64 stoq_slot_pack(
	const struct stoq_command *command)
{
	__u64 nsid = command->nsid < STOQ_SLOT_NSID_FAR ? command->nsid : STOQ_SLOT_NSID_FAR;
	__u64 fctype = command->fctype < STOQ_FCTYPE_OTHER ? command->fctype : STOQ_FCTYPE_OTHER;

	return (command->start_ns & (STOQ_SLOT_TIME - 1)) | (__u64)command->opcode << 40 |
	       nsid << 48 | (__u64)(command->kind & 1) << 56 |
	       (__u64)command->untimed << STOQ_SLOT_UNTIMED_SHIFT | fctype << 58;
}

/* All but slba and blocks, and nsid if it is STOQ_SLOT_NSID_FAR afterwards. */
static inline __attribute__((always_inline)) void stoq_slot_unpack(
	struct stoq_command *command, const struct stoq_slot *slot)
{
	__u64 packed = slot->packed;

	command->bytes = slot->bytes;
	command->start_ns = packed & (STOQ_SLOT_TIME - 1);
	command->opcode = packed >> 40 & 0xff;
	command->nsid = packed >> 48 & 0xff;
	command->kind = packed >> 56 & 1;
	command->untimed = packed >> STOQ_SLOT_UNTIMED_SHIFT & 1;
	command->fctype = packed >> 58;
	command->slba = 0;
	command->blocks = 0;
	command->sequence = 0;
}

/* Interfaces of one program whose packets begin with the IP header; as many as it can have at all.
 */
#define STOQ_BARE_MAX 32

/* ---- flows: one TCP connection, which is one NVMe queue ---- */

/* Both directions have the same key: the program puts the two ends into an order of its own. */
struct stoq_flow_key {
	__u8 address_a[16];
	__u8 address_b[16];
	__be16 port_a;
	__be16 port_b;
	__u16 vlan_id; /* 0: none */
	__u16 pad;
};
NVME_ASSERT_SIZE(struct stoq_flow_key, 40);

/*
 * Which end comes first in a key; addresses as two words in memory order. Not atomic, not 128
 * bit: any order will do, as long as it is always the same.
 */
static inline __attribute__((always_inline)) int stoq_end_is_first(
	const __u64 *one, const __u64 *other, __be16 one_port, __be16 other_port)
{
	if (one[0] != other[0])
		return one[0] < other[0];
	if (one[1] != other[1])
		return one[1] < other[1];
	return one_port < other_port;
}

enum stoq_flow_state {
	STOQ_FLOW_LEARNING = 0,	 /* NVMe/TCP by the look of it; PDU boundaries not known yet */
	STOQ_FLOW_SYNCED = 1,	 /* every PDU is followed */
	STOQ_FLOW_ENCRYPTED = 2, /* TLS: opaque */
	STOQ_FLOW_LOST = 3,	 /* was synced; a gap or a bad header ended that; learning again */
	STOQ_FLOW_CLOSED = 4,	 /* FIN from both sides, or RST */
	STOQ_FLOW_MULTIPATH =
		5, /* Multipath TCP: its stream comes in pieces, over several connections */
	STOQ_FLOW_STATES = 6,
};

/*
 * A connection that was begun, and of which the controller's side has sent no data yet: what its
 * SYNs said. Strangers can make as many as they like; the one that was not used for longest makes
 * way.
 */
struct stoq_newcomer {
	__u32 host_first;	/* sequence number of the host's first byte, by the last SYN */
	__u32 start;		/* the same, by the last SYN that was answered */
	__u32 controller_first; /* of the controller's, by that answer */
	__u8 host_is_a;
	__u8 answered;
	__u8 multipath; /* the answer agrees to Multipath TCP */
	/* The guard's, else 0. */
	__u8 followed;	       /* enum stoq_newcomer_followed */
	__u32 syn_from;	       /* where the last SYN, ... */
	__u32 host_from;       /* ... the one that was answered, ... */
	__u32 controller_from; /* ... and the answer came from: see stoq_guard_from() */
	__u32 refused : 1;     /* there was no room for it as a flow */
	__u32 icreq_time : 31; /* when it came to be followed, in STOQ_NEWCOMER_TIME_SHIFT */
};
NVME_ASSERT_SIZE(struct stoq_newcomer, 32);

/* What has passed of its host's data. */
enum stoq_newcomer_followed {
	STOQ_NEWCOMER_QUIET = 0,
	STOQ_NEWCOMER_FOLLOWED = 1, /* strictly: an ICReq, or part of it, and nothing else */
	STOQ_NEWCOMER_UNFOLLOWED =
		2, /* data that no guard has seen: it is not followed strictly any more */
};

/* In 2^24 ns, 17 ms: a newcomer is not a year old. */
#define STOQ_NEWCOMER_TIME_SHIFT 24
#define STOQ_NEWCOMER_TIME_MASK	 0x7fffffffu

/* What the end of the PDU that was taken last means for its command. */
enum stoq_pending {
	STOQ_PENDING_NOTHING = 0,
	STOQ_PENDING_COMPLETION = 1, /* it completes */
	STOQ_PENDING_DATA_END = 2,   /* its data has come; only where stages are counted */
};

/* A place in a byte stream, up to which its PDUs were taken. */
struct stoq_cursor {
	__u32 next_header; /* TCP sequence number of the next PDU header */
	__u16 pending_cid; /* this command completes when next_header is reached ... */
	__u8 pending;	   /* ... if this says so: enum stoq_pending */
	__u8 carry_bytes;  /* header bytes kept from earlier segments */
	__u8 carry[NVME_TCP_HEADER_MAX];
};

/* ---- early bytes: those that came before what they follow in the stream (early.bpf.h) ---- */

/*
 * They are kept in cells, which all flows share: so many bytes of the stream each, and as many of
 * the next cell's as a header may have, so that a header is whole in the cell in which it begins.
 */
#define STOQ_CELL_SHIFT	 12
#define STOQ_CELL_BYTES	 (1u << STOQ_CELL_SHIFT)
#define STOQ_CELL_ROOM	 (STOQ_CELL_BYTES + NVME_TCP_HEADER_MAX)
#define STOQ_CELL_BLOCK	 64 /* bytes for each word of `here` */
#define STOQ_CELL_BLOCKS (STOQ_CELL_ROOM / STOQ_CELL_BLOCK)

struct stoq_early_cell {
	__u64 tag;		      /* whose it is, see stoq_cell_tag(); 0: free */
	__u64 used_ns;		      /* when bytes were put into it last */
	__u64 here[STOQ_CELL_BLOCKS]; /* a bit per byte: it has come */
	__u8 bytes[STOQ_CELL_ROOM];
};
NVME_ASSERT_SIZE(struct stoq_early_cell, 16 + STOQ_CELL_BLOCKS * 8 + STOQ_CELL_ROOM);

#define STOQ_CELLS_DEFAULT 4096 /* 16 MiB of payload; a power of two */

/* What one side may have of the cells: so far from what is wanted early bytes are kept. */
static inline __u32 stoq_cells_reach(__u32 cells)
{
	return cells / 4 * STOQ_CELL_BYTES;
}

/* The program's .bss: __u32 stoq_globals[]. */
enum stoq_global {
	STOQ_GLOBAL_LAST_UID = 0,   /* of a flow */
	STOQ_GLOBAL_CELLS_USED = 1, /* for early bytes */
	STOQ_GLOBALS = 2,
};

/*
 * The two directions are written by two CPUs, as a rule: nothing of one may lie in a cache line
 * of the other, or of what both read, wherever the map puts the value.
 */
#define STOQ_CACHE_LINE_GAP(name) __u8 name[64]

/* One direction of a flow. Only the CPU that holds `busy` writes it. */
struct stoq_flow_side {
	__u32 busy;
	__u32 next_byte; /* sequence number after the highest byte seen */
	__u8 state;	 /* LEARNING, SYNCED or LOST, of this direction */
	__u8 chain;	 /* plausible PDUs in a row while not synced */
	__u8 finished;	 /* FIN or RST seen */
	__u8 started;	 /* next_byte is valid */
	__u8 early;	 /* early bytes are kept */
	__u8 pad[3];
	__u32 scan_from;      /* not synced: where in the next packet to look */
	__u16 collect_offset; /* Connect data: the next byte's offset, ... */
	__u16 collect_left;   /* ... how many bytes are to come, ... */
	__u32 collect_at;     /* ... and the sequence number of the next one */
	__u32 acknowledged;   /* of the other side's bytes, by this one */
	/* The guard's, else 0: see bpf/guard/patch.bpf.h. */
	__u32 patch_end;  /* sequence number after the last patch */
	__u32 patch_head; /* number of the next patch ... */
	__u32 patch_tail; /* ... and of the oldest one kept */
	/* Early bytes: those kept lie between these sequence numbers, if there are any. */
	__u32 early_first;
	__u32 early_end;
	__u32 early_cells; /* cells that have them */
	__u32 early_run;   /* how often there began to be some */
	__u32 early_mark;  /* where the last ones were when ... */
	__u32 early_pad;
	__u64 early_mark_ns; /* ... that was: all before the mark are older, all behind it are not
			      */
	/* What every packet touches stands together. */
	__u64 last_seen_ns;
	__u64 packets;
	__u64 payload_bytes;
	__u64 pdus;
	__u64 commands;	       /* from the host: begun; from the controller: ended (AER aside) */
	__u64 duplicate_bytes; /* retransmitted, or seen on a second interface */
	__u64 commands_limit;  /* the guard's, of the host's side: as many may begin */
	struct stoq_cursor cursor;
	__u64 gaps;	      /* segments came behind others that might have PDU headers */
	__u64 holes_closed;   /* gaps that were filled later: nothing missed */
	__u64 bad_headers;    /* not a PDU where one had to be */
	__u64 resyncs;	      /* learning that ended in synced */
	__u64 unsynced_bytes; /* payload not understood */
	__u64 unmatched;      /* completions of commands whose start was not seen */
	__u64 untracked;      /* commands begun for which there was no room */
	__u64 unended;	      /* commands whose completion was not seen */
	STOQ_CACHE_LINE_GAP(gap);
};

/*
 * What the program of limits keeps of a flow (bpf/limit/), by side where there are two. What a side sends must not
 * leave before due_ns; CLOCK_MONOTONIC.
 */
struct stoq_limit_flow {
	__u64 generation; /* of the policy that the rest belongs to; 0: it is to be looked up */
	__u64 limits;	  /* a bit for each that holds for this host and this subsystem */
	__u64 due_ns[NVME_TCP_SIDES];
	__u64 left_ns[NVME_TCP_SIDES]; /* when its last packet leaves */
	__u64 held_ns[NVME_TCP_SIDES]; /* how long its packets waited, smoothed as TCP does */
	__u32 host;		       /* the host's number */
	__u32 io;		       /* an I/O queue, beyond doubt */
	__u32 delayed;		       /* a command of it was */
	__u32 acked[NVME_TCP_SIDES];   /* what has left acknowledges so much */
	__u32 pad;
};
NVME_ASSERT_SIZE(struct stoq_limit_flow, 88);

/* What the guard keeps of a flow; all 0 where there is none. */
struct stoq_guard_flow {
	__u64 generation; /* of the policy that the classes belong to */
	__u64 adopted;	  /* of the policy with which the flow's identity was looked up */
	__u32 refused;	  /* refused commands whose completion did not come yet */
	/* Where its ends' segments come from, if opened: see stoq_guard_from(). */
	__u32 host_from;
	__u32 controller_from;
	__u16 host_class;
	__u16 subsystem_class;
	/* A capsule that is cut, refused before its end came. */
	__u16 cut_rule;
	__u16 cut_log_rule;
	__u16 cut_status;
	__u8 cut;	    /* there is one: enum stoq_guard_cut */
	__u8 cut_opcode;    /* the opcode that it had */
	__u8 cut_fctype;    /* likewise */
	__u8 named;	    /* its NQNs are in map stoq_connects, whole */
	__u8 opened;	    /* seen since the controller's SYN and ACK */
	__u8 acknowledged;  /* bit per side: its side's `acknowledged` is valid */
	__u8 digests;	    /* bit 0: header, bit 1: data digests are used ... */
	__u8 digests_known; /* ... if these bits are set here */
	__u8 cpda;	    /* of the controller's ICResp; 0 if that was not seen */
	__u8 icresp;	    /* that was seen */
	__u8 whole;	    /* followed strictly since it was opened */
	__u8 ended;	    /* bit per side: it has sent a TermReq, nothing follows */
	__u8 far_r2ts;	    /* some R2Ts are, or were, in map stoq_guard_far */
	__u8 identify;	    /* enum stoq_guard_identify: Identify Controller, on the admin queue */
	__u8 ioccsz_bytes;  /* of IOCCSZ that have come */
	__u8 spared;	    /* audit: a packet of it would have been dropped */
	__u8 policies;	    /* by how many its commands were decided about, modulo 256 */
	__u8 connect;	    /* enum stoq_guard_connect, of its Connect */
	__u32 maxh2c;	     /* MAXH2CDATA, bytes; 0 if the ICResp was not seen */
	__u32 far;	     /* commands outstanding that are in map stoq_guard_far */
	__u32 capsule_bytes; /* the most data in a capsule; 0: not looked up yet */
	__u32 ioccsz;	     /* as far as it has come, ... */
	__u32 ioccsz_at;     /* ... and the sequence number of its first byte */
	__u16 identify_cid;
	__u8 torn;	  /* the guard ends it: see guard/end.bpf.h */
	__u8 changed;	  /* headers that came again with other bytes ... */
	__u32 changed_at; /* ... where the last one was */
	__u32 turns;	  /* the host's packets since it was torn */
};
NVME_ASSERT_SIZE(struct stoq_guard_flow, 88);

/* Bits. */
enum stoq_guard_connect {
	STOQ_GUARD_CONNECT_LATE = 1,   /* its data came behind its header: it passed without them */
	STOQ_GUARD_CONNECT_BARRED = 2, /* it would have been refused: no command passes */
};

enum stoq_guard_cut {
	STOQ_GUARD_CUT_NONE = 0,
	STOQ_GUARD_CUT_SPOILED = 1, /* what has passed of it was changed, or will be */
	STOQ_GUARD_CUT_SPARED = 2,  /* audit: it passes as it is */
};

enum stoq_guard_identify {
	STOQ_GUARD_IDENTIFY_NO = 0,
	STOQ_GUARD_IDENTIFY_ASKED = 1,
	STOQ_GUARD_IDENTIFY_COMES = 2, /* the PDU with its IOCCSZ has begun */
};

/*
 * An R2T that waits for data: in the place that belongs to its command's slot, or, if the command
 * has none or another R2T of it is there, in map stoq_guard_far.
 */
#define STOQ_GUARD_R2TS	      STOQ_OWN_SLOTS
#define STOQ_GUARD_R2T_BEGUN  0x7fffffffu
#define STOQ_GUARD_R2T_JOINED 0x80000000u

struct stoq_guard_r2t {
	__u16 cid;
	__u16 ttag;
	__u32 next;  /* the data's offset that comes next ... */
	__u32 end;   /* ... up to this one */
	__u32 begun; /* when its command began, as far as STOQ_GUARD_R2T_BEGUN has it; and
			STOQ_GUARD_R2T_JOINED if it is more than one R2T */
};
NVME_ASSERT_SIZE(struct stoq_guard_r2t, 16);

/* The digests that ICReq offers and ICResp agrees to, 2 bits each, and that there was one. */
#define STOQ_NEGOTIATED_OFFER	     0x03
#define STOQ_NEGOTIATED_ICREQ	     0x04
#define STOQ_NEGOTIATED_ANSWER_SHIFT 4
#define STOQ_NEGOTIATED_ICRESP	     0x40

struct stoq_flow {
	__u64 first_seen_ns;
	__u32 uid;	/* unique among all flows of this program; 0: not ready */
	__u8 host_is_a; /* end a of the key is the NVMe host */
	__u8 encrypted;
	__u8 connected;	 /* Fabrics Connect seen: qid, sqsize; NQNs are in map connects */
	__u8 from_start; /* seen since its ICReq: nothing was missed */
	__u16 qid;	 /* valid if connected */
	__u16 cntlid;	 /* from the Connect response; FFFFh: not known */
	__u16 sqsize;	 /* 0's based, from Connect */
	__u16 connect_cid;
	__u8 kind;	    /* enum nvme_queue_kind; guessed from opcodes unless connected */
	__u8 header_digest; /* seen on PDUs */
	__u8 data_digest;
	__u8 terminated; /* H2CTermReq or C2HTermReq seen: 1 + enum nvme_tcp_side */
	__u8 connect_accepted;
	__u8 proven; /* both sides have sent data: it is in map stoq_flows, else in stoq_unproven */
	__u8 multipath; /* its ends agreed to Multipath TCP */
	__u8 tls; /* encrypted: what was seen of its beginning, see bpf/stream/opening.bpf.h */
	__u32 host_first; /* sequence number of the first byte of each side; 0: not known */
	__u32 controller_first;
	/* Completions may have been missed until then: commands that began before may be done. 0: none was.
	 */
	__u64 doubt_ns;
	__u32 end_counted; /* it has ended, and that was counted ... */
	__u32 kato_ms; /* of the admin queue's Connect: a host that says nothing for longer is gone */
	__u64 ended_ns;	 /* ... then */
	__u8 reset;	 /* bit per side: it sent a RST */
	__u8 term_fes;	 /* fatal error status of a TermReq */
	__u8 negotiated; /* STOQ_NEGOTIATED_... */
	__u8 alert; /* TLS: a description that was not encrypted (RFC 8446 6), plus 1; 0: none */
	__u32 pad;
	union { /* each program has its own */
		struct stoq_guard_flow guard;
		struct stoq_limit_flow limit;
	};
	STOQ_CACHE_LINE_GAP(gap);
	struct stoq_flow_side side[NVME_TCP_SIDES];
#if !STOQ_WITHOUT_COMMANDS
	struct stoq_slot slots[STOQ_OWN_SLOTS];
	struct stoq_guard_r2t r2ts[STOQ_GUARD_R2TS]; /* the guard's */
#endif
};

/* ---- series: what is counted, per queue, namespace and opcode ---- */

/*
 * When the table is full, counting goes on per CPU and opcode, in series whose uid is
 * STOQ_SERIES_OVERFLOW | CPU: totals stay exact.
 */
#define STOQ_SERIES_OVERFLOW 0xffff0000u

struct stoq_series_key {
	__u32 uid; /* of the flow */
	__u32 nsid;
	__u8 opcode;
	__u8 kind;   /* enum nvme_queue_kind */
	__u8 fctype; /* of a Fabrics command, else 0, or the size class if sizes are counted */
	__u8 pad[5];
};
NVME_ASSERT_SIZE(struct stoq_series_key, 16);

struct stoq_series {
	__u64 commands; /* completed, with any status */
	__u64 errors;	/* of these, status not 0 */
	__u64 bytes;	/* data of those that succeeded: the SGL's length */
	__u64 latency_sum_ns;
	__u64 latency_max_ns;
	__u64 buckets[STOQ_LATENCY_BUCKETS];
};

/* The same where stages are counted: the front is that of the others. */
struct stoq_series_staged {
	struct stoq_series series;
	struct stoq_stage_series stages[STOQ_STAGES];
};

/*
 * Courses of commands, in a table that all flows share. A flow's queue of 128 commands has a page
 * of its own there, as long as no flow is 1,024 connections older; deeper queues have more pages,
 * which they may share. The later command has the place: the earlier one's time is in its first
 * stage then, and that is counted.
 */
#define STOQ_COURSE_PAGE_SHIFT 7

static inline __u32 stoq_course_index(__u32 uid, __u16 cid, __u32 mask)
{
	__u32 page = uid ^ (__u32)(cid >> STOQ_COURSE_PAGE_SHIFT) * 0x9e3779b1u >> 7;

	return (page << STOQ_COURSE_PAGE_SHIFT | (cid & ((1u << STOQ_COURSE_PAGE_SHIFT) - 1))) &
	       mask;
}

static inline __u64 stoq_course_owner(__u32 uid, __u16 cid)
{
	return (__u64)uid << 16 | cid;
}

/* Completions by status other than success. Value: __u64 count. */
struct stoq_status_key {
	__u32 uid;
	__u16 status; /* NVME_STATUS() */
	__u8 opcode;
	__u8 kind;
};
NVME_ASSERT_SIZE(struct stoq_status_key, 8);

/* ---- per CPU: counters of the program as a whole, and its work space ---- */

enum stoq_counter {
	STOQ_COUNT_PACKETS,	 /* all that passed the hook */
	STOQ_COUNT_NVME_PACKETS, /* those with payload of a known flow */
	STOQ_COUNT_FLOWS_NEW,
	STOQ_COUNT_FLOWS_FULL,	   /* flow not followed: no room */
	STOQ_COUNT_FLOWS_PROVEN,   /* flows of which both sides have sent data */
	STOQ_COUNT_FLOWS_CLOSED,   /* of these: ended, or replaced by another with the same ends */
	STOQ_COUNT_FLOWS_TRIED,	   /* the same of flows of which only one side has sent data */
	STOQ_COUNT_CONTENDED,	   /* packet skipped: another CPU was at the same direction */
	STOQ_COUNT_MALFORMED,	   /* lengths that contradict each other, headers cut short */
	STOQ_COUNT_FRAGMENTS,	   /* IP fragments: not looked at */
	STOQ_COUNT_PDU_LIMIT,	   /* more PDUs in a packet than the program walks */
	STOQ_COUNT_SERIES_FULL,	   /* command counted in an overflow series */
	STOQ_COUNT_EVENTS_LOST,	   /* no room in the event ring */
	STOQ_COUNT_UNTRACKED,	   /* commands for which there was no room */
	STOQ_COUNT_UNMATCHED,	   /* completions of commands whose start was not seen */
	STOQ_COUNT_UNSYNCED_BYTES, /* payload of NVMe/TCP flows that was not understood */
	STOQ_COUNT_UNENDED,	   /* commands whose completion was not seen */
	STOQ_COUNT_EARLY,	   /* segments kept until what they follow had come */
	STOQ_COUNT_EARLY_FULL,	   /* segments for which there was no room */
	STOQ_COUNT_GIVEN_UP,	   /* gaps that will not be filled */
	STOQ_COUNT_NEGOTIATIONS_FAILED, /* connections that ended between ICReq and first command */
	STOQ_COUNT_HANDSHAKES_FAILED,	/* TLS connections that ended before a first PDU passed */
	STOQ_COUNT_COURSES_FULL,	/* commands whose course made way for another one's */
	STOQ_COUNTERS,
};

#define STOQ_WINDOW_BYTES 1024

/* A common header that is known to be good, and what follows from it. */
struct stoq_known {
	__u64 header; /* the 8 bytes as they are; 0: none */
	__u32 data_length;
	__u32 pad;
};
#define STOQ_TYPES_ROOM 16 /* for PDU types; a power of two, so that an index can be bounded */

struct stoq_cpu {
	__u64 counters[STOQ_COUNTERS];
	__u64 pdu_types[STOQ_TYPES_ROOM];
	/* Work space for the packet at hand. */
	__u64 now_ns;
	struct stoq_command command; /* the one that begins or ends: the stack has no room for it */
	struct stoq_stages stages;   /* of the one that ended last, where they are counted */
	__u64 bad_header;	     /* the 8 bytes that stood where a PDU had to begin */
	__u64 early_tag;	     /* of the cells of early bytes, when these are walked */
	__u32 sequence;		     /* of the payload's first byte */
	__u32 payload_offset;	     /* in the packet */
	__u32 payload_bytes;
	__u32 acknowledged; /* the packet's ACK number */
	__u32 side;	    /* enum nvme_tcp_side */
	__u32 early;	    /* the payload is early bytes, not the packet's */
	__u32 learn_from;   /* learning: payload before this was dealt with */
	__u32 chain_pdus;   /* learning: consistent PDUs found in a row, ... */
	__u32 chain_next;   /* ... and where the next one would begin */
	__u32 window_at;    /* payload position of window[0] */
	__u32 window_bytes; /* valid bytes of it; 0: none */
	__u32 header_out;   /* bytes of the header at hand that passed in earlier segments */
	struct stoq_known known[STOQ_TYPES_ROOM]; /* the last one of each PDU type */
	/* Headers are looked at here: the piece of the payload that was loaded last. */
	__u8 window[STOQ_WINDOW_BYTES + NVME_TCP_HEADER_MAX];
};

/* ---- events: a ring buffer of these, each begins with its type ---- */

enum stoq_event_type {
	STOQ_EVENT_COMMAND = 1, /* struct stoq_event_command */
	STOQ_EVENT_PDU = 2,	/* struct stoq_event_pdu; only when asked for */
};

/* A command that ended: slow, failed, or every one, as configured. */
struct stoq_event_command {
	__u32 type;
	__u32 uid;
	__u64 start_ns;
	__u64 latency_ns;
	__u64 slba; /* CDW11:CDW10 of NVM commands, else 0 */
	__u32 nsid;
	__u32 bytes;  /* SGL length */
	__u32 blocks; /* NVM commands with an LBA range: number of logical blocks, else 0 */
	__u16 cid;
	__u16 status; /* NVME_STATUS() */
	__u8 opcode;
	__u8 kind;
	__u8 fctype;
	__u8 dnr;
	__u8 staged; /* it is the front of a struct stoq_event_staged */
	__u8 pad[3];
	__u32 sequence; /* TCP sequence number of the capsule */
	__u32 pad_end;
};
NVME_ASSERT_SIZE(struct stoq_event_command, 64);

/* The same where stages are counted. */
struct stoq_event_staged {
	struct stoq_event_command command;
	struct stoq_stages stages;
};
NVME_ASSERT_SIZE(struct stoq_event_staged, 96);

/* The command's stages; NULL: they were not counted. */
static inline const struct stoq_stages *stoq_event_stages(const struct stoq_event_command *event)
{
	return event->staged ? &((const struct stoq_event_staged *)(const void *)event)->stages : 0;
}

/* A PDU, as it was found in the stream. */
struct stoq_event_pdu {
	__u32 type;
	__u32 uid;
	__u64 time_ns;
	__u32 sequence;	   /* TCP sequence number of its first byte */
	__u8 side;	   /* enum nvme_tcp_side */
	__u8 header_bytes; /* valid bytes of header: HLEN */
	__u8 pad[2];
	__u8 header[NVME_TCP_HEADER_MAX];
};
NVME_ASSERT_SIZE(struct stoq_event_pdu, 24 + NVME_TCP_HEADER_MAX);
