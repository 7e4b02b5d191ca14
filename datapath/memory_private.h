/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the files of the network in memory share. */
#include <stddef.h>

#include "datapath/address.h"
#include "datapath/memory.h"

#define MEMORY_ADDRESSES 4
#define MEMORY_SEGMENTS	 64

/* A packet on its way. */
struct memory_packet {
	uint64_t due_ns;
	uint64_t number; /* among those that are due at the same time, the first goes first */
	struct stoq_address remote, local; /* as the receiver shall see them */
	uint32_t size;
	uint8_t ecn;
	uint8_t data[];
};

/* A heap: the first one due is packets[0]. */
struct memory_queue {
	struct memory_packet **packets;
	size_t count, capacity;
};

struct memory_endpoint {
	struct stoq_datapath base; /* first: the interface is this */
	struct stoq_memory_network *network;
	struct memory_endpoint *next;
	struct stoq_address addresses[MEMORY_ADDRESSES];
	unsigned int address_count;
	struct stoq_address outside; /* length 0: no NAT */
	struct stoq_memory_link link;
	uint64_t link_free_ns; /* when the bottleneck will have sent what waits for it */
	uint64_t room_ns;      /* when to try again after -EAGAIN; 0: no need */
	uint32_t joined;
	bool (*filter)(void *context, struct stoq_batch *datagram);
	void *filter_context;
	struct memory_queue queue; /* on their way to here */
	struct stoq_datapath_counters counters;
};

struct stoq_memory_network {
	struct memory_endpoint *endpoints;
	uint64_t random;
	uint64_t next_number;
	size_t bytes, max_bytes;
	struct stoq_memory_counters counters;
};

static inline struct memory_endpoint *memory_endpoint_of(const struct stoq_datapath *datapath)
{
	return (struct memory_endpoint *)((char *)datapath -
					  offsetof(struct memory_endpoint, base));
}

/* memory_queue.c. push: 0 or -ENOMEM. */
int memory_queue_push(struct memory_queue *queue, struct memory_packet *packet);
struct memory_packet *memory_queue_pop(struct memory_queue *queue);
void memory_queue_free(struct memory_queue *queue);

/*
 * memory_link.c: a packet leaves an endpoint. 0: it is on its way, or lost; -EMSGSIZE; -EAGAIN.
 * datagram is a single one.
 */
int memory_link_send(
	struct memory_endpoint *from, const struct stoq_batch *datagram, uint64_t now_ns);

/* Who gets what is sent to that address; sets the address that the receiver sees as its own. */
struct memory_endpoint *memory_find(const struct stoq_memory_network *network,
	const struct stoq_address *address, struct stoq_address *local);

/* Puts a packet into the queue of the endpoint that has address `to`. */
void memory_deliver(struct stoq_memory_network *network, const struct stoq_address *from,
	const struct stoq_batch *datagram, uint8_t ecn, uint64_t due_ns);

/* Frees it, and the network's memory with it. */
void memory_packet_free(struct stoq_memory_network *network, struct memory_packet *packet);
