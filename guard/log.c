// SPDX-License-Identifier: BSD-2-Clause
#include "guard/log.h"

#include <string.h>

void stoq_guard_log_start(struct stoq_guard_log *log, const struct stoq_guard_record *records,
	const struct stoq_guard_state *state, __u64 back)
{
	__u64 last = __atomic_load_n(&state->log_last, __ATOMIC_ACQUIRE);

	if (back > STOQ_GUARD_LOG_RECORDS)
		back = STOQ_GUARD_LOG_RECORDS;
	*log = (struct stoq_guard_log){
		.records = records, .state = state, .next = last > back ? last - back + 1 : 1};
}

/* Records before the oldest that can still be there are lost. */
static void skip_overwritten(struct stoq_guard_log *log, __u64 last)
{
	if (last - log->next < STOQ_GUARD_LOG_RECORDS)
		return;
	log->lost += last - STOQ_GUARD_LOG_RECORDS + 1 - log->next;
	log->next = last - STOQ_GUARD_LOG_RECORDS + 1;
}

/* The record's number, if it is whole. */
static __u64 copy(const struct stoq_guard_record *from, struct stoq_guard_record *to)
{
	__u64 before = __atomic_load_n(&from->sequence, __ATOMIC_ACQUIRE), after;

	memcpy(to, from, sizeof(*to));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	after = __atomic_load_n(&from->sequence, __ATOMIC_RELAXED);
	return before == after ? before : 0;
}

int stoq_guard_log_next(struct stoq_guard_log *log, struct stoq_guard_record *record)
{
	for (;;) {
		__u64 last = __atomic_load_n(&log->state->log_last, __ATOMIC_ACQUIRE), found;

		if (log->next > last)
			return 0;
		skip_overwritten(log, last);
		found = copy(&log->records[log->next % STOQ_GUARD_LOG_RECORDS], record);
		/* 0, or the one that was here a round ago: the kernel is at it. */
		if (found < log->next)
			return 0;
		if (found == log->next) {
			log->next++;
			return 1;
		}
		log->lost++;
		log->next++;
	}
}
