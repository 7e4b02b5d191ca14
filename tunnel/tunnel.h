/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * `stoq tunnel`: NVMe/TCP over STOQ. A host end accepts TCP connections of hosts and carries each
 * over QUIC to a target end, which connects to a target by TCP. See mux.h for one such queue,
 * lane_header.h for what is on the wire, doc/design/tunnel.md for reasons.
 */
#include <stdbool.h>
#include <stdint.h>

#include <stoq/transport.h>

#include "base/error.h"
#include "datapath/address.h"
#include "tunnel/lane_header.h"
#include "tunnel/path_choice.h"

#define STOQ_TUNNEL_PLACES_MAX	64
#define STOQ_TUNNEL_REMOTES_MAX 8

/* Host end: where hosts connect to, and which of the listener's targets that leads to. */
struct stoq_tunnel_door {
	struct stoq_address address;
	char target[STOQ_LANE_TARGET_MAX + 1]; /* "": the listener's first */
};

/* Target end: a target and its name. */
struct stoq_tunnel_target {
	char name[STOQ_LANE_TARGET_MAX + 1];
	struct stoq_address address;
};

struct stoq_tunnel_config {
	enum stoq_tunnel_end end;
	/* With certificates; the tunnel sets ALPN, callbacks, streams and listen. */
	struct stoq_transport_config transport;
	unsigned int lanes;		   /* of a queue, at most: 1 to STOQ_LANES_MAX */
	unsigned int queues_max;	   /* TCP connections, of all workers */
	unsigned int host_queues_max;	   /* target end: of those, of one host end's name */
	unsigned int host_connections_max; /* target end: QUIC connections of one name */
	uint64_t memory_bytes;		   /* for bytes on their way from QUIC to TCP */
	unsigned int spin_us;		   /* after work has come, look that long before sleeping */
	unsigned int poll_us;		   /* before sleeping, look so long at most; 0: never */
	bool bytes;			   /* carry what is not NVMe/TCP, too */

	/* Host end. */
	struct stoq_address
		remotes[STOQ_TUNNEL_REMOTES_MAX]; /* one after the other, until one answers */
	unsigned int remote_count;
	const char *remote_name; /* that its certificate must have */
	/* Paths that a connection can take, the preferred one first. None: as the kernel's routes are. */
	struct stoq_address locals[STOQ_PATHS_MAX];
	unsigned int local_count;
	struct stoq_tunnel_door doors[STOQ_TUNNEL_PLACES_MAX];
	unsigned int door_count;

	/* Target end. */
	struct stoq_tunnel_target targets[STOQ_TUNNEL_PLACES_MAX];
	unsigned int target_count;
	const char *policy_file; /* a guard policy; NULL: none */
	bool any_host_nqn;	 /* do not compare a host's NQN with its certificate's names */

	/* From any thread; one line. */
	void (*log)(enum stoq_log_level level, const char *text, void *user);
	void *user;
};

void stoq_tunnel_config_init(struct stoq_tunnel_config *config, enum stoq_tunnel_end end);

#define STOQ_TUNNEL_MEMORY_MIN (16u << 20)

/* What all that peers send may take, at least STOQ_TUNNEL_MEMORY_MIN: in the transport, and on its way to TCP. */
void stoq_tunnel_config_set_memory(struct stoq_tunnel_config *config, uint64_t bytes);

struct stoq_tunnel;

/* Opens all sockets. config is copied, but for what it points to, which has to stay. */
int stoq_tunnel_create(const struct stoq_tunnel_config *config, struct stoq_tunnel **result,
	struct stoq_error *error);

/* Serves until stoq_tunnel_stop(): worker 0 here, the others in threads. */
int stoq_tunnel_run(struct stoq_tunnel *tunnel, struct stoq_error *error);

/* From any thread, and from a signal handler. */
void stoq_tunnel_stop(struct stoq_tunnel *tunnel);

/* Resets what is still open. NULL is fine. */
void stoq_tunnel_destroy(struct stoq_tunnel *tunnel);

/*
 * New handshakes use what the certificates' files hold now, and new commands the policy's; connections and
 * queues go on. From any thread, and from a signal handler; the outcome is logged.
 */
void stoq_tunnel_reload(struct stoq_tunnel *tunnel);
