/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Events: a ring buffer of these; each begins with its type. Times are CLOCK_MONOTONIC, ns. */
#include <linux/types.h>

#include "bpf/stream/stages_shared.h"
#include "nvme/nvme_tcp_constants.h"
#include "nvme/nvme_types.h"

enum stoq_event_type {
	STOQ_EVENT_COMMAND = 1,	  /* struct stoq_event_command */
	STOQ_EVENT_PDU = 2,	  /* struct stoq_event_pdu; only when asked for */
	STOQ_EVENT_VIOLATION = 3, /* struct stoq_event_violation, ... */
	STOQ_EVENT_WRITE = 4, /* ... struct stoq_event_write; only where the protocol is checked */
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
