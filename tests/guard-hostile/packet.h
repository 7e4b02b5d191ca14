/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * One Ethernet frame that carries a TCP segment, with every field open to lies: VLAN tags of any
 * number and protocol, IPv4 options and fragments, IPv6 extension headers, TCP options, flags,
 * urgent pointer, lengths, checksums. Builds and parses; opens no socket.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_FRAME_MAX      70000
#define PACKET_TAGS_MAX	      16
#define PACKET_OPTIONS_MAX    40
#define PACKET_EXTENSIONS_MAX 256

enum packet_flag {
	PACKET_FIN = 0x01,
	PACKET_SYN = 0x02,
	PACKET_RST = 0x04,
	PACKET_PSH = 0x08,
	PACKET_ACK = 0x10,
	PACKET_URG = 0x20,
};

struct packet_tag {
	uint16_t protocol; /* 8100h, 88A8h, ... */
	uint16_t tci;
};

/* Addresses are 16 bytes; an IPv4 address lies in the first four. */
struct packet {
	uint8_t source_mac[6], destination_mac[6];
	struct packet_tag tags[PACKET_TAGS_MAX];
	uint8_t tag_count;
	bool ipv6;
	uint8_t source[16], destination[16];
	uint8_t ip_options[PACKET_OPTIONS_MAX]; /* IPv4 */
	uint8_t ip_option_bytes;		/* a multiple of four */
	uint16_t identification, fragment;	/* IPv4: flags and offset, as in the header */
	/* IPv6: headers between the fixed one and TCP; the first one's number. Each must name the
	 * next. */
	uint8_t extensions[PACKET_EXTENSIONS_MAX];
	size_t extension_bytes;
	uint8_t first_extension;
	uint16_t source_port, destination_port;
	uint32_t sequence, acknowledged;
	uint8_t flags;
	uint16_t window, urgent;
	uint8_t options[PACKET_OPTIONS_MAX]; /* TCP */
	uint8_t option_bytes;		     /* a multiple of four */
	uint16_t checksum_error;	     /* is added to the right checksum */
	uint16_t ip_checksum_error;
	int16_t ip_length_error; /* the IP header tells this many bytes more than there are */
	size_t trailer_bytes;	 /* behind the IP packet */
	const void *payload;
	size_t payload_bytes;
};

/* The frame's length. */
size_t packet_build(uint8_t frame[static PACKET_FRAME_MAX], const struct packet *packet);

/*
 * The IP packet of a frame that packet_build() made, in fragments of up to `piece` bytes of IP
 * payload (a multiple of eight), the index-th of them; 0: there is none. IPv4 without tags only.
 */
size_t packet_fragment(uint8_t fragment[static PACKET_FRAME_MAX], const uint8_t *frame,
	size_t frame_bytes, size_t piece, size_t index);

/* What a real TCP sent: without tags, fragments or extension headers. payload lies in the frame. */
bool packet_parse(struct packet *packet, const uint8_t *frame, size_t frame_bytes);
