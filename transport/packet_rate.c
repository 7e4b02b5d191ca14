// SPDX-License-Identifier: BSD-2-Clause
#include "transport/packet_rate.h"

#define SECOND_NS 1000000000ull

static uint64_t per_second(uint64_t count, uint64_t over_ns)
{
	return (uint64_t)((double)count * SECOND_NS / (double)over_ns + 0.5);
}

void stoq_packet_rate_read(
	struct stoq_packet_rate *rate, uint64_t now_ns, uint64_t sent, uint64_t received)
{
	uint64_t over_ns = now_ns - rate->at_ns;

	if (rate->at_ns && over_ns < SECOND_NS)
		return;
	if (rate->at_ns) {
		rate->over_ns = over_ns;
		rate->sent_per_second = per_second(sent - rate->sent, over_ns);
		rate->received_per_second = per_second(received - rate->received, over_ns);
	}
	rate->at_ns = now_ns;
	rate->sent = sent;
	rate->received = received;
}
