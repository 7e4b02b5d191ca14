/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Settings of an XDP filter that change while it runs, by its owner or by `stoq xdp`. Each
 * function leaves the filter whole at every moment: a packet sees the old setting or the new one.
 * Limits and prefixes of a filter that others may change, too, are changed with the lock held:
 * each is several values that belong together. Ports and flags need no lock.
 */
#include <stdbool.h>
#include <stddef.h>

#include "xdp/maps.h"

#define STOQ_XDP_LOCK_FOLDER "/run/stoq"
#define STOQ_XDP_LOCK	     STOQ_XDP_LOCK_FOLDER "/xdp.lock"

/*
 * The lock on the settings of all filters of this machine; waits for it, and gives the descriptor
 * that holds it: close it to unlock. -ETIMEDOUT: somebody else has had it for wait_ns. Containers
 * that share a network, but not /run, are not kept apart.
 */
int stoq_xdp_settings_lock(uint64_t wait_ns, int *lock, struct stoq_error *error);

#define STOQ_XDP_RATE_MAX  1000000
#define STOQ_XDP_BURST_MAX 1000000

/* per_second 0: no limit. */
struct stoq_xdp_limit {
	uint32_t per_second;
	uint32_t burst; /* at least 1 */
};

enum stoq_xdp_limit_kind {
	STOQ_XDP_LIMIT_SOURCE = 0, /* handshakes from one IPv4 address or IPv6 /64 */
	STOQ_XDP_LIMIT_TOTAL,	   /* handshakes from all sources */
	STOQ_XDP_LIMIT_UNPROVEN,   /* packets of no known connection */
	STOQ_XDP_LIMITS,
};

/* What the program calculates with. */
void stoq_xdp_rate_set(struct stoq_xdp_rate *rate, const struct stoq_xdp_limit *limit);

/* "1000", "1000:200" (a second: burst), "off". Without a burst: a tenth of a second's, at least 1.
 */
int stoq_xdp_limit_parse(struct stoq_xdp_limit *limit, const char *text, struct stoq_error *error);

void stoq_xdp_set_limit(struct stoq_xdp_maps *maps, enum stoq_xdp_limit_kind kind,
	const struct stoq_xdp_limit *limit);

void stoq_xdp_set_port(struct stoq_xdp_maps *maps, uint16_t port, bool ours);
bool stoq_xdp_has_port(const struct stoq_xdp_maps *maps, uint16_t port);

/* Sets or clears flags; enum stoq_xdp_flag. */
void stoq_xdp_set_flags(struct stoq_xdp_maps *maps, uint32_t flags, bool on);

enum stoq_xdp_list { STOQ_XDP_ALLOWED = 0, STOQ_XDP_DENIED };

/*
 * Adds to the allowed or denied prefixes. All take effect at once; what is there already stays.
 * After an error some are there.
 */
int stoq_xdp_add_prefixes(struct stoq_xdp_maps *maps, enum stoq_xdp_list list,
	const struct stoq_xdp_prefix *prefixes, size_t count, struct stoq_error *error);

/* Takes them away. -ENOENT: one was not there; all that were are gone. */
int stoq_xdp_remove_prefixes(struct stoq_xdp_maps *maps, enum stoq_xdp_list list,
	const struct stoq_xdp_prefix *prefixes, size_t count, struct stoq_error *error);

struct stoq_xdp_prefix_entry {
	struct stoq_xdp_prefix prefix;
	uint64_t packets; /* dropped by it */
};

/* Up to max prefixes into entries; returns how many there are. */
size_t stoq_xdp_list_prefixes(const struct stoq_xdp_maps *maps, enum stoq_xdp_list list,
	struct stoq_xdp_prefix_entry *entries, size_t max);

/*
 * The transport's word on a connection that it ends, with all its connection IDs: packets of a
 * closing one still pass for a while, so that it can repeat its CONNECTION_CLOSE; those of a closed
 * one are dropped. However many IDs it has, it counts once.
 */
int stoq_xdp_end_connection(struct stoq_xdp_maps *maps, const struct stoq_cid *cids, size_t count,
	enum stoq_xdp_state state);

/* The peer gave this connection ID up, and goes on by another: what still comes by it is dropped.
 */
int stoq_xdp_retire_id(struct stoq_xdp_maps *maps, const struct stoq_cid *cid);
