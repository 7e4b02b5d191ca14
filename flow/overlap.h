/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Two writes that overlap, as watch/overlaps.h finds them and a record keeps them. STOQ_WRITE_...: bpf/stream/check_shared.h. */
#include <stdbool.h>
#include <stdint.h>

enum stoq_overlap_end {
	STOQ_OVERLAP_OUTSTANDING = 0,
	STOQ_OVERLAP_ENDED = 1,
	STOQ_OVERLAP_CUT = 2, /* its connection ended before it */
};

struct stoq_overlap_write {
	uint64_t slba;	   /* of the range that overlaps */
	uint64_t start_ns; /* as the events have it */
	uint64_t end_ns;   /* when it ended, or its connection did; 0: neither is known */
	uint32_t blocks;   /* STOQ_WRITE_ALL_BLOCKS: all of the namespace from there on */
	uint32_t uid;
	uint16_t cid;
	uint8_t opcode;
	uint8_t end; /* enum stoq_overlap_end */
};

struct stoq_overlap {
	struct stoq_overlap_write first, second; /* in the order in which they began */
	uint32_t nsid;
	bool same_host;
};

/* Writes that were looked at for others that overlap with them, since the start. */
struct stoq_overlap_counts {
	uint64_t found;	   /* pairs, whether they were events or not */
	uint64_t compared; /* writes */
	uint64_t unnamed;  /* not compared: their subsystem's name is not known */
	uint64_t full;	   /* not compared, or not with all others: a table was full */
	uint64_t lost;	   /* events of writes that were lost, and with them what was outstanding */
};
