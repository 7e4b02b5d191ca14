/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What one I/O queue of the load generator asks for next, and whether what it reads is right.
 *
 * All data written is a function of its place in the namespace: a repeating pattern. A block
 * reads as that or, if this queue did not write it, as zeroes. While verifying, each queue has
 * a part of the namespaces to itself. Pure: a seed in, commands out.
 */
#include <stdbool.h>
#include <stdint.h>

#include "nvme/nvme_tcp_encode.h"

#define PEER_MAX_SIZES	16
#define PEER_LARGEST_IO (1u << 20)

enum peer_action {
	PEER_READ,
	PEER_WRITE,
	PEER_FLUSH,
	PEER_COMPARE,
	PEER_WRITE_ZEROES,
	PEER_DEALLOCATE,
	PEER_ACTIONS,
};

/* From first to last in steps of step bytes, each equally likely. */
struct peer_size_range {
	uint32_t first, last, step;
};

struct peer_workload_config {
	uint32_t weights[PEER_ACTIONS]; /* how often, in proportion */
	struct peer_size_range sizes[PEER_MAX_SIZES];
	uint32_t size_count; /* at least one */
	uint32_t namespaces; /* NSIDs 1 to this */
	uint64_t namespace_bytes;
	uint32_t block_bytes;
	uint32_t in_capsule_bytes;
	uint64_t seed;
	bool verify;
	uint32_t queue, queues; /* this one, and how many there are */
};

struct peer_pick {
	struct nvme_sqe sqe;
	uint32_t length;
	const void *data_out;
	bool in_capsule;
};

struct peer_workload {
	struct peer_workload_config config;
	const uint8_t *pattern;
	uint64_t random;
	uint64_t first_byte, bytes; /* the part of each namespace that is used */
	uint32_t weight_sum;
	/* Verifying: */
	uint32_t *written; /* per namespace and block of the part: since which write it surely
			    * holds the pattern; 0: it may be zeroes */
	uint32_t writes;   /* completed so far */
	struct peer_moment {
		uint32_t writes, zeroing_begun;
	} * moments;		/* per CID: when it was submitted */
	uint32_t zeroing_begun; /* Write Zeroes and Deallocate so far */
	uint32_t zeroing_outstanding;
	struct nvme_dsm_range *ranges; /* per CID */
	const char *problem;
};

/* The pattern, for all queues; peer_pattern_free() it. NULL: out of memory. */
uint8_t *peer_pattern_new(void);
void peer_pattern_free(uint8_t *pattern);

/* 0, -ENOMEM, or -EINVAL: the sizes do not fit into the queue's part. */
int peer_workload_init(struct peer_workload *workload, const struct peer_workload_config *config,
	const uint8_t *pattern, uint16_t depth);
void peer_workload_free(struct peer_workload *workload);

/* The next command, which will have this CID. */
void peer_workload_next(struct peer_workload *workload, uint16_t cid, struct peer_pick *pick);

/* Data at an offset of what this command reads: 0 or -EILSEQ. */
int peer_workload_check(struct peer_workload *workload, const struct nvme_sqe *sqe, uint32_t offset,
	const uint8_t *bytes, uint32_t length);

/* The command completed. */
void peer_workload_done(struct peer_workload *workload, const struct nvme_sqe *sqe, bool success);
