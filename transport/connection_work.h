/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a connection does in its turn, when a packet has come, and when its timer has expired. */
#include "datapath/datapath.h"
#include "transport/connection.h"

/* A packet for it has come; ecn: of its datagram. */
void stoq_connection_receive(struct stoq_connection *connection, const struct stoq_batch *datagram,
	const uint8_t *data, size_t size);
/* The timer has expired. */
void stoq_connection_expire(struct stoq_connection *connection);
/* What was touched: delivers, closes, sends. false: it has more to send; call again later. */
bool stoq_connection_work(struct stoq_connection *connection);
