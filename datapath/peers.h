/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Which peers are reached by AF_XDP frames, and how; all others are reached by the socket.
 *
 * The first datagrams to a peer go through the socket, so the kernel resolves its MAC and a flood
 * of spoofed sources costs no look-ups. Then the kernel is asked for the way. A change of routes,
 * links or that neighbour sends the peer back to the socket until the kernel was asked again. Now
 * and then one datagram takes the socket, so that the kernel goes on verifying the neighbour.
 * Bounded: a set of the table that is full forgets the peer that was used longest ago.
 */
#include "datapath/kernel_routes.h"

#define STOQ_PEERS_FIRST	3 /* datagram buffers that go through the socket first */
#define STOQ_PEERS_CONFIRM_NS	5000000000ULL /* how often one goes through the socket later */
#define STOQ_PEERS_RESOLVE_NS	20000000ULL   /* until a neighbour is asked for again */
#define STOQ_PEERS_ELSEWHERE_NS 1000000000ULL /* the same for a way that is not ours */

struct stoq_peer {
	struct stoq_address remote; /* length 0: free */
	struct stoq_address local;
	uint64_t used_ns;
	uint64_t socket_ns; /* when a datagram last went through the socket */
	uint64_t retry_ns;  /* no look-up before */
	uint32_t generation;
	uint32_t queue; /* where its last frame came in */
	uint8_t first;	/* datagrams seen so far, up to STOQ_PEERS_FIRST */
	bool known;	/* way and frames are valid */
	struct stoq_way way;
	struct stoq_frame_template frames;
	uint32_t max_payload_bytes;
};

/* Asks for the way to remote: stoq_kernel_way(), or what a test knows. */
typedef int (*stoq_peers_ask)(void *context, const struct stoq_address *remote,
	const struct stoq_address *local, struct stoq_way *way);

struct stoq_peers {
	struct stoq_peer *table;
	uint32_t generation; /* of everything the kernel said */
	uint16_t port;	     /* ours */
	bool paused;	     /* all through the socket */
	stoq_peers_ask ask;
	void *context;
	uint64_t lookups;
};

/* -ENOMEM. */
int stoq_peers_open(struct stoq_peers *peers, uint16_t port, stoq_peers_ask ask, void *context);
void stoq_peers_close(struct stoq_peers *peers);

/* The peer, remembered from now on. local: the address of ours the datagram is to leave from. */
struct stoq_peer *stoq_peers_get(struct stoq_peers *peers, const struct stoq_address *remote,
	const struct stoq_address *local, uint64_t now_ns);

/* True if the next datagram buffer to the peer goes out as peer->frames. */
bool stoq_peers_by_frames(struct stoq_peers *peers, struct stoq_peer *peer, uint64_t now_ns);

/* A frame came from a peer: answers use the same queue. */
void stoq_peers_seen(struct stoq_peers *peers, const struct stoq_address *remote,
	const struct stoq_address *local, uint32_t queue);

/* The kernel said that something changed. */
void stoq_peers_event(struct stoq_peers *peers, const struct stoq_kernel_event *event);
