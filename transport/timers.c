// SPDX-License-Identifier: BSD-2-Clause
#include "transport/timers.h"

#include <errno.h>
#include <stdlib.h>

void stoq_timers_destroy(struct stoq_timers *timers)
{
	free(timers->heap);
	*timers = (struct stoq_timers){0};
}

int stoq_timers_reserve(struct stoq_timers *timers, size_t count)
{
	struct stoq_timer **heap;
	size_t capacity = timers->capacity ? timers->capacity : 64;

	if (count < timers->capacity)
		return 0;
	while (capacity <= count)
		capacity *= 2;
	heap = realloc(timers->heap, capacity * sizeof(struct stoq_timer *));
	if (!heap)
		return -ENOMEM;
	timers->heap = heap;
	timers->capacity = capacity;
	return 0;
}

static void put(struct stoq_timers *timers, size_t place, struct stoq_timer *timer)
{
	timers->heap[place] = timer;
	timer->place = place;
}

static void sift_up(struct stoq_timers *timers, struct stoq_timer *timer)
{
	size_t place = timer->place;

	for (; place > 1 && timers->heap[place / 2]->due_ns > timer->due_ns; place /= 2)
		put(timers, place, timers->heap[place / 2]);
	put(timers, place, timer);
}

static void sift_down(struct stoq_timers *timers, struct stoq_timer *timer)
{
	size_t place = timer->place, child;

	while ((child = place * 2) <= timers->count) {
		if (child < timers->count &&
			timers->heap[child + 1]->due_ns < timers->heap[child]->due_ns)
			child++;
		if (timers->heap[child]->due_ns >= timer->due_ns)
			break;
		put(timers, place, timers->heap[child]);
		place = child;
	}
	put(timers, place, timer);
}

static void clear(struct stoq_timers *timers, struct stoq_timer *timer)
{
	struct stoq_timer *last = timers->heap[timers->count];
	size_t place = timer->place;

	timers->count--;
	timer->place = 0;
	if (last == timer)
		return;
	put(timers, place, last);
	sift_up(timers, last);
	sift_down(timers, last);
}

void stoq_timer_set(struct stoq_timers *timers, struct stoq_timer *timer, uint64_t due_ns)
{
	if (due_ns == STOQ_NEVER) {
		if (timer->place)
			clear(timers, timer);
		return;
	}
	if (timer->place && timer->due_ns == due_ns)
		return;
	timer->due_ns = due_ns;
	if (!timer->place)
		put(timers, ++timers->count, timer);
	sift_up(timers, timer);
	sift_down(timers, timer);
}

uint64_t stoq_timers_next_ns(const struct stoq_timers *timers)
{
	return timers->count ? timers->heap[1]->due_ns : STOQ_NEVER;
}

struct stoq_timer *stoq_timers_expire(struct stoq_timers *timers, uint64_t now_ns)
{
	struct stoq_timer *first = timers->count ? timers->heap[1] : NULL;

	if (!first || first->due_ns > now_ns)
		return NULL;
	clear(timers, first);
	return first;
}
