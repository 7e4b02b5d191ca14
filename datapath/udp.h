/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The datapath of UDP sockets: GSO, GRO, ECN, path MTU discovery by the transport (DF set). */
#include "base/error.h"
#include "datapath/datapath.h"

struct stoq_udp_config {
	struct stoq_address bind; /* the address may be a wildcard; port 0: the kernel chooses */
	uint32_t receive_buffer_bytes; /* SO_RCVBUFFORCE, else SO_RCVBUF; 0: the system's default */
	uint32_t send_buffer_bytes;
	uint32_t busy_poll_us; /* SO_BUSY_POLL; 0: off */
	bool no_gso;	       /* every datagram on its own: for comparing, and for tests */
	bool no_gro;

	/*
	 * One of several sockets on the same port (SO_REUSEPORT). They are opened in order, worker
	 * 0 first, which fails with -EADDRINUSE if anyone has the port already; the others join it.
	 * A classic BPF program, attached by worker 1, sends each packet to the worker
	 * that the first byte of its Destination Connection ID names: that byte modulo
	 * worker_count. Where the program is refused the kernel spreads by address, and transport/
	 * hands packets on. 0 or 1: no SO_REUSEPORT.
	 */
	uint32_t worker_count;
	uint32_t worker;
};

/*
 * Opens one. 0 or a negative errno with the sentence for the user. Buffers that stay smaller than
 * asked for are no failure: info.warning says it.
 */
int stoq_udp_open(const struct stoq_udp_config *config, struct stoq_datapath **datapath,
	struct stoq_error *error);

#define STOQ_UDP_SEGMENT_BUCKETS 7 /* 1, 2-3, 4-7, ... 64 and more */

/* What only sockets count; beside those of stoq_datapath_counters(). */
struct stoq_udp_counters {
	uint64_t send_calls, receive_calls; /* system calls, the fruitless ones too */
	uint64_t send_again;		    /* EAGAIN: the send buffer was full */
	uint64_t receive_again;		    /* nothing was there */
	/* Datagrams per message that was sent or received, by powers of two. */
	uint64_t sent_segments[STOQ_UDP_SEGMENT_BUCKETS];
	uint64_t received_segments[STOQ_UDP_SEGMENT_BUCKETS];
	uint64_t gso_refused; /* paths on which GSO was turned off */
	uint64_t too_large;   /* EMSGSIZE: above the interface's MTU */
	uint64_t queue_full;  /* ENOBUFS: lost in our own queueing discipline */
	uint64_t overflows;   /* lost before we read them: full buffer, bad checksum */
	uint64_t truncated;   /* longer than the buffer they were received into */
	uint64_t empty;	      /* datagrams of no bytes, ignored */
	uint64_t icmp_mtu;    /* routers said: too large */
	uint64_t icmp_unreachable;
	uint32_t icmp_last_mtu; /* what the last of them said, 0: none */
};

/* Of a datapath that stoq_udp_open() opened. */
void stoq_udp_counters(const struct stoq_datapath *datapath, struct stoq_udp_counters *counters);
