/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * QUIC as far as it can be read without keys: RFC 8999 for all versions, RFC 9000 section 17 for
 * version 1. A datagram may hold several packets; the first one counts. What follows it cannot make it
 * worse: packets of a datagram are processed one by one (RFC 9000 section 12.2), and some clients pad
 * datagrams with zeros behind their Initial.
 */
#include "bpf/xdp/packet.bpf.h"

#define STOQ_QUIC_LONG	  0x80
#define STOQ_QUIC_FIXED	  0x40
#define STOQ_QUIC_VERSION 1
#define STOQ_QUIC_BAD	  (~0ull)

enum stoq_xdp_kind {
	STOQ_XDP_KIND_INITIAL = 0, /* the first four as in the header */
	STOQ_XDP_KIND_ZERO_RTT,
	STOQ_XDP_KIND_HANDSHAKE,
	STOQ_XDP_KIND_RETRY,
	STOQ_XDP_KIND_SHORT,
	STOQ_XDP_KIND_NEGOTIATION, /* a Version Negotiation packet */
	STOQ_XDP_KIND_VERSION,	   /* a version that we do not speak */
	STOQ_XDP_KIND_BAD,
};

/* What all versions have in common (RFC 8999 section 5.1), up to the first connection ID. */
struct stoq_quic_long {
	__u8 first;
	__be32 version;
	__u8 dcid_bytes;
} __attribute__((packed));

/* A variable-length integer at *offset, which then is behind it; STOQ_QUIC_BAD: cut short. */
static __noinline __u64 stoq_quic_varint(stoq_xdp_frame *ctx, __u32 *offset, __u32 end)
{
	__u32 at = *offset, bytes;
	__u64 value = 0;
	__u8 byte;

	if (at >= end || stoq_xdp_load(ctx, at, &byte, 1))
		return STOQ_QUIC_BAD;
	bytes = 1u << (byte >> 6);
	value = byte & 0x3f;
	at++;
	for (__u32 i = 1; i < 8; i++) {
		if (i >= bytes)
			break;
		if (at >= end || stoq_xdp_load(ctx, at, &byte, 1))
			return STOQ_QUIC_BAD;
		value = value << 8 | byte;
		at++;
	}
	*offset = at;
	return value;
}

/* Behind both connection IDs of a long header of version 1; 0: not well-formed. */
static __always_inline __u32 stoq_quic_skip_cids(
	stoq_xdp_frame *ctx, __u32 offset, __u32 end, __u8 dcid_bytes, __u32 cid_max)
{
	__u8 scid_bytes;

	offset += sizeof(struct stoq_quic_long) + dcid_bytes;
	if (dcid_bytes > cid_max || offset >= end || stoq_xdp_load(ctx, offset, &scid_bytes, 1))
		return 0;
	offset += 1 + scid_bytes;
	return scid_bytes > cid_max || offset > end ? 0 : offset;
}

/*
 * From behind the connection IDs of an Initial, 0-RTT or Handshake packet to its end; 0: its
 * lengths do not fit.
 */
static __noinline __u32 stoq_quic_skip_body(
	stoq_xdp_frame *ctx, __u32 offset, __u32 end, __u8 first)
{
	__u64 length;

	if ((first >> 4 & 3) == STOQ_XDP_KIND_INITIAL) {
		length = stoq_quic_varint(ctx, &offset, end);
		if (length > end || offset + length >= end)
			return 0;
		offset += (__u32)length;
	}
	length = stoq_quic_varint(ctx, &offset, end);
	if (length < STOQ_XDP_PROTECTED_BYTES || length > end || offset + length > end)
		return 0;
	return offset + (__u32)length;
}

/* Sets cid_bytes, cid_first and, if it can be one of ours, cid. */
static __always_inline int stoq_quic_take_cid(
	stoq_xdp_frame *ctx, struct stoq_xdp_packet *packet, __u32 offset, __u8 bytes)
{
	packet->cid_bytes = bytes;
	packet->cid_first = 0;
	if (bytes == STOQ_CID_BYTES) {
		if (stoq_xdp_load(ctx, offset, &packet->cid, sizeof(packet->cid)))
			return -1;
		packet->cid_first = (__u8)packet->cid.random;
		return 0;
	}
	/* Not used, but Linux 5.15 does not see that. */
	packet->cid = (struct stoq_cid){0};
	return bytes ? stoq_xdp_load(ctx, offset, &packet->cid_first, 1) : 0;
}

/* What kind of packet the datagram begins with, if that is well-formed; enum stoq_xdp_kind. */
static __noinline int stoq_quic_parse_long(stoq_xdp_frame *ctx, struct stoq_xdp_packet *packet)
{
	__u32 version_1, offset;
	struct stoq_quic_long header;
	int kind;

	if (packet->payload + sizeof(header) > packet->end ||
		stoq_xdp_load(ctx, packet->payload, &header, sizeof(header)))
		return STOQ_XDP_KIND_BAD;
	version_1 = header.version == bpf_htonl(STOQ_QUIC_VERSION);
	offset = stoq_quic_skip_cids(ctx, packet->payload, packet->end, header.dcid_bytes,
		version_1 ? STOQ_XDP_CID_MAX : 255);
	if (!offset || stoq_quic_take_cid(
			       ctx, packet, packet->payload + sizeof(header), header.dcid_bytes))
		return STOQ_XDP_KIND_BAD;
	if (!header.version)
		return offset < packet->end && (packet->end - offset) % 4 == 0
			       ? STOQ_XDP_KIND_NEGOTIATION
			       : STOQ_XDP_KIND_BAD;
	if (!version_1)
		return STOQ_XDP_KIND_VERSION;
	if (!(header.first & STOQ_QUIC_FIXED))
		return STOQ_XDP_KIND_BAD;
	kind = header.first >> 4 & 3;
	if (kind == STOQ_XDP_KIND_RETRY) /* a token and 16 bytes of integrity tag */
		return offset + 16 < packet->end ? kind : STOQ_XDP_KIND_BAD;
	return stoq_quic_skip_body(ctx, offset, packet->end, header.first) ? kind
									   : STOQ_XDP_KIND_BAD;
}

/* The same for any datagram. */
static __always_inline int stoq_quic_parse(stoq_xdp_frame *ctx, struct stoq_xdp_packet *packet)
{
	if (stoq_xdp_load(ctx, packet->payload, &packet->first, 1))
		return STOQ_XDP_KIND_BAD;
	if (packet->first & STOQ_QUIC_LONG)
		return stoq_quic_parse_long(ctx, packet);
	if (!(packet->first & STOQ_QUIC_FIXED) ||
		packet->end - packet->payload < STOQ_XDP_SHORT_BYTES ||
		stoq_quic_take_cid(ctx, packet, packet->payload + 1, STOQ_CID_BYTES))
		return STOQ_XDP_KIND_BAD;
	return STOQ_XDP_KIND_SHORT;
}
