/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A worker of a tunnel: one thread, a loop over TCP sockets and a worker of the transport. All that
 * is its own is touched by its thread only.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/poll_window.h"
#include "tunnel/blocks.h"
#include "tunnel/descriptor.h"
#include "tunnel/rows.h"

struct stoq_tunnel;

#define STOQ_TCP_READ_BYTES (256u << 10) /* most that is read at once */

struct stoq_tunnel_link;
struct stoq_door;
struct stoq_uplink;
struct stoq_carrier;
struct stoq_tunnel_policy;
struct stoq_tunnel_totals;

struct stoq_tunnel_worker {
	struct stoq_tunnel *tunnel;
	unsigned int index;
	int epoll_fd;
	struct stoq_tunnel_watch wake; /* stoq_tunnel_stop() and others write to it */
	uint64_t now_ns;
	struct stoq_block_pool pool;
	uint8_t *read_buffer;		    /* STOQ_TCP_READ_BYTES */
	struct stoq_carrier *carriers;	    /* QUIC connections that are established */
	struct stoq_tunnel_link *links;	    /* all */
	struct stoq_tunnel_link *dirty;	    /* have something to write to TCP, or to end */
	struct stoq_tunnel_link *graveyard; /* closed in this turn */
	struct stoq_tunnel_policy *policy;  /* target end; NULL: none */
	struct stoq_uplink *uplink;	    /* host end */
	struct stoq_door *doors;	    /* host end, worker 0 */
	unsigned int door_count;
	int spare_fd; /* doors.c */
	unsigned int links_open;
	uint64_t links_ever;
	struct stoq_tunnel_totals *totals; /* of links and connections that are over */
	struct stoq_rows queue_rows;   /* of links that are over, by peer, host, subsystem, queue */
	struct stoq_rows refusal_rows; /* of the policy, by peer, host, rule */
	struct stoq_poll_window poll;  /* for work, before it sleeps */
	uint64_t awake_until_ns;       /* spinning */
	uint64_t busy_until_ns;	       /* with a queue that has much under way */
	uint64_t brisk_until_ns;       /* with an I/O queue that has little under way */
	bool crowded;		       /* a queue of the last turn has many commands under way */
	pthread_t thread;
	bool started;
	int status;
};

/*
 * With few bytes under way each end waits for the other one, and is woken in every command's time. With many, both
 * are busy, and what piles up is cheaper together.
 */
static inline bool stoq_tunnel_worker_is_busy(const struct stoq_tunnel_worker *worker)
{
	return worker->now_ns < worker->busy_until_ns;
}

int stoq_tunnel_worker_open(struct stoq_tunnel_worker *worker, struct stoq_error *error);
void stoq_tunnel_worker_close(struct stoq_tunnel_worker *worker);
/* Runs until the tunnel stops. 0 or a negative errno. */
int stoq_tunnel_worker_run(struct stoq_tunnel_worker *worker);
