/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What the program has as a whole: its interfaces, its globals, and per CPU counters and work space. */
#include <linux/types.h>

#include "bpf/stream/check_shared.h"
#include "bpf/stream/command_shared.h"
#include "bpf/stream/counter_shared.h"
#include "bpf/stream/stages_shared.h"
#include "nvme/nvme_tcp_constants.h"
#include "nvme/nvme_types.h"

/* Interfaces of one program whose packets begin with the IP header; as many as it can have at all.
 */
#define STOQ_BARE_MAX 32

/* The program's .bss: __u32 stoq_globals[]. */
enum stoq_global {
	STOQ_GLOBAL_LAST_UID = 0,    /* of a flow */
	STOQ_GLOBAL_CELLS_USED = 1,  /* for early bytes */
	STOQ_GLOBAL_WRITES_LOST = 2, /* events of writes */
	STOQ_GLOBALS = 3,
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
	struct stoq_violation violation;
	__u64 violations[STOQ_VIOLATIONS_ROOM]; /* of each kind */
	/* Headers are looked at here: the piece of the payload that was loaded last. */
	__u8 window[STOQ_WINDOW_BYTES + NVME_TCP_HEADER_MAX];
};
