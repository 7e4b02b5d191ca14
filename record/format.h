/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What a record's file consists of: a header, then blocks of entries of one kind each.
 * doc/design/record.md describes the format; a change is a change of STOQ_RECORD_VERSION, unless it
 * only appends fields to entries. All numbers are little-endian.
 */
#include <stdint.h>

#include "bpf/stream/check_shared.h"
#include "nvme/nvme.h"

#define STOQ_RECORD_MAGIC   "STOQREC\n"
#define STOQ_RECORD_VERSION 1

struct stoq_record_wire_header {
	char magic[8];
	__le32 version;
	__le32 bytes; /* of this header; more may follow in later versions */
	__le64 id;    /* the same in both files of a record */
	__le32 part;  /* how many files came before this one */
	__le32 flags; /* STOQ_RECORD_CHECKED, STOQ_RECORD_ENDED */
	__le64 created_unix_ns;
	char node[64]; /* the name of the machine; NUL-padded */
	__le32 pad;
	__le32 crc; /* of all before it: CRC-32 as zlib's crc32() */
};
NVME_ASSERT_SIZE(struct stoq_record_wire_header, 112);

/* Flags of the header. */
#define STOQ_RECORD_CHECKED 1u /* violations and overlapping writes are entries, all of them */
#define STOQ_RECORD_ENDED   2u /* FILE.1 has a mark of the end, too */

#define STOQ_RECORD_BLOCK_MAGIC 0x4b4c4253u /* "SBLK" */
#define STOQ_RECORD_BLOCK_MAX	(1u << 20)  /* bytes of entries in a block, at most */

enum stoq_record_kind {
	STOQ_RECORD_CONNECTION = 1,
	STOQ_RECORD_COMMAND = 2,
	STOQ_RECORD_MISSED = 3,
	STOQ_RECORD_END = 4, /* the record was closed as it should be; no entries */
	STOQ_RECORD_VIOLATION = 5,
	STOQ_RECORD_OVERLAP = 6,
	STOQ_RECORD_COUNTS = 7, /* of both */
};

struct stoq_record_wire_block {
	__le32 magic;
	__le16 kind;	    /* enum stoq_record_kind; others are skipped */
	__le16 entry_bytes; /* what a reader does not know of an entry comes last */
	__le32 entries;
	__le32 stored_bytes; /* that follow */
	__le32 flags;
	__le32 crc; /* of all before it, and of the bytes that follow */
};
NVME_ASSERT_SIZE(struct stoq_record_wire_block, 24);

#define STOQ_RECORD_DEFLATED 1u /* a flag: the entries are a zlib stream (RFC 1950) */

/* A TCP connection, which is one NVMe queue; again when more is known of it, and when it ends. */
struct stoq_record_wire_connection {
	__le32 uid;
	__u8 flags; /* STOQ_RECORD_CONNECTED, STOQ_RECORD_CLOSED */
	__u8 kind;  /* enum nvme_queue_kind */
	__le16 vlan_id;
	__u8 host[16]; /* addresses: IPv6, or IPv4 mapped */
	__u8 controller[16];
	__le16 host_port;
	__le16 controller_port;
	__le16 qid;    /* FFFFh: not known */
	__le16 cntlid; /* FFFFh: not known */
	__le64 time_unix_ns;
	char host_nqn[NVME_NQN_LENGTH]; /* NUL-padded; empty: not known */
	char subsystem_nqn[NVME_NQN_LENGTH];
};
NVME_ASSERT_SIZE(struct stoq_record_wire_connection, 56 + 2 * NVME_NQN_LENGTH);

#define STOQ_RECORD_CONNECTED 1u /* its Connect was seen, or its host is known otherwise */
#define STOQ_RECORD_CLOSED    2u

/* A command that ended. */
struct stoq_record_wire_command {
	__le64 start_unix_ns;
	__le64 latency_ns;
	__le64 slba;
	__le32 uid;	 /* of its connection */
	__le32 sequence; /* TCP sequence number of the capsule */
	__le32 nsid;
	__le32 bytes; /* the SGL's length */
	__le32 blocks;
	__le16 cid;
	__le16 status; /* NVME_STATUS(); bit 15: do not retry */
	__u8 opcode;
	__u8 kind; /* enum nvme_queue_kind */
	__u8 fctype;
	__u8 flags; /* STOQ_RECORD_STAGED */
	__le32 pad;
	__le64 stages[4]; /* enum stoq_stage, ns; their sum is the latency */
};
NVME_ASSERT_SIZE(struct stoq_record_wire_command, 88);

#define STOQ_RECORD_STAGED	 1u /* its stages are known */
#define STOQ_RECORD_DO_NOT_RETRY 0x8000u

/* What the record does not have, of the time since the last such entry. */
struct stoq_record_wire_missed {
	__le64 time_unix_ns;
	__le64 lost;	       /* commands that ended and were not read in time */
	__le64 unmatched;      /* completions of commands that began unseen */
	__le64 unended;	       /* commands whose completion was not seen */
	__le64 untracked;      /* commands for which there was no room */
	__le64 unsynced_bytes; /* payload that was not understood */
};
NVME_ASSERT_SIZE(struct stoq_record_wire_missed, 48);

/* An end has sent what the protocol forbids: struct stoq_event_violation has the meaning of the fields. */
struct stoq_record_wire_violation {
	__le64 time_unix_ns;
	__le32 uid;
	__le32 kind; /* enum stoq_violation_kind */
	__le32 expected;
	__le32 came;
	__le32 sequence;
	__u8 side;
	__u8 header_bytes;
	__u8 pad[2];
	__u8 header[NVME_TCP_HEADER_MAX];
};
NVME_ASSERT_SIZE(struct stoq_record_wire_violation, 32 + NVME_TCP_HEADER_MAX);

/* Two writes that overlap: struct stoq_overlap has the meaning. */
struct stoq_record_wire_write {
	__le64 slba;
	__le64 start_unix_ns;
	__le64 end_unix_ns; /* 0: not known */
	__le32 blocks;
	__le32 uid;
	__le16 cid;
	__u8 opcode;
	__u8 end; /* enum stoq_overlap_end */
	__le32 pad;
};
NVME_ASSERT_SIZE(struct stoq_record_wire_write, 40);

struct stoq_record_wire_overlap {
	struct stoq_record_wire_write first, second;
	__le32 nsid;
	__u8 same_host;
	__u8 pad[3];
};
NVME_ASSERT_SIZE(struct stoq_record_wire_overlap, 88);

/* How many were found since the last such entry: not each has an entry of its own. */
struct stoq_record_wire_counts {
	__le64 time_unix_ns;
	__le64 violations[STOQ_VIOLATIONS_ROOM]; /* by kind */
	__le64 overlaps[5];			 /* struct stoq_overlap_counts, in its order */
};
NVME_ASSERT_SIZE(struct stoq_record_wire_counts, 48 + 8 * STOQ_VIOLATIONS_ROOM);
