/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Makes Ethernet frames that carry one TCP segment. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the connection's packets look. */
struct wire_path {
	bool ipv6;
	uint8_t priority_tags; /* with VID 0, in front of the others: 802.1Q and 802.1AD in turn */
	uint8_t vlan_tags;     /* 0 to 2 */
	uint16_t vlan_id;      /* of the innermost tag */
	uint8_t ip_option_words;  /* IPv4: 0 to 10 */
	uint8_t ipv6_extensions;  /* hop-by-hop, routing, destination options: 0 to 3 */
	uint8_t tcp_option_words; /* 0 to 10 */
	uint8_t trailer_bytes;	  /* Ethernet padding behind the IP packet */
	uint32_t host_address;	  /* last four bytes of it; both families */
	uint32_t controller_address;
	uint16_t host_port;
	uint16_t controller_port;
};

enum wire_flag {
	WIRE_FIN = 0x01,
	WIRE_SYN = 0x02,
	WIRE_RST = 0x04,
	WIRE_PSH = 0x08,
	WIRE_ACK = 0x10,
	WIRE_URG = 0x20,
};

struct wire_segment {
	bool from_controller;
	uint32_t sequence;
	uint32_t acknowledged;
	uint8_t flags;
	bool window_closed;
	const void *payload;
	size_t payload_bytes;
};

#define WIRE_FRAME_MAX	 4096
#define WIRE_PAYLOAD_MAX 3000 /* what BPF_PROG_TEST_RUN takes in one piece, on every kernel */

/* Bytes written to frame. Checksums are left zero: wire_set_checksum() fills in TCP's. */
size_t wire_make(uint8_t frame[static WIRE_FRAME_MAX], const struct wire_path *path,
	const struct wire_segment *segment);

/* Where TCP's header begins. */
size_t wire_tcp_offset(const struct wire_path *path);

void wire_set_checksum(uint8_t *frame, size_t length, const struct wire_path *path);
bool wire_has_checksum(const uint8_t *frame, size_t length, const struct wire_path *path);

/* Where the payload begins in a frame. */
size_t wire_payload_offset(const struct wire_path *path);
