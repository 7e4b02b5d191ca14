/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* MPTCP (RFC 8684) of one subflow: every segment says itself where its data belongs. */
#include "tests/guard-hostile/raw.h"

/* The connection asks for MPTCP from its SYN on. One at a time. */
void mptcp_use(struct raw *raw);
/* Whether the target has agreed; takes its key, and sends the third ACK. */
bool mptcp_agreed(struct raw *raw);
/*
 * A segment whose data belongs to another place of the data stream (counted from our first byte)
 * than the segment has in the subflow.
 */
struct packet mptcp_packet(
	const struct raw *raw, uint32_t place, uint64_t data_place, const void *data, size_t bytes);
