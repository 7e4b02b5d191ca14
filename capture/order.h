/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Packets of a capture in the order of the wire, as far as TCP shows it. Where a host has several queues or CPUs, and in
 * merged files, a packet may stand before one that it acknowledges: its sender has had that one, so it goes first,
 * with the time of the packet that shows it. The same holds for what comes before a SYN, a FIN or a RST. Segments that
 * change places otherwise do so on the wire, too, and stay where they are.
 */
#include "capture/file.h"

#define STOQ_ORDER_PACKETS  1024 /* that are looked through for it, ... */
#define STOQ_ORDER_BYTES    (32u << 20)
#define STOQ_ORDER_REACH_NS 100000000ull /* ... if they were captured within this time */

struct stoq_order;

/* NULL: no memory. */
struct stoq_order *stoq_order_new(void);
void stoq_order_free(struct stoq_order *order); /* NULL is fine */

/* One more packet, which is copied. Those before it are handed on when they are far enough back. 0, or what the sink returned. */
int stoq_order_add(struct stoq_order *order, const struct stoq_capture_sink *sink,
	const struct stoq_capture_packet *packet, uint64_t now_ns);

/* There are no more: hands all on. As above. */
int stoq_order_end(struct stoq_order *order, const struct stoq_capture_sink *sink);

/* Packets that were put before others. */
uint64_t stoq_order_moved(const struct stoq_order *order);
