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
 * Beside PDUs, a lane's host end may write one record of 8 bytes at the boundary of two PDUs in
 * lane 0: "this queue has n lanes now". It has the shape of a PDU's common header: type F0h, flags
 * n, HLEN 8, PDO 0, PLEN 8 (little endian). So the end of a queue is known: all of its lanes are
 * finished.
 *
 * A queue ends when both ends have finished all lanes (FIN), or at once when a lane is reset, with
 * one of enum stoq_lane_code.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/nvme_tcp.h"

#define STOQ_LANE_ALPN	      "stoq-nvme/1"
#define STOQ_LANE_VERSION     1
#define STOQ_LANES_MAX	      32
#define STOQ_LANE_TARGET_MAX  63
#define STOQ_LANE_HEADER_MIN  16
#define STOQ_LANE_HEADER_MAX  (STOQ_LANE_HEADER_MIN + STOQ_LANE_TARGET_MAX)
#define STOQ_LANE_RECORD_TYPE 0xf0 /* no type of NVMe/TCP */

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

/* The record that says how many lanes a queue has. */
struct nvme_tcp_hdr stoq_lane_record(unsigned int lanes);
/* The number of lanes it says, 0: it is no such record. */
unsigned int stoq_lane_record_lanes(const struct nvme_tcp_hdr *record);
