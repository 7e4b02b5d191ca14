/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * What a program that checks the protocol keeps and reports: violations of either end, and the writes that begin and
 * end. doc/design/checks.md has the rules. For C and BPF alike.
 */
#include <linux/types.h>

#include "nvme/nvme_tcp_constants.h"
#include "nvme/nvme_types.h"

/* What an end has done, in a PDU of its own; `expected` and `came` of its event in brackets. */
enum stoq_violation_kind {
	STOQ_VIOLATION_MALFORMED = 0,	  /* no PDU where one has to begin */
	STOQ_VIOLATION_HEADER_DIGEST = 1, /* its flag is not what was agreed [0 or 1] */
	STOQ_VIOLATION_DATA_DIGEST = 2,	  /* the same */
	STOQ_VIOLATION_DATA_OFFSET = 3,	  /* PDO: [a multiple of so many bytes; PDO] */
	STOQ_VIOLATION_NEGOTIATION = 4,	  /* ICResp with digests not offered [digests] */
	STOQ_VIOLATION_CID_IN_USE = 5,
	/* H2CData */
	STOQ_VIOLATION_DATA_UNASKED = 6,    /* no R2T waits for it [0; length] */
	STOQ_VIOLATION_DATA_TAG = 7,	    /* TTAG [of an R2T that waits; TTAG] */
	STOQ_VIOLATION_DATA_ORDER = 8,	    /* not what comes next [offset; offset] */
	STOQ_VIOLATION_DATA_BEYOND_R2T = 9, /* [bytes left; length] */
	STOQ_VIOLATION_DATA_TOO_LONG = 10,  /* [MAXH2CDATA; length] */
	STOQ_VIOLATION_DATA_LAST = 11,	    /* LAST_PDU [0 or 1] */
	/* R2T */
	STOQ_VIOLATION_R2T_NO_COMMAND = 12, /* of a CID that is not outstanding */
	STOQ_VIOLATION_R2T_UNWANTED = 13,   /* of a command that has nothing to send [0; length] */
	STOQ_VIOLATION_R2T_BEYOND = 14,	    /* [the command's length; the end that is asked for] */
	STOQ_VIOLATION_R2T_TOO_MANY = 15,   /* [as many may be outstanding; are] */
	/* C2HData */
	STOQ_VIOLATION_READ_NO_COMMAND = 16,
	STOQ_VIOLATION_READ_UNWANTED = 17, /* of a command that has nothing to read [0; length] */
	STOQ_VIOLATION_READ_BEYOND = 18,   /* [the command's length; end of the data] */
	/* CapsuleResp */
	STOQ_VIOLATION_RESPONSE_NO_COMMAND = 19,
	/* The digest is not that of its bytes: of captures only [as computed; as it came] */
	STOQ_VIOLATION_HEADER_DIGEST_WRONG = 20,
	STOQ_VIOLATION_DATA_DIGEST_WRONG = 21,
	STOQ_VIOLATIONS = 22,
};
#define STOQ_VIOLATIONS_ROOM 32 /* a power of two, so that an index can be bounded */

/* So many events of a flow; beyond that the first of each kind. All are counted. */
#define STOQ_VIOLATION_EVENTS 64

/* The violation at hand. */
struct stoq_violation {
	__u32 kind;
	__u32 expected;
	__u32 came;
	__u32 sequence; /* TCP sequence number of the PDU */
};

/* ---- what is known of a command ---- */

struct stoq_check_r2t {
	__u16 ttag;
	__u16 astray; /* its data were not as asked for: what follows is not judged */
	__u32 next;   /* the data's offset that comes next ... */
	__u32 end;    /* ... up to this one */
};
#define STOQ_CHECK_R2TS 4 /* a power of two */

enum stoq_check_flag {
	STOQ_CHECK_READS = 1,	  /* data go to the host */
	STOQ_CHECK_WRITES = 2,	  /* data come by H2CData */
	STOQ_CHECK_UNTIMED = 4,	  /* waits for an event */
	STOQ_CHECK_NO_LENGTH = 8, /* how long its data are is not known */
};

enum stoq_check_state {
	STOQ_CHECK_ENDED = 1,
	STOQ_CHECK_LOOSE = 2, /* not all of its R2Ts are known: its data are not judged */
};

/* From its command on; it stays when the command has ended. As large as a cache line. */
struct stoq_check {
	__u64 owner; /* stoq_course_owner(); 0: free */
	__u32 bytes; /* of its SGL */
	__u16 epoch; /* of its flow, when it began */
	__u8 flags;
	__u8 state; /* the controller's side writes it: enum stoq_check_state */
	struct stoq_check_r2t r2ts[STOQ_CHECK_R2TS];
};
NVME_ASSERT_SIZE(struct stoq_check, 64);

/* What is kept of a flow. */
struct stoq_check_flow {
	__u32 epoch; /* counts gaps after which a side was learned again: what is older is not believed */
	__u32 told; /* bit per kind: there was an event */
	__u32 events;
	__u32 maxr2t;	  /* of the ICReq, 0's based */
	__u32 maxh2cdata; /* of the ICResp; 0: not seen */
	__u8 hpda, cpda;
	__u8 holes; /* some command has no place: one that is not there may be outstanding */
	__u8 end;   /* enum stoq_check_end */
};
NVME_ASSERT_SIZE(struct stoq_check_flow, 24);

/* Whether all that the controller had sent was seen when the connection ended. */
enum stoq_check_end {
	STOQ_CHECK_END_UNSEEN = 0,
	STOQ_CHECK_END_CLEAN = 1,
	STOQ_CHECK_END_MISSED = 2,
};

/* ---- events, beside those of stream_shared.h ---- */

struct stoq_event_violation {
	__u32 type; /* STOQ_EVENT_VIOLATION */
	__u32 uid;
	__u64 time_ns;
	struct stoq_violation violation;
	__u8 side;	   /* of the end that did it: enum nvme_tcp_side */
	__u8 header_bytes; /* valid bytes of header: HLEN, or 8 of what is no PDU */
	__u8 pad[6];
	__u8 header[NVME_TCP_HEADER_MAX];
};
NVME_ASSERT_SIZE(struct stoq_event_violation, 40 + NVME_TCP_HEADER_MAX);

enum stoq_write_what {
	STOQ_WRITE_BEGINS = 0,
	STOQ_WRITE_RANGE = 1, /* one more range of the same command */
	STOQ_WRITE_ENDS = 2,
	STOQ_WRITE_FLOW_ENDS = 3, /* commands outstanding on it will not be seen to end */
	STOQ_WRITE_CONTROLLER_STOPS =
		4, /* the host has told the controller of this queue to stop */
};

enum stoq_write_flag {
	STOQ_WRITE_FUSED = 1, /* compare and write */
	STOQ_WRITE_EARLY =
		2, /* the end passed before what it follows in the stream: not known when */
	STOQ_WRITE_MISSED = 4, /* the flow's end: completions may have passed unseen */
};

#define STOQ_WRITE_ALL_BLOCKS 0xffffffffu /* of the namespace, from SLBA on */

struct stoq_event_write {
	__u32 type; /* STOQ_EVENT_WRITE */
	__u32 uid;
	__u64 time_ns;
	__u64 slba;
	__u32 blocks;
	__u32 nsid;
	__u32 lost;  /* events of this kind that were lost before it */
	__u16 epoch; /* of the flow: if the end's is not the begin's, completions were missed */
	__u16 cid;
	__u8 what;
	__u8 opcode;
	__u8 flags;
	__u8 pad[5];
};
NVME_ASSERT_SIZE(struct stoq_event_write, 48);
