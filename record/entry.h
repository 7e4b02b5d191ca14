/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Entries of a record, as programs use them. */
#include <stdbool.h>

#include "bpf/stream/stages_shared.h"
#include "flow/end.h"
#include "flow/overlap.h"
#include "nvme/nvme.h"
#include "record/format.h"

#define STOQ_RECORD_UNKNOWN 0xffff /* as QID and CNTLID */

struct stoq_record_connection {
	uint32_t uid;
	bool connected, closed;
	enum nvme_queue_kind kind;
	uint16_t vlan_id;
	struct stoq_flow_end host, controller;
	uint16_t qid, cntlid;
	uint64_t time_unix_ns;
	char host_nqn[NVME_NQN_LENGTH]; /* what follows their end is 0 */
	char subsystem_nqn[NVME_NQN_LENGTH];
};

struct stoq_record_command {
	uint64_t start_unix_ns;
	uint64_t latency_ns;
	uint64_t slba;
	uint32_t uid;
	uint32_t sequence;
	uint32_t nsid;
	uint32_t bytes;
	uint32_t blocks;
	uint16_t cid;
	uint16_t status; /* NVME_STATUS() */
	uint8_t opcode;
	uint8_t kind;
	uint8_t fctype;
	bool do_not_retry;
	bool staged;
	struct stoq_stages stages;
};

struct stoq_record_missed {
	uint64_t time_unix_ns;
	uint64_t lost, unmatched, unended, untracked, unsynced_bytes;
};

struct stoq_record_counts {
	uint64_t time_unix_ns;
	uint64_t violations[STOQ_VIOLATIONS_ROOM];
	struct stoq_overlap_counts overlaps;
};

struct stoq_record_entry {
	enum stoq_record_kind kind;
	union {
		struct stoq_record_connection connection;
		struct stoq_record_command command;
		struct stoq_record_missed missed;
		struct stoq_event_violation violation; /* times since 1970, also of an overlap */
		struct stoq_overlap overlap;
		struct stoq_record_counts counts;
	};
};

/* To the file's form, and from it. wire has room for any entry. */
size_t stoq_record_encode(void *wire, const struct stoq_record_entry *entry);
/* kind is one of those with entries; wire has as many bytes as stoq_record_entry_bytes(). */
void stoq_record_decode(
	struct stoq_record_entry *entry, enum stoq_record_kind kind, const void *wire);

/* The checksum of a block. */
uint32_t stoq_record_block_crc(const struct stoq_record_wire_block *block, const void *stored);

/* 0: there are no entries of this kind. */
size_t stoq_record_entry_bytes(unsigned int kind);
