/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the files of the AF_XDP datapath share. */
#include <pthread.h>
#include <stddef.h>

#include "datapath/af_xdp.h"
#include "datapath/peers.h"

/* One queue's socket, with what is counted. */
struct af_xdp_queue {
	struct stoq_xsk xsk;
	bool watched;		 /* by the epoll instance */
	bool wants_room;	 /* the last send found no frame free */
	uint32_t busy_frames;	 /* received since it was found empty */
	uint64_t received, sent; /* frames */
	uint64_t returned;	 /* xsk.returned when last looked at */
	uint64_t stuck_since_ns; /* 0: frames come back */
	uint32_t stuck_checks;
};

struct stoq_af_xdp {
	struct stoq_datapath base; /* first: the interface is this */
	struct stoq_datapath *udp;
	struct stoq_kernel_routes *routes;
	struct stoq_peers peers;
	struct stoq_address local; /* bound to */
	bool wildcard;
	char interface[IF_NAMESIZE];
	int ifindex;
	int xsks_fd; /* a duplicate: the map must be there when we close */
	int epoll_fd;
	int busy_fd; /* can always be read; waited for while busy_queues are not */
	uint32_t busy_queues;
	bool udp_wants_room;

	struct af_xdp_queue *queues;
	uint32_t queue_count;
	uint32_t next_queue;  /* where receiving begins */
	uint32_t socket_turn; /* counts batches until the socket is looked at again */
	bool active;	      /* sending frames */
	bool draining;	      /* fell back; frames may still lie in the rings */
	uint64_t next_check_ns;
	char reason[160];
	struct stoq_datapath_counters counters; /* of frames only */
	uint64_t malformed;
	uint64_t closed_wakeups; /* of queues that were closed */

	uint64_t next_snapshot_ns;
	pthread_mutex_t snapshot_lock;
	struct stoq_af_xdp_counters snapshot;
};

static inline struct stoq_af_xdp *af_xdp_of(struct stoq_datapath *datapath)
{
	return (struct stoq_af_xdp *)((char *)datapath - offsetof(struct stoq_af_xdp, base));
}

static inline void af_xdp_count_copies(
	struct stoq_af_xdp *datapath, const struct af_xdp_queue *queue, uint64_t frames)
{
	if (queue->xsk.zero_copy)
		datapath->counters.zero_copy_operations += frames;
	else
		datapath->counters.copied_operations += frames;
}

/* af_xdp_send.c, af_xdp_receive.c */
int af_xdp_send_batch(struct stoq_datapath *base, struct stoq_batch *datagrams, unsigned int count,
	uint64_t now_ns);
int af_xdp_receive_batch(struct stoq_datapath *base, struct stoq_batch *datagrams,
	unsigned int count, uint64_t now_ns);

/* af_xdp_health.c: what the kernel tells, stuck rings; cheap, to be called often. */
void af_xdp_check(struct stoq_af_xdp *datapath, uint64_t now_ns);

/*
 * From now on the socket carries everything. What the rings hold is still received; the AF_XDP
 * sockets are closed when they are empty.
 */
void af_xdp_fall_back(struct stoq_af_xdp *datapath, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The interface's packets go to the UDP socket when this returns, and none is on its way to us. */
void af_xdp_unmap(struct stoq_af_xdp *datapath);

/* Received frames that the kernel had no place for. */
uint64_t af_xdp_kernel_drops(const struct stoq_xsk *xsk);

/* Closes the AF_XDP sockets; what they dropped stays counted. */
void af_xdp_close_queues(struct stoq_af_xdp *datapath);

/* af_xdp_status.c: for other threads. */
void af_xdp_take_snapshot(struct stoq_af_xdp *datapath);

/* af_xdp_wait.c: the descriptor to wait for. */
int af_xdp_wait_open(struct stoq_af_xdp *datapath, struct stoq_error *error);
void af_xdp_wait_close(struct stoq_af_xdp *datapath);
int af_xdp_wait_for_queue(
	struct stoq_af_xdp *datapath, struct af_xdp_queue *queue, struct stoq_error *error);

/* A look at a queue found so many frames. */
void af_xdp_wait_seen(struct stoq_af_xdp *datapath, struct af_xdp_queue *queue, uint32_t frames);

/* Whether to wait for room in a queue; in the UDP socket, as its datapath says. */
void af_xdp_wait_room(struct stoq_af_xdp *datapath, struct af_xdp_queue *queue, bool wanted);
void af_xdp_wait_socket_room(struct stoq_af_xdp *datapath);

/* All queues were closed. */
void af_xdp_wait_closed(struct stoq_af_xdp *datapath);
