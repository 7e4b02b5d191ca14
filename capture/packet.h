/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A packet of a capture. */
#include <stdbool.h>
#include <stdint.h>

/* From its Ethernet header or, if bare, from its IP header on. */
struct stoq_capture_packet {
	const uint8_t *bytes;
	uint32_t captured;
	uint32_t length; /* as it was sent */
	bool bare;
	uint16_t protocol; /* of a bare packet: its EtherType */
	uint16_t vlan_id;  /* of a bare packet; 0: none */
};
