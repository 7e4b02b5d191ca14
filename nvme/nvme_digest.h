/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * CRC32C (Castagnoli), the header and data digest of NVMe/TCP (TCP Transport 3.3.1.1), whole
 * or piece by piece, with the processor's instructions where it has them.
 */
#include <stddef.h>
#include <stdint.h>

#define NVME_CRC32C_INIT 0xffffffffu

/* state: NVME_CRC32C_INIT, then what the last update returned. data may be unaligned. */
uint32_t nvme_crc32c_update(uint32_t state, const void *data, size_t length);

static inline uint32_t nvme_crc32c_final(uint32_t state)
{
	return ~state;
}

static inline uint32_t nvme_crc32c(const void *data, size_t length)
{
	return nvme_crc32c_final(nvme_crc32c_update(NVME_CRC32C_INIT, data, length));
}

/* A digest as it is on the wire: little endian, at any alignment. */
static inline void nvme_digest_store(uint8_t out[static 4], uint32_t digest)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(digest >> (8 * i));
}
static inline uint32_t nvme_digest_load(const uint8_t in[static 4])
{
	return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

/*
 * Whether a digest is that of so many bytes, whose last update returned `state`. SPDK's data digest goes on over zeros to a
 * multiple of four bytes, which are not sent; it agrees, too.
 */
int nvme_digest_agrees(uint32_t state, uint64_t bytes, uint32_t digest);

/*
 * The ways to compute it, best first; the last one works everywhere. For tests and benchmarks:
 * nvme_crc32c_update() takes the first that is usable here.
 */
struct nvme_crc32c_way {
	const char *name;
	int (*usable)(void);
	uint32_t (*update)(uint32_t state, const void *data, size_t length);
};
extern const struct nvme_crc32c_way nvme_crc32c_ways[];
extern const size_t nvme_crc32c_way_count;
