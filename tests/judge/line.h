/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The line that stands for a PDU, so that three decoders can be compared; tshark.awk and
 * watch.jq write the same:
 *
 *   CONNECTION SENDER OFFSET NAME flags=N hlen=N pdo=N plen=N and by type:
 *   ICReq         pfv hpda digest maxr2t
 *   ICResp        pfv cpda digest maxh2cdata
 *   H2C/C2HTermReq  fes
 *   CapsuleCmd    opcode cid, then for Fabrics commands: fctype, for Connect also qid sqsize;
 *                 for others: nsid, and with an LBA range (on I/O queues): slba blocks;
 *                 sgl (its type byte), and where data is in the capsule: length
 *   CapsuleResp   cid sqhd status (SCT << 8 | SC) dnr
 *   H2C/C2HData, R2T  cid ttag offset length
 *
 * and for a command that ended (an Asynchronous Event Request does not), not from pcap-decode:
 *
 *   CONNECTION command QUEUE cid opcode, then fctype or nsid, with an LBA range slba blocks,
 *   on success bytes, status dnr
 *
 * CONNECTION is the TCP sequence number of the host's first byte, SENDER host or controller,
 * OFFSET that of the PDU in what the sender sent. Numbers are decimal.
 */
#include <stdint.h>
#include <stdio.h>

#include "nvme/nvme_tcp.h"

struct line_connection {
	uint32_t id;
	enum nvme_queue_kind kind; /* from the Connect command that has come by */
};

/* Prints the line of a PDU whose whole header is at hdr; remembers what its Connect says. */
void line_print(FILE *out, struct line_connection *connection, const struct nvme_tcp_hdr *hdr,
	uint64_t offset);
