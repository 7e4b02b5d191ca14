/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Tells the application of peers that wanted to connect and did not. */
#include <stoq/transport.h>

#include "datapath/datapath.h"

struct stoq_connection;
struct stoq_worker;

/* A packet that became no connection: a limit. */
void stoq_refusal_of_packet(struct stoq_worker *worker, const struct stoq_address *remote,
	bool address_proven, uint64_t code, const char *reason);

/* A connection that was never announced is over; close info and TLS are still there. */
void stoq_refusal_of_connection(
	const struct stoq_connection *connection, const struct stoq_connection_info *info);
