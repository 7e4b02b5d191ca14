/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Which hosts are connected to SPDK, as its RPC tells it. */
#include <stdint.h>

#include "base/error.h"

/* A connection, which is a queue. Texts are valid during the call only. */
struct stoq_target_peer {
	const char *host_nqn;
	const char *subsystem_nqn;
	const char *host_address; /* with its port: the other end of the connection */
	const char *host_port;
	const char *address;
	const char *port;
	uint16_t qid;
};

/*
 * Asks the nvmf_tgt that listens at a socket for its TCP connections, for timeout_ms altogether.
 * Errors are those of stoq_jsonrpc_open() and stoq_jsonrpc_call(); what was told before one is
 * true all the same.
 */
int stoq_target_spdk_peers(const char *socket_path, unsigned int timeout_ms,
	void (*told)(void *context, const struct stoq_target_peer *peer), void *context,
	struct stoq_error *error);
