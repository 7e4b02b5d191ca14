/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Packets a second, from two readings of counters that are a second or more apart. */
#include <stdint.h>

struct stoq_packet_rate {
	uint64_t at_ns, sent, received; /* the reading that counts from; at_ns 0: none yet */
	uint64_t over_ns;		/* of the rates below; 0: none yet */
	uint64_t sent_per_second, received_per_second;
};

void stoq_packet_rate_read(
	struct stoq_packet_rate *rate, uint64_t now_ns, uint64_t sent, uint64_t received);
