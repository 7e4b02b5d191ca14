/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The rings that an AF_XDP socket shares with the kernel: one side produces, the other consumes.
 * Free-running 32-bit indices; a copy of the other side's is kept and read again only when it
 * shows too little, for its cache line travels. Works on any memory, as the tests do.
 */
#include <linux/if_xdp.h>
#include <stdbool.h>
#include <stdint.h>

struct stoq_ring {
	uint32_t *producer;
	uint32_t *consumer;
	uint32_t *flags;
	void *entries; /* struct xdp_desc or uint64_t, see the ring's kind */
	uint32_t size; /* a power of two */
	uint32_t mine; /* our index, the one we move */
	uint32_t seen; /* the other side's index when last looked at */
};

static inline uint32_t stoq_ring_load(const uint32_t *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

/* How many entries we can fill, at least `wanted` if there are as many. */
static inline uint32_t stoq_ring_room(struct stoq_ring *ring, uint32_t wanted)
{
	uint32_t room = ring->size - (ring->mine - ring->seen);

	if (room < wanted) {
		ring->seen = stoq_ring_load(ring->consumer);
		room = ring->size - (ring->mine - ring->seen);
	}
	return room;
}

/* How many entries there are for us. */
static inline uint32_t stoq_ring_filled(struct stoq_ring *ring)
{
	if (ring->seen == ring->mine)
		ring->seen = stoq_ring_load(ring->producer);
	return ring->seen - ring->mine;
}

/* The entry `ahead` places from ours. */
static inline struct xdp_desc *stoq_ring_desc(const struct stoq_ring *ring, uint32_t ahead)
{
	return (struct xdp_desc *)ring->entries + ((ring->mine + ahead) & (ring->size - 1));
}

static inline uint64_t *stoq_ring_frame(const struct stoq_ring *ring, uint32_t ahead)
{
	return (uint64_t *)ring->entries + ((ring->mine + ahead) & (ring->size - 1));
}

/* Hands `count` filled entries to the other side. */
static inline void stoq_ring_produce(struct stoq_ring *ring, uint32_t count)
{
	ring->mine += count;
	__atomic_store_n(ring->producer, ring->mine, __ATOMIC_RELEASE);
}

/* Gives `count` entries back to the other side. */
static inline void stoq_ring_consume(struct stoq_ring *ring, uint32_t count)
{
	ring->mine += count;
	__atomic_store_n(ring->consumer, ring->mine, __ATOMIC_RELEASE);
}

/* True while the kernel wants to be called to go on with this ring. */
static inline bool stoq_ring_wants_wakeup(const struct stoq_ring *ring)
{
	return __atomic_load_n(ring->flags, __ATOMIC_RELAXED) & XDP_RING_NEED_WAKEUP;
}
