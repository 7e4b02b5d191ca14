/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a host counts of its own commands, per opcode, the way `stoq watch` counts them. */
#include <stdio.h>

#include "base/histogram.h"
#include "tests/peer/host.h"

#define PEER_STATUSES 32 /* different ones per opcode; more are counted as errors only */

struct peer_opcode_stats {
	uint64_t commands; /* completed, with any status */
	uint64_t errors;
	uint64_t bytes; /* of those that succeeded: the SGL's length */
	struct stoq_histogram latency;
	struct {
		uint16_t status;
		uint64_t count;
	} statuses[PEER_STATUSES];
};

struct peer_stats {
	struct peer_opcode_stats *opcodes[2][256]; /* by enum nvme_queue_kind; NULL: none */
	struct peer_opcode_stats *fabrics[256];	   /* by fctype */
	uint64_t held;				   /* commands that never complete: AERs */
};

void peer_stats_free(struct peer_stats *stats);

/* 0 or -ENOMEM. */
int peer_stats_record(struct peer_stats *stats, enum nvme_queue_kind kind,
	const struct peer_host_command *command, const struct peer_host_completion *completion);
int peer_stats_add(struct peer_stats *stats, const struct peer_stats *other);

/* One JSON object, one line. */
void peer_stats_print_json(const struct peer_stats *stats, uint64_t elapsed_ns, FILE *file);
/* The same for a person. */
void peer_stats_print(const struct peer_stats *stats, uint64_t elapsed_ns, FILE *file);
