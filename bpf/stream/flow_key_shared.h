/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What tells one TCP connection from another, and how far it is followed. Addresses are IPv6, with IPv4 mapped (::ffff:a.b.c.d). */
#include <linux/types.h>

#include "nvme/nvme_types.h"

/* Both directions have the same key: the program puts the two ends into an order of its own. */
struct stoq_flow_key {
	__u8 address_a[16];
	__u8 address_b[16];
	__be16 port_a;
	__be16 port_b;
	__u16 vlan_id; /* 0: none */
	__u16 pad;
};
NVME_ASSERT_SIZE(struct stoq_flow_key, 40);

/*
 * Which end comes first in a key; addresses as two words in memory order. Not atomic, not 128
 * bit: any order will do, as long as it is always the same.
 */
static inline __attribute__((always_inline)) int stoq_end_is_first(
	const __u64 *one, const __u64 *other, __be16 one_port, __be16 other_port)
{
	if (one[0] != other[0])
		return one[0] < other[0];
	if (one[1] != other[1])
		return one[1] < other[1];
	return one_port < other_port;
}

enum stoq_flow_state {
	STOQ_FLOW_LEARNING = 0,	 /* NVMe/TCP by the look of it; PDU boundaries not known yet */
	STOQ_FLOW_SYNCED = 1,	 /* every PDU is followed */
	STOQ_FLOW_ENCRYPTED = 2, /* TLS: opaque */
	STOQ_FLOW_LOST = 3,	 /* was synced; a gap or a bad header ended that; learning again */
	STOQ_FLOW_CLOSED = 4,	 /* FIN from both sides, or RST */
	STOQ_FLOW_MULTIPATH =
		5, /* Multipath TCP: its stream comes in pieces, over several connections */
	STOQ_FLOW_STATES = 6,
};
