// SPDX-License-Identifier: BSD-2-Clause
#include "datapath/umem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* XDP_PACKET_HEADROOM: what the kernel keeps free in front of every frame it receives. */
#define XDP_HEADROOM 256
#define LINK_HEADER  (14 + 2 * 4)

#define FRAME_SMALL 2048
#define FRAME_LARGE 4096

uint32_t stoq_umem_frame_bytes(uint32_t mtu)
{
	return mtu + LINK_HEADER + XDP_HEADROOM <= FRAME_SMALL ? FRAME_SMALL : FRAME_LARGE;
}

uint32_t stoq_umem_parts(uint32_t mtu)
{
	uint32_t room = stoq_umem_frame_bytes(mtu) - XDP_HEADROOM;

	return (mtu + LINK_HEADER + room - 1) / room;
}

/* Huge pages spare the device's and our address translation; where there are none, no harm. */
static void *map_memory(uint64_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, size, MADV_HUGEPAGE);
	madvise(memory, size, MADV_DONTFORK);
	return memory;
}

int stoq_umem_open(struct stoq_umem *umem, uint32_t frame_count, uint32_t frame_bytes,
	struct stoq_error *error)
{
	*umem = (struct stoq_umem){
		.size_bytes = (uint64_t)frame_count * frame_bytes,
		.frame_bytes = frame_bytes,
		.frame_count = frame_count,
	};
	umem->memory = map_memory(umem->size_bytes);
	umem->free = calloc(frame_count, sizeof(*umem->free));
	if (!umem->memory || !umem->free) {
		stoq_umem_close(umem);
		return stoq_error_set(error, -ENOMEM,
			"no memory for %u frames of %u bytes for AF_XDP; ask for fewer frames",
			frame_count, frame_bytes);
	}
	while (umem->free_count < frame_count) {
		umem->free[umem->free_count] = (uint64_t)umem->free_count * frame_bytes;
		umem->free_count++;
	}
	return 0;
}

void stoq_umem_close(struct stoq_umem *umem)
{
	if (umem->memory)
		munmap(umem->memory, umem->size_bytes);
	free(umem->free);
	*umem = (struct stoq_umem){0};
}
