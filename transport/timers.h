/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* When which of many things is due next: a binary heap. */
#include <stddef.h>
#include <stdint.h>

#include <stoq/types.h>

/* Stands in the thing that waits. */
struct stoq_timer {
	uint64_t due_ns; /* valid while it is set */
	size_t place;	 /* in the heap, from 1; 0: not set */
};

struct stoq_timers {
	struct stoq_timer **heap; /* from 1 */
	size_t count;
	size_t capacity;
};

void stoq_timers_destroy(struct stoq_timers *timers);

/* Room for as many timers as will be set at once, so that setting cannot fail. 0 or -ENOMEM. */
int stoq_timers_reserve(struct stoq_timers *timers, size_t count);

/* Sets, moves, or with STOQ_NEVER clears. */
void stoq_timer_set(struct stoq_timers *timers, struct stoq_timer *timer, uint64_t due_ns);

/* STOQ_NEVER if none is set. */
uint64_t stoq_timers_next_ns(const struct stoq_timers *timers);

/* The first that is due by now, cleared; NULL: none. */
struct stoq_timer *stoq_timers_expire(struct stoq_timers *timers, uint64_t now_ns);
