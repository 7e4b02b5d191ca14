/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A network in memory, for tests: endpoints with addresses, and on the way from each of them
 * loss, delay, reordering and whatever else a network does. Time is what the callers of
 * send_batch() and receive_batch() say; chance comes from a seed: the same calls give the same
 * results on every machine. One thread uses a network and its endpoints.
 */
#include "base/error.h"
#include "datapath/datapath.h"

struct stoq_memory_network;

/* What happens to packets that leave one endpoint. All zero: they arrive at once. */
struct stoq_memory_link {
	/* per million packets */
	uint32_t loss_ppm;
	uint32_t duplicate_ppm;
	uint32_t corrupt_ppm; /* one bit of the payload is another */
	uint32_t reorder_ppm; /* take reorder_ns longer, so that later ones overtake them */
	uint32_t ce_ppm;      /* of those that say they know ECN: marked */

	uint64_t reorder_ns;
	uint64_t delay_ns;
	uint64_t jitter_ns; /* up to this is added to each packet's delay: reorders as well */

	/* A bottleneck; with what waits for it limited. 0: none. */
	uint64_t bytes_per_second;
	uint32_t queue_bytes;
	uint32_t ce_queue_bytes; /* with more waiting than this, packets are marked; 0: never */
	bool queue_refuses;	 /* send_batch() says -EAGAIN; else what is too much gets lost */

	/* UDP payload; 0: no limit. */
	uint32_t interface_max_bytes; /* above: -EMSGSIZE */
	uint32_t path_max_bytes;      /* above: lost without a word */
};

/* What happened to packets. */
struct stoq_memory_counters {
	uint64_t sent, received; /* received: given to an endpoint; may be more, by duplicates */
	uint64_t lost, duplicated, corrupted, reordered, marked;
	uint64_t too_large;   /* for the path */
	uint64_t queue_full;  /* the bottleneck's, or the network's memory */
	uint64_t unreachable; /* no endpoint has that address */
	uint64_t filtered;
};

/* max_bytes: memory for packets on their way; more get lost. 0 or -ENOMEM. */
int stoq_memory_network_open(uint64_t seed, size_t max_bytes, struct stoq_memory_network **network);
/* Its endpoints must be closed by then. */
void stoq_memory_network_close(struct stoq_memory_network *network);

/* An endpoint. -EADDRINUSE, -ENOMEM. */
int stoq_memory_open(struct stoq_memory_network *network, const struct stoq_address *address,
	struct stoq_datapath **datapath);

void stoq_memory_set_link(struct stoq_datapath *datapath, const struct stoq_memory_link *link);

/* Datagrams of one path are joined in a buffer, as GRO does; up to this many (64). 1: never. */
void stoq_memory_set_joined(struct stoq_datapath *datapath, uint32_t segments);

/* One more address, from which the endpoint sends what names it as local. -ENOSPC: it has four. */
int stoq_memory_add_address(struct stoq_datapath *datapath, const struct stoq_address *address);

/* All of its addresses are gone, it has this one. Packets on their way to the old are lost. */
void stoq_memory_move(struct stoq_datapath *datapath, const struct stoq_address *address);

/*
 * A NAT, as others see it, without the endpoint's knowing: its packets come from this address, and
 * what is sent there reaches it. Other packets to it are lost. NULL: no NAT.
 */
void stoq_memory_set_outside(struct stoq_datapath *datapath, const struct stoq_address *outside);

/*
 * Sees each packet that leaves the endpoint, before anything happens to it, as a single datagram,
 * whose bytes it may change; false: the packet is lost. NULL: none.
 */
void stoq_memory_set_filter(struct stoq_datapath *datapath,
	bool (*filter)(void *context, struct stoq_batch *datagram), void *context);

/* A packet from anywhere: local is its source, remote where it goes. It arrives at now_ns. */
void stoq_memory_inject(
	struct stoq_memory_network *network, const struct stoq_batch *datagram, uint64_t now_ns);

/* When the next packet arrives somewhere, or a bottleneck has room again; UINT64_MAX: never. */
uint64_t stoq_memory_next_ns(const struct stoq_memory_network *network);

void stoq_memory_counters(
	const struct stoq_memory_network *network, struct stoq_memory_counters *counters);
