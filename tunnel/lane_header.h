/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The tunnel's wire format, ALPN "stoq-nvme/1". A lane is a bidirectional QUIC stream that the host
 * end opens. It begins with a header, from the host end only; whole NVMe/TCP PDUs follow, in both
 * directions, unchanged. A lane that carries bytes that are not NVMe/TCP is alone in its queue, and
 * its bytes follow the header as they are.
 *
 *   offset  bytes  field (integers are big endian, as in QUIC)
 *        0      4  "STQL"
 *        4      1  version, 1
 *        5      1  flags: bit 0: not NVMe/TCP, bytes; the others are 0
 *        6      1  lane, 0 to 31
 *        7      1  length of the target's name, 0 to 63; 0 in lanes other than 0
 *        8      8  queue: a number that the host end chose; unique in the connection
 *       16      n  the target's name, without NUL: letters, digits, '-', '_', '.', ':'
 *
 * Between two PDUs a lane may carry records of the tunnel's own. They have the shape of a PDU's
 * common header (PLEN, and what follows, little endian), flags as below, HLEN 8, PDO 0:
 *
 *   type  flags  PLEN       from         lane  meaning
 *   F0h   n      8          host end     0     this queue has n lanes now: it ends with all of
 * these F1h   0      24         target end   0     completed commands, and the sum of their times
 * at the target in ns, both since the queue began: two 64-bit numbers F2h   0      9 to 4104 target
 * end   any   the targets, before a discovery log: lines NAME=ADDRESS:PORT
 *
 * A queue ends when both ends have finished all lanes (FIN), or at once when a lane is reset, with
 * one of enum stoq_lane_code.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/nvme_tcp.h"

enum stoq_tunnel_end {
	STOQ_TUNNEL_HOST_END,	/* its TCP connection leads to a host */
	STOQ_TUNNEL_TARGET_END, /* to a target */
};

#define STOQ_LANE_ALPN	     "stoq-nvme/1"
#define STOQ_LANE_VERSION    1
#define STOQ_LANES_MAX	     32
#define STOQ_LANE_TARGET_MAX 63
#define STOQ_LANE_HEADER_MIN 16
#define STOQ_LANE_HEADER_MAX (STOQ_LANE_HEADER_MIN + STOQ_LANE_TARGET_MAX)

/* Types that NVMe/TCP has not. */
enum stoq_lane_record_type {
	STOQ_LANE_RECORD_LANES = 0xf0,
	STOQ_LANE_RECORD_TIMES = 0xf1,
	STOQ_LANE_RECORD_TARGETS = 0xf2,
};
#define STOQ_LANE_TARGETS_MAX 4096 /* bytes of text */
#define STOQ_LANE_RECORD_MAX  (8 + STOQ_LANE_TARGETS_MAX)

struct stoq_lane_header {
	uint64_t queue;
	uint8_t lane;
	bool bytes;
	char target[STOQ_LANE_TARGET_MAX + 1]; /* "" in lanes other than 0, and for the default */
};

/* QUIC application error codes: of a stream that is reset or stopped. */
enum stoq_lane_code {
	STOQ_LANE_DONE = 0,
	STOQ_LANE_TCP_RESET,
	STOQ_LANE_UNREACHABLE,
	STOQ_LANE_UNKNOWN_TARGET,
	STOQ_LANE_NOT_NVME,
	STOQ_LANE_PROTOCOL,
	STOQ_LANE_LIMIT,
	STOQ_LANE_STOPPED,
	STOQ_LANE_CODES,
};

/* What such a code means, for people: "its target cannot be reached". */
const char *stoq_lane_code_text(uint64_t code);

/* True if a target can have this name. */
bool stoq_lane_target_valid(const char *name);

/* The bytes written. header must be valid: see stoq_lane_target_valid(). */
size_t stoq_lane_header_encode(
	uint8_t out[static STOQ_LANE_HEADER_MAX], const struct stoq_lane_header *header);

/*
 * Takes a header from the front of [*data, end) and moves *data behind it. -EAGAIN: it is not whole
 * yet; -EPROTONOSUPPORT: another version; -EBADMSG: this is no header.
 */
int stoq_lane_header_decode(
	const uint8_t **data, const uint8_t *end, struct stoq_lane_header *header);

struct stoq_lane_times {
	uint64_t commands;
	uint64_t target_ns;
};

/* Records; each returns its bytes. targets: at most STOQ_LANE_TARGETS_MAX bytes. */
size_t stoq_lane_record_encode_lanes(uint8_t out[static STOQ_LANE_RECORD_MAX], unsigned int lanes);
size_t stoq_lane_record_encode_times(
	uint8_t out[static STOQ_LANE_RECORD_MAX], const struct stoq_lane_times *times);
size_t stoq_lane_record_encode_targets(
	uint8_t out[static STOQ_LANE_RECORD_MAX], const char *targets, size_t size);

/* True if this common header is one of a record. */
bool stoq_lane_record_valid(const struct nvme_tcp_hdr *record);
/* The number of lanes that a valid record of that type says. */
unsigned int stoq_lane_record_lanes(const struct nvme_tcp_hdr *record);
/* Of a whole record of that type. */
void stoq_lane_record_times(const uint8_t *record, struct stoq_lane_times *times);
