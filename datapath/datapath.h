/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * How datagrams move: one interface for UDP sockets, AF_XDP and a network in memory. Whoever
 * implements it embeds struct stoq_datapath and gives a table of operations; transport/ knows
 * nothing else. One thread uses a datapath at a time. No implementation reads a clock: the time
 * is an argument (nanoseconds, CLOCK_MONOTONIC or a test's own).
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* What a receive buffer must hold: with GRO the kernel joins datagrams up to this. */
#define STOQ_DATAGRAM_MAX_BYTES 65536

struct stoq_address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t length; /* 0: unknown */
};

/* The two bits of the IP header. */
enum stoq_ecn { STOQ_ECN_NOT_ECT = 0, STOQ_ECN_ECT1 = 1, STOQ_ECN_ECT0 = 2, STOQ_ECN_CE = 3 };

/*
 * A batch of UDP datagrams in one buffer, with the same addresses and ECN: all segment_size long, only the last
 * may be shorter (and is never empty).
 */
struct stoq_batch {
	struct stoq_address remote;
	struct stoq_address
		local; /* the address of ours; on sending, length 0 lets the kernel choose */
	uint8_t *data;
	uint32_t size;	       /* bytes in data */
	uint32_t capacity;     /* receiving: what fits into data */
	uint16_t segment_size; /* size: one datagram */
	uint8_t ecn;	       /* enum stoq_ecn */
};

/* How many datagrams size bytes are; segment_size is never 0. */
static inline unsigned int stoq_datagram_segments(uint32_t size, uint16_t segment_size)
{
	return (size + segment_size - 1) / segment_size;
}

struct stoq_datapath_route {
	struct stoq_address
		local; /* the address packets to that remote leave from, with the port */
	/*
	 * Largest UDP payload that the interface takes, or that routers are known to take, by
	 * their ICMP errors; which are not authenticated: for where to begin looking. 0: unknown.
	 */
	uint32_t max_payload_bytes;
};

struct stoq_datapath_info {
	const char *kind;      /* "udp", "af_xdp", "memory" */
	char description[160]; /* for people: "UDP [::1]:9292, GSO 64, GRO, receive buffer 8 MiB" */
	char warning[320];     /* what slows it down and what to do about it; empty: nothing */
	struct stoq_address local; /* what it is bound to, with the real port */
	/*
	 * How many segments a buffer may have when it is handed to send_batch (>= 1). Constant.
	 * Where the kernel or the path does not take that many, the implementation splits the
	 * buffer itself.
	 */
	uint32_t max_segments;
	bool joins; /* a received buffer usually holds many datagrams (GRO) */
};

/* Counted since it was opened. What an implementation cannot know is UINT64_MAX. */
struct stoq_datapath_counters {
	uint64_t sent_datagrams;
	uint64_t sent_bytes;
	uint64_t sent_batches; /* system calls, or kicks of a ring */
	uint64_t received_datagrams;
	uint64_t received_bytes;
	uint64_t received_batches;
	uint64_t dropped_sending;   /* could not be sent: MTU, unreachable, no buffer */
	uint64_t dropped_receiving; /* the kernel's socket buffer or our ring was full; truncated */
	uint64_t zero_copy_operations;
	uint64_t copied_operations;
};

struct stoq_datapath {
	const struct stoq_datapath_operations *operations;
	uint32_t changes; /* how often kind, description or warning became others while it ran */
};

struct stoq_datapath_operations {
	/*
	 * Sends up to count buffers in order. Returns how many were taken whole (>= 1): their
	 * memory is the caller's again. data and size are moved forward over all that was taken, so
	 * that the size of a buffer taken whole is 0, and what is left of one that was begun is
	 * what to send next. -EAGAIN: none was taken whole; call again when descriptor() is ready.
	 * -EMSGSIZE: segment_size of the first is larger than its path takes; -ENETUNREACH,
	 * -EHOSTUNREACH, -EPERM, ...: the first cannot be sent. After these, the caller drops the
	 * first buffer and goes on.
	 */
	int (*send_batch)(struct stoq_datapath *datapath, struct stoq_batch *datagrams,
		unsigned int count, uint64_t now_ns);

	/*
	 * Receives into the caller's buffers (data, capacity >= STOQ_DATAGRAM_MAX_BYTES); fills the
	 * rest of each, and may exchange elements of the array. Never waits. Returns how many were
	 * filled, 0 if nothing is there, or a negative errno if the datapath is broken for good.
	 * Errors of single datagrams (ICMP) are swallowed.
	 */
	int (*receive_batch)(struct stoq_datapath *datapath, struct stoq_batch *datagrams,
		unsigned int count, uint64_t now_ns);

	/*
	 * What to poll, and for which events (POLLIN, POLLOUT after -EAGAIN): it is ready when
	 * receive_batch has something or send_batch can go on. The descriptor stays the same, the
	 * events change. -1: there is none (memory).
	 */
	int (*descriptor)(struct stoq_datapath *datapath, short *events);

	/* Which way packets to remote go. 0, or a negative errno if there is no way. */
	int (*route)(struct stoq_datapath *datapath, const struct stoq_address *remote,
		struct stoq_datapath_route *route);

	void (*info)(struct stoq_datapath *datapath, struct stoq_datapath_info *info);
	void (*counters)(struct stoq_datapath *datapath, struct stoq_datapath_counters *counters);
	void (*close)(struct stoq_datapath *datapath);
};

static inline int stoq_datapath_send(struct stoq_datapath *datapath, struct stoq_batch *datagrams,
	unsigned int count, uint64_t now_ns)
{
	return datapath->operations->send_batch(datapath, datagrams, count, now_ns);
}

static inline int stoq_datapath_receive(struct stoq_datapath *datapath,
	struct stoq_batch *datagrams, unsigned int count, uint64_t now_ns)
{
	return datapath->operations->receive_batch(datapath, datagrams, count, now_ns);
}

static inline int stoq_datapath_descriptor(struct stoq_datapath *datapath, short *events)
{
	return datapath->operations->descriptor(datapath, events);
}

static inline int stoq_datapath_route(struct stoq_datapath *datapath,
	const struct stoq_address *remote, struct stoq_datapath_route *route)
{
	return datapath->operations->route(datapath, remote, route);
}

static inline void stoq_datapath_info(
	struct stoq_datapath *datapath, struct stoq_datapath_info *info)
{
	datapath->operations->info(datapath, info);
}

static inline void stoq_datapath_counters(
	struct stoq_datapath *datapath, struct stoq_datapath_counters *counters)
{
	datapath->operations->counters(datapath, counters);
}

static inline void stoq_datapath_close(struct stoq_datapath *datapath)
{
	if (datapath)
		datapath->operations->close(datapath);
}
