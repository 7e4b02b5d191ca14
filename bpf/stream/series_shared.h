/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What is counted, per queue, namespace and opcode; latency buckets are those of base/latency_bucket.h. */
#include <linux/types.h>

#include "base/latency_bucket.h"
#include "bpf/stream/stages_shared.h"
#include "nvme/nvme_types.h"

/*
 * When the table is full, counting goes on per CPU and opcode, in series whose uid is
 * STOQ_SERIES_OVERFLOW | CPU: totals stay exact.
 */
#define STOQ_SERIES_OVERFLOW 0xffff0000u

struct stoq_series_key {
	__u32 uid; /* of the flow */
	__u32 nsid;
	__u8 opcode;
	__u8 kind;   /* enum nvme_queue_kind */
	__u8 fctype; /* of a Fabrics command, else 0, or the size class if sizes are counted */
	__u8 pad[5];
};
NVME_ASSERT_SIZE(struct stoq_series_key, 16);

struct stoq_series {
	__u64 commands; /* completed, with any status */
	__u64 errors;	/* of these, status not 0 */
	__u64 bytes;	/* data of those that succeeded: the SGL's length */
	__u64 latency_sum_ns;
	__u64 latency_max_ns;
	__u64 buckets[STOQ_LATENCY_BUCKETS];
};

/* The same where stages are counted: the front is that of the others. */
struct stoq_series_staged {
	struct stoq_series series;
	struct stoq_stage_series stages[STOQ_STAGES];
};

/* Completions by status other than success. Value: __u64 count. */
struct stoq_status_key {
	__u32 uid;
	__u16 status; /* NVME_STATUS() */
	__u8 opcode;
	__u8 kind;
};
NVME_ASSERT_SIZE(struct stoq_status_key, 8);
