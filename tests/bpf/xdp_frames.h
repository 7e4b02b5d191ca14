/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Makes Ethernet frames with UDP in them, and QUIC packets, right and wrong. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/xdp/cid_shared.h"

#define XDP_FRAME_MAX 16384

/* Where a packet comes from, and how it is wrapped. Lies: what is added to a length field. */
struct xdp_path {
	bool ipv6;
	uint8_t vlan_tags;	 /* 0 to 3 */
	uint8_t ip_option_words; /* IPv4: 0 to 10 */
	uint8_t extensions;	 /* IPv6: 0 to 8 */
	uint8_t trailer_bytes;	 /* behind the IP packet */
	bool fragment;
	uint32_t source; /* last four bytes of the address; both families */
	uint16_t source_port;
	uint16_t port;
	int ip_length_lie;
	int udp_length_lie;
};

/* Writes the frame; returns its length. */
size_t xdp_frame_make(uint8_t frame[static XDP_FRAME_MAX], const struct xdp_path *path,
	const void *payload, size_t payload_bytes);

enum xdp_quic_type { XDP_INITIAL = 0, XDP_ZERO_RTT, XDP_HANDSHAKE, XDP_RETRY };

/* A packet with a long header. Lengths as they are; body_bytes counts packet number and data. */
struct xdp_quic {
	enum xdp_quic_type type;
	uint32_t version;
	uint8_t dcid[255], scid[255];
	uint8_t dcid_bytes, scid_bytes;
	uint16_t token_bytes; /* Initial */
	uint16_t body_bytes;
	uint8_t varint_bytes; /* of the lengths: 2, 4 or 8 */
	bool unfixed;	      /* without the fixed bit */
	int length_lie;
};

/* Writes the packet; returns its length. */
size_t xdp_quic_make_long(uint8_t *bytes, const struct xdp_quic *quic);

/* A packet with a short header and `total` bytes. */
size_t xdp_quic_make_short(uint8_t *bytes, const struct stoq_cid *cid, size_t total);

/* A connection ID with its seal. */
struct stoq_cid xdp_sealed_cid(const struct stoq_cid_key *key, uint64_t random);

/*
 * Any frame: mostly QUIC for the port, with whatever can go wrong with it. cids: some that the
 * packets may carry.
 */
size_t xdp_frame_random(uint8_t frame[static XDP_FRAME_MAX], uint16_t port,
	const struct stoq_cid *cids, size_t cid_count, uint32_t *random);
