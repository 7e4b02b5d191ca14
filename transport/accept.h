/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Packets that belong to no connection. */
#include "transport/worker.h"

/* A packet that belongs to no connection. */
void stoq_accept_packet(struct stoq_worker *worker, const struct stoq_batch *datagram,
	const uint8_t *data, size_t size, const ngtcp2_version_cid *ids, int decoded);
