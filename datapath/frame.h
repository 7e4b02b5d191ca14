/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Ethernet frames around UDP datagrams, as AF_XDP sends and receives them: VLAN tags, IPv4 and
 * IPv6. Pure: memory in, memory out.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/datapath.h"

#define STOQ_MAC_BYTES	      6
#define STOQ_FRAME_VLANS_MAX  2
#define STOQ_FRAME_HEADER_MAX (14 + 4 * STOQ_FRAME_VLANS_MAX + 40 + 8)

struct stoq_vlan_tag {
	uint16_t protocol; /* 0x8100 or 0x88a8 */
	uint16_t id;
};

/* The Ethernet part of a way to a peer. Tags are outermost first. */
struct stoq_frame_link {
	uint8_t local_mac[STOQ_MAC_BYTES];
	uint8_t remote_mac[STOQ_MAC_BYTES]; /* the peer's, or its router's */
	struct stoq_vlan_tag vlans[STOQ_FRAME_VLANS_MAX];
	uint8_t vlan_count;
};

/* All headers on the way to one peer, made once; a frame then needs lengths and checksums. */
struct stoq_frame_template {
	uint8_t header[STOQ_FRAME_HEADER_MAX];
	uint8_t header_size;
	uint8_t ip_offset;
	uint8_t udp_offset;
	bool ipv6;
	uint32_t ip_sum;     /* of the IPv4 header, its length and ECN left out */
	uint32_t pseudo_sum; /* of the pseudo-header and the ports, the lengths left out */
};

/* A received frame. The payload lies inside of it. */
struct stoq_frame {
	struct stoq_address local;
	struct stoq_address remote;
	const uint8_t *payload;
	uint16_t payload_size;
	uint8_t ecn; /* enum stoq_ecn */
};

/* Both addresses must be IPv4, or both IPv6: -EAFNOSUPPORT. -EINVAL for too many tags. */
int stoq_frame_template_make(struct stoq_frame_template *template,
	const struct stoq_frame_link *link, const struct stoq_address *local,
	const struct stoq_address *remote);

/* Bytes of headers between Ethernet's payload and UDP's: what an MTU has to hold beside it. */
uint32_t stoq_frame_overhead(bool ipv6);

/*
 * Writes one frame, UDP checksum included; the caller sees to it that frame has room for
 * template->header_size + size bytes. Its length.
 */
uint32_t stoq_frame_build(const struct stoq_frame_template *template, uint8_t ecn,
	const uint8_t *payload, uint16_t size, uint8_t *frame);

/*
 * The same, but only the first `room` bytes of it, at least the headers: what follows is payload, which the caller
 * puts elsewhere. How many were written.
 */
uint32_t stoq_frame_build_head(const struct stoq_frame_template *template, uint8_t ecn,
	const uint8_t *payload, uint16_t size, uint8_t *frame, uint32_t room);

/*
 * Takes a frame apart. -EBADMSG where it is not one whole, well-formed UDP datagram; fragments
 * are none. The UDP checksum is not looked at: QUIC authenticates every packet, and a frame that
 * never left the machine has only half of its checksum.
 */
int stoq_frame_parse(const uint8_t *data, size_t size, struct stoq_frame *frame);

/* The same of a frame whose first `present` bytes lie at data: all headers must. The payload goes on behind them. */
int stoq_frame_parse_head(
	const uint8_t *data, size_t present, size_t size, struct stoq_frame *frame);
