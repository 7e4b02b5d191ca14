/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a policy would have decided about commands that were recorded: the engine's verdict on each. */
#include <stdio.h>

#include "flow/model.h"
#include "guard/explain.h"
#include "record/reader.h"

/* Commands of one kind that one rule would have refused. */
struct stoq_guard_finding {
	uint16_t rule; /* STOQ_GUARD_NO_RULE: by default */
	struct stoq_identity
		identity; /* host, subsystem, namespace, opcode; addresses of unknown ones */
	uint64_t count;
	uint64_t first_unix_ns; /* the first of them, ... */
	uint64_t first_slba;	/* ... and its blocks; 0: none */
	uint32_t first_blocks;
};

#define STOQ_GUARD_FINDINGS_MAX	  4096
#define STOQ_GUARD_RECORDED_FLOWS (1u << 20)

struct stoq_guard_recorded {
	uint64_t commands, refused;
	uint64_t nameless; /* of the commands: their host is not known */
	uint64_t unseen;   /* of those refused: for blocks that no record has (lists of ranges) */
	uint64_t beyond;   /* of those refused: not in findings, which were full */
	struct stoq_guard_finding *findings; /* most commands first */
	size_t finding_count, finding_capacity;
	struct stoq_guard_recorded_flow *flows; /* by uid */
	struct stoq_guard_finding_entry *index;
};

/* Reads the record to its end. Free in any case. 0 or a negative errno. */
int stoq_guard_recorded_run(struct stoq_guard_recorded *recorded,
	const struct stoq_guard_explainer *explainer, struct stoq_record_reader *reader,
	struct stoq_error *error);
void stoq_guard_recorded_free(struct stoq_guard_recorded *recorded);
