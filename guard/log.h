/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Following the guard's log, which the kernel writes round and round. Any number of followers;
 * none keeps another from anything, nor the kernel from writing. Pure: memory is an argument.
 */
#include "bpf/guard/state_shared.h"

struct stoq_guard_log {
	const struct stoq_guard_record *records; /* STOQ_GUARD_LOG_RECORDS, being written */
	const struct stoq_guard_state *state;	 /* likewise */
	__u64 next;				 /* sequence number of the next record to read */
	__u64 lost;				 /* records that were overwritten before we read */
};

/* From the oldest of the last `back` records on. */
void stoq_guard_log_start(struct stoq_guard_log *log, const struct stoq_guard_record *records,
	const struct stoq_guard_state *state, __u64 back);

/* 1: record is the next one; 0: there is none yet. */
int stoq_guard_log_next(struct stoq_guard_log *log, struct stoq_guard_record *record);
