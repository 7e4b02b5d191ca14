/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * What the program keeps of a flow: one TCP connection, which is one NVMe queue. Fixed-width types, explicit padding;
 * sizes are asserted, for both compilers. Times are CLOCK_MONOTONIC, ns.
 */
#include <linux/types.h>

#include "bpf/stream/check_shared.h"
#include "bpf/stream/command_shared.h"
#include "nvme/nvme_tcp_constants.h"
#include "nvme/nvme_types.h"

/* Programs that keep no commands and count none (bpf/limit/) have smaller flows, and fewer maps. */
#ifndef STOQ_WITHOUT_COMMANDS
#define STOQ_WITHOUT_COMMANDS 0
#endif

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
	/* TCP's smoothed round trip time, and four times its mean deviation, when all that waits is acknowledged: at least. */
	__u32 round_trip_us[NVME_TCP_SIDES];
	__u32 deviation_us[NVME_TCP_SIDES];
	__u32 host;			/* the host's number */
	__u32 io;			/* an I/O queue, beyond doubt */
	__u32 delayed;			/* a command of it was */
	__u32 acked[NVME_TCP_SIDES];	/* what has left acknowledges so much */
	__u8 unsampled[NVME_TCP_SIDES]; /* its last packet gave no round trip time */
	__u16 pad;
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
	__u8 cut;	     /* there is one: enum stoq_guard_cut */
	__u8 cut_opcode;     /* the opcode that it had */
	__u8 cut_fctype;     /* likewise */
	__u8 named;	     /* its NQNs are in map stoq_connects, whole */
	__u8 opened;	     /* seen since the controller's SYN and ACK */
	__u8 acknowledged;   /* bit per side: its side's `acknowledged` is valid */
	__u8 digests;	     /* bit 0: header, bit 1: data digests are used ... */
	__u8 digests_known;  /* ... if these bits are set here */
	__u8 cpda;	     /* of the controller's ICResp; 0 if that was not seen */
	__u8 icresp;	     /* that was seen */
	__u8 whole;	     /* followed strictly since it was opened */
	__u8 ended;	     /* bit per side: it has sent a TermReq, nothing follows */
	__u8 far_r2ts;	     /* some R2Ts are, or were, in map stoq_guard_far */
	__u8 identify;	     /* enum stoq_guard_identify: Identify Controller, on the admin queue */
	__u8 ioccsz_bytes;   /* of IOCCSZ that have come */
	__u8 spared;	     /* audit: a packet of it would have been dropped */
	__u8 policies;	     /* by how many its commands were decided about, modulo 256 */
	__u8 connect;	     /* enum stoq_guard_connect, of its Connect */
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
	STOQ_GUARD_CONNECT_JUDGED = 4, /* by this guard, when it passed */
	STOQ_GUARD_CONNECT_MET = 8,    /* its host has its place, or was reported as a clone */
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
		struct stoq_check_flow check; /* of a watch that checks the protocol */
	};
	STOQ_CACHE_LINE_GAP(gap);
	struct stoq_flow_side side[NVME_TCP_SIDES];
#if !STOQ_WITHOUT_COMMANDS
	struct stoq_slot slots[STOQ_OWN_SLOTS];
	struct stoq_guard_r2t r2ts[STOQ_GUARD_R2TS]; /* the guard's */
#endif
};
