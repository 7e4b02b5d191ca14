/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* From a captured Ethernet frame to the TCP segment in it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tcp_end {
	uint8_t address[16]; /* IPv4: in the first 4 bytes */
	uint16_t port;
};

struct tcp_segment {
	struct tcp_end source, target;
	uint32_t sequence;
	bool syn, fin, rst, ack;
	const uint8_t *payload; /* in the frame */
	size_t length;
};

/*
 * False: not a TCP segment over IPv4 or IPv6 (fragments and IPv6 extension headers are not
 * looked into), or it is cut short.
 */
bool packet_parse(const uint8_t *frame, size_t length, struct tcp_segment *segment);
