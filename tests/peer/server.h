/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Threads and sockets around struct peer_target. */
#include "base/error.h"
#include "tests/peer/net.h"
#include "tests/peer/target.h"

struct peer_server;

struct peer_server_config {
	struct peer_address address;
	uint32_t threads;
	bool spin;    /* never sleep while there are connections */
	bool mptcp;   /* hosts may use several subflows */
	bool verbose; /* say on stderr why connections ended */
};

/* Listens and serves. The target must outlive the server. */
int peer_server_start(struct peer_server **out, struct peer_target *target,
	const struct peer_server_config *config, struct stoq_error *error);

struct peer_server_counts {
	uint64_t connections; /* accepted */
	uint64_t failed;      /* closed by us: the host broke the protocol */
};

/* Ends all connections and threads. */
struct peer_server_counts peer_server_stop(struct peer_server *server);
