/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The memory an AF_XDP socket exchanges frames in, and which frames of it are free. */
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct stoq_umem {
	uint8_t *memory;
	uint64_t size_bytes;
	uint32_t frame_bytes;
	uint32_t frame_count;
	uint64_t *free; /* a stack of offsets into memory */
	uint32_t free_count;
};

/* Of one packet: with fewer, and 15 more pages, the kernel's buffers for a copy would not do (MAX_SKB_FRAGS, 17). */
#define STOQ_UMEM_PARTS_MAX 16

/*
 * The frame size for an interface's MTU: the Ethernet header, two VLAN tags and the room XDP
 * keeps in front must fit in beside it. What fits no frame takes several of the largest (stoq_umem_parts()).
 */
uint32_t stoq_umem_frame_bytes(uint32_t mtu);

/*
 * How many frames a packet of this MTU takes, received or sent. More than 1: only with XDP_USE_SG. More than
 * STOQ_UMEM_PARTS_MAX: the MTU is too large.
 */
uint32_t stoq_umem_parts(uint32_t mtu);

/* Maps the memory. frame_bytes is a power of two, 2048 or 4096. */
int stoq_umem_open(struct stoq_umem *umem, uint32_t frame_count, uint32_t frame_bytes,
	struct stoq_error *error);
void stoq_umem_close(struct stoq_umem *umem);

/* Takes a free frame: its offset. False if there is none. */
static inline bool stoq_umem_take(struct stoq_umem *umem, uint64_t *offset)
{
	if (!umem->free_count)
		return false;
	*offset = umem->free[--umem->free_count];
	return true;
}

/*
 * Puts back the frame that offset lies in (the kernel's offsets point behind its headroom). An
 * offset outside of the memory, or a frame too many, is refused: no ring can make us write
 * elsewhere.
 */
static inline bool stoq_umem_put(struct stoq_umem *umem, uint64_t offset)
{
	if (offset >= umem->size_bytes || umem->free_count == umem->frame_count)
		return false;
	umem->free[umem->free_count++] = offset & ~(uint64_t)(umem->frame_bytes - 1);
	return true;
}
