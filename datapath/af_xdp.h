/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The datapath of AF_XDP sockets, beside a UDP socket on the same port. Packets that the XDP
 * program redirects arrive here, all others at the socket; both are delivered. Packets leave as
 * frames where the kernel's own route to the peer is this interface and it knows the MAC, else by
 * the socket. If the interface goes, or a ring is stuck, the socket carries everything: nobody
 * has to notice. doc/design/af-xdp.md has the reasons.
 */
#include <net/if.h>

#include "base/error.h"
#include "datapath/datapath.h"
#include "datapath/udp.h"
#include "datapath/xsk.h"

struct stoq_af_xdp_config {
	char interface[IF_NAMESIZE]; /* empty: the one that has the socket's address */
	int xsks_fd; /* the XDP program's XSKMAP, indexed by queue; stays the caller's */
	enum stoq_xsk_mode mode;
	uint32_t frame_count; /* per queue; see struct stoq_xsk_config */
	uint32_t busy_poll_us;

	/* Of several workers, each takes the queues whose number modulo worker_count is its own. */
	uint32_t worker_count; /* 0 counts as 1 */
	uint32_t worker;
};

/*
 * Opens AF_XDP sockets on the queues, beside a datapath that stoq_udp_open() opened: udp belongs
 * to the new one from now on, but stays the caller's if this fails. The program should be attached
 * already: until an AF_XDP socket is in the map it passes packets to the UDP socket, so that the
 * change is one step. Errors, beside those of stoq_xsk_open(): -ENODEV, -ENETDOWN, -ENOTSUP
 * (loopback, not Ethernet, MTU too large), -EADDRNOTAVAIL (no interface named, and none found).
 */
int stoq_af_xdp_open(const struct stoq_af_xdp_config *config, struct stoq_datapath *udp,
	struct stoq_datapath **datapath, struct stoq_error *error);

/*
 * The socket carries everything from now on; no packet is lost, for what lies in the rings is
 * still received. They are closed when they are empty.
 */
void stoq_af_xdp_stop(struct stoq_datapath *base);

/* Closes the AF_XDP part only; gives back the UDP datapath that it was opened with. */
struct stoq_datapath *stoq_af_xdp_unwrap(struct stoq_datapath *base);

/*
 * The interface for a socket that is bound to this address: the one that has the address. 0, or
 * -EADDRNOTAVAIL: a wildcard, or an address that no interface has.
 */
int stoq_af_xdp_interface(
	const struct stoq_address *local, char name[static IF_NAMESIZE], struct stoq_error *error);

/* Whether AF_XDP can be on this interface at all: -ENOTSUP with the reason, -ENODEV. */
int stoq_af_xdp_check_interface(const char *name, struct stoq_error *error);

struct stoq_af_xdp_queue {
	uint32_t queue;
	bool zero_copy;
	uint32_t ring_entries;	      /* of each ring */
	uint32_t receive_used;	      /* entries that wait for us */
	uint32_t transmit_used;	      /* entries that wait for the kernel */
	uint32_t fill_used;	      /* frames the kernel may receive into */
	uint32_t completion_used;     /* sent frames not taken back yet */
	uint32_t frames, frames_used; /* for sending: all, given to the kernel */
	uint64_t umem_bytes;
	uint32_t parts_max; /* frames that a packet may take */
	uint64_t wakeups;   /* system calls to get the kernel going */
	uint64_t received, sent;
	struct xdp_statistics kernel; /* drops and empty rings, by the kernel's count */
};

#define STOQ_AF_XDP_QUEUES_MAX 64

struct stoq_af_xdp_counters {
	bool active; /* false: fell back to the socket */
	char interface[IF_NAMESIZE];
	char reason[160]; /* why it fell back, or why it copies */
	uint64_t frames_sent, frames_received;
	uint64_t by_socket_sent, by_socket_received; /* datagrams */
	uint64_t zero_copy_operations, copied_operations;
	uint64_t malformed;	   /* frames that were not for us */
	uint64_t lookups;	   /* questions to the kernel */
	uint64_t dropped, wakeups; /* as those of the queues, and of queues that were closed */
	uint32_t queue_count;
	struct stoq_af_xdp_queue queues[STOQ_AF_XDP_QUEUES_MAX];
};

/* Of a datapath that stoq_af_xdp_open() opened, in its thread. */
void stoq_af_xdp_counters(struct stoq_datapath *base, struct stoq_af_xdp_counters *counters);

/* The same from any thread, and up to 10 ms old. */
void stoq_af_xdp_snapshot(struct stoq_datapath *base, struct stoq_af_xdp_counters *counters);
