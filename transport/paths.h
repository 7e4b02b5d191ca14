/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A server's names for the addresses of a client. ngtcp2 (0.12 and 1.11) asserts, when a client
 * comes back to an address that it left before the next one was validated, that its own discovery
 * of packet sizes is on; and it may not be, because ours is. So ngtcp2 never sees a client come
 * back: each time that the client has left an address, that address gets another name: the remote
 * port is a number, and when 65,536 of them were used, the host's last bits are more of it. Names are
 * never used twice. Where ngtcp2 wants to send is looked up here.
 *
 * Coming back costs a validation, a round trip, in which three times may be sent what has come.
 * Pure.
 */
#include <stdbool.h>
#include <stdint.h>

#include "datapath/datapath.h"

#define STOQ_PATHS 8 /* names that are known at once */

struct stoq_path_name {
	struct stoq_address local, remote; /* what it stands for */
	struct stoq_address named_local, named_remote;
	uint64_t received, sent; /* bytes, until it is validated */
	uint32_t number;
	uint32_t used;	   /* when, for finding the one that is not needed any more */
	bool left;	   /* the client has gone on from there */
	bool validated;	   /* it answered there */
	bool stuck;	   /* it will have another name, which is that of another host */
	bool another_host; /* that name */
};

struct stoq_paths {
	struct stoq_path_name names[STOQ_PATHS];
	uint32_t count;
	uint32_t next;	   /* number */
	uint32_t current;  /* number: where ngtcp2 sends to */
	uint32_t fallback; /* number: where it goes back to if the current one is not validated */
	uint32_t clock;
};

/* The first path is the current one, and validated. */
void stoq_paths_init(struct stoq_paths *paths, const struct stoq_address *local,
	const struct stoq_address *remote);

/* What to call the path that a packet of so many bytes has come on. false: there are no names left. */
bool stoq_paths_name(struct stoq_paths *paths, const struct stoq_address *local,
	const struct stoq_address *remote, size_t bytes, struct stoq_address *named_local,
	struct stoq_address *named_remote);
/*
 * The same, with a name for this packet alone unless it has come on the current path. Its local address is that of the current path, so that
 * ngtcp2 takes no other ID of the peer for that reason.
 */
bool stoq_paths_name_once(struct stoq_paths *paths, const struct stoq_address *local,
	const struct stoq_address *remote, size_t bytes, struct stoq_address *named_local,
	struct stoq_address *named_remote);
/* The current path's name, wherever a packet has come from; false: it has none. */
bool stoq_paths_name_current(struct stoq_paths *paths, const struct stoq_address *local,
	const struct stoq_address *remote, size_t bytes, struct stoq_address *named_local,
	struct stoq_address *named_remote);

/*
 * ngtcp2 sends on that path now, by name. The one before gets a new name when something comes from
 * it. Whether its peer's IP address is another.
 */
bool stoq_paths_settle(struct stoq_paths *paths, const struct stoq_address *named_local,
	const struct stoq_address *named_remote);
/* The path was validated. */
void stoq_paths_validated(struct stoq_paths *paths, const struct stoq_address *named_local,
	const struct stoq_address *named_remote);

/*
 * When something comes from the current address, it gets another name, of another host, so that ngtcp2 begins its validation and congestion
 * control again.
 */
void stoq_paths_renew(struct stoq_paths *paths);
/* false: three times what has come from the current path was sent there, and it is not validated. */
bool stoq_paths_may_send(const struct stoq_paths *paths);
bool stoq_paths_current_validated(const struct stoq_paths *paths);

/* What a name stands for; false: it is not known any more, or never was one. */
bool stoq_paths_find(const struct stoq_paths *paths, const struct stoq_address *named_local,
	const struct stoq_address *named_remote, struct stoq_address *local,
	struct stoq_address *remote);
/*
 * The same for a packet that is to be sent; false, too, if that were more than three times what has come from there, and the path was not
 * validated (RFC 9000, 8.1). ngtcp2 counts as well, but by names, and a packet from elsewhere may have that of the current path.
 */
bool stoq_paths_send(struct stoq_paths *paths, const struct stoq_address *named_local,
	const struct stoq_address *named_remote, size_t bytes, struct stoq_address *local,
	struct stoq_address *remote);
