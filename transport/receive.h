/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* From the datapath to the connection that a packet belongs to. */
#include "transport/worker.h"

/* Reads from the datapath. 1: there may be more, 0: nothing is left, or a negative errno. */
int stoq_receive(struct stoq_worker *worker);
/* A packet of ours, from our datapath or handed on by another worker. */
void stoq_receive_packet(struct stoq_worker *worker, const struct stoq_batch *datagram,
	const uint8_t *data, size_t size, bool handed_on);
