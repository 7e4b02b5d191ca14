/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Is this a PDU? Two pure checks that the BPF program and the user-space decoder share, so
 * that both follow a stream in the same way:
 *   nvme_tcp_check_common(): on the 8 bytes of the common header;
 *   nvme_tcp_check_header(): on the whole header of HLEN bytes.
 * The rules are the TCP Transport Specification's section 3.6.2, narrowed to what a sender
 * can mean (a data PDU's PLEN follows from its data length): what passes the second check
 * in the middle of other data does so by intent, hardly by chance.
 */
#include "nvme/nvme_tcp.h"

/*
 * How many PDUs in a row must be consistent before a decoder that entered in the middle of a
 * stream believes that it knows where PDUs begin.
 */
#define NVME_TCP_SYNC_CHAIN 4

/* The HLEN of each type, 0 where there is no such type. */
static inline __u8 nvme_tcp_header_length(__u8 type)
{
	switch (type) {
	case NVME_TCP_ICREQ:
	case NVME_TCP_ICRESP:
		return sizeof(struct nvme_tcp_icreq_pdu);
	case NVME_TCP_CAPSULE_CMD:
		return sizeof(struct nvme_tcp_cmd_pdu);
	case NVME_TCP_H2C_TERM:
	case NVME_TCP_C2H_TERM:
	case NVME_TCP_CAPSULE_RESP:
	case NVME_TCP_H2C_DATA:
	case NVME_TCP_C2H_DATA:
	case NVME_TCP_R2T:
		return sizeof(struct nvme_tcp_data_pdu);
	default:
		return 0;
	}
}

/* Who sends this type (which must be one of enum nvme_tcp_pdu_type). */
static inline enum nvme_tcp_side nvme_tcp_sender(__u8 type)
{
	/* Controllers send 01h, 03h, 05h, 07h and 09h. */
	return type & 1 ? NVME_TCP_FROM_CONTROLLER : NVME_TCP_FROM_HOST;
}

static inline int nvme_tcp_has_data(__u8 type)
{
	return type == NVME_TCP_CAPSULE_CMD || type == NVME_TCP_H2C_DATA ||
	       type == NVME_TCP_C2H_DATA;
}

/* Bytes from the start of the PDU to the end of the header digest, if any. */
static inline __u32 nvme_tcp_data_start_min(const struct nvme_tcp_hdr *hdr)
{
	return hdr->hlen + (hdr->flags & NVME_TCP_FLAG_HDGST ? NVME_TCP_DIGEST_LENGTH : 0);
}

/* Where data begin for a receiver with this HPDA or CPDA: 0's based, in dwords. */
static inline __u32 nvme_tcp_data_start(__u32 start_min, __u32 data_alignment)
{
	__u32 bytes = (data_alignment + 1) * 4;

	return (start_min + bytes - 1) / bytes * bytes;
}

/* Bytes from the end of the data to the end of the PDU. */
static inline __u32 nvme_tcp_trailer_length(const struct nvme_tcp_hdr *hdr)
{
	return hdr->flags & NVME_TCP_FLAG_DDGST ? NVME_TCP_DIGEST_LENGTH : 0;
}

/* True if the common header can be one. A CapsuleCmd without data has PDO 0 (Linux) or, as
 * some senders have it, the header's length. */
static inline __attribute__((always_inline)) int nvme_tcp_check_common(
	const struct nvme_tcp_hdr *hdr)
{
	__u8 type = hdr->type, flags = hdr->flags;
	__u32 plen = nvme_le32(hdr->plen);
	__u32 start, allowed = NVME_TCP_FLAG_HDGST;

	if (hdr->hlen != nvme_tcp_header_length(type) || hdr->hlen == 0)
		return 0;
	if (type <= NVME_TCP_C2H_TERM) {
		if (flags)
			return 0;
		return type <= NVME_TCP_ICRESP
			       ? plen == hdr->hlen
			       : plen >= hdr->hlen && plen <= NVME_TCP_TERM_PLEN_MAX;
	}
	start = nvme_tcp_data_start_min(hdr);
	if (!nvme_tcp_has_data(type))
		return !(flags & ~allowed) && plen == start;
	allowed |= NVME_TCP_FLAG_DDGST;
	if (type != NVME_TCP_CAPSULE_CMD)
		allowed |= NVME_TCP_FLAG_LAST;
	if (type == NVME_TCP_C2H_DATA)
		allowed |= NVME_TCP_FLAG_SUCCESS;
	if (flags & ~allowed)
		return 0;
	if ((flags & NVME_TCP_FLAG_SUCCESS) && !(flags & NVME_TCP_FLAG_LAST))
		return 0;
	if (plen > NVME_TCP_DATA_MAX + 256)
		return 0;
	if (type == NVME_TCP_CAPSULE_CMD && plen == start)
		return hdr->pdo == 0 || hdr->pdo == start;
	return hdr->pdo >= start && hdr->pdo <= NVME_TCP_PDO_MAX && hdr->pdo % 4 == 0 &&
	       plen > hdr->pdo + nvme_tcp_trailer_length(hdr);
}

/* Length of the data that a PDU which passed nvme_tcp_check_common() carries. */
static inline __u32 nvme_tcp_data_length(const struct nvme_tcp_hdr *hdr)
{
	__u32 plen = nvme_le32(hdr->plen);
	__u32 trailer = nvme_tcp_trailer_length(hdr);

	if (!nvme_tcp_has_data(hdr->type) || hdr->pdo == 0 || plen < hdr->pdo + trailer)
		return 0;
	return plen - hdr->pdo - trailer;
}

/*
 * Lengths that a PDU tells twice agree; data_length is its nvme_tcp_data_length(). Padding of the
 * data to 4 bytes is tolerated.
 */
static inline int nvme_tcp_check_command(const struct nvme_tcp_cmd_pdu *pdu, __u32 data_length)
{
	/* In-capsule data is what the SGL says. */
	return !data_length || (pdu->sqe.sgl1.type == NVME_SGL_DATA_BLOCK_OFFSET &&
				       data_length - nvme_le32(pdu->sqe.sgl1.length) < 4);
}

static inline int nvme_tcp_check_data(const struct nvme_tcp_data_pdu *pdu, __u32 data_length)
{
	return data_length && data_length - nvme_le32(pdu->data_length) < 4;
}

/*
 * True if a whole header, HLEN bytes that passed nvme_tcp_check_common(), is consistent in
 * itself.
 */
static inline int nvme_tcp_check_header(const struct nvme_tcp_hdr *hdr)
{
	__u32 data_length = nvme_tcp_data_length(hdr);

	switch (hdr->type) {
	case NVME_TCP_CAPSULE_CMD:
		return nvme_tcp_check_command((const void *)hdr, data_length);
	case NVME_TCP_H2C_DATA:
	case NVME_TCP_C2H_DATA:
		return nvme_tcp_check_data((const void *)hdr, data_length);
	default:
		return 1;
	}
}
