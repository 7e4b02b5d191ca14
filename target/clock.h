/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Deadlines on the monotonic clock. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <time.h>

#include "base/clock.h"

static inline uint64_t stoq_clock_deadline_ns(unsigned int timeout_ms)
{
	return stoq_clock_now_ns() + (uint64_t)timeout_ms * 1000000u;
}

/* Milliseconds until the deadline, rounded up; 0: it has passed. Fit for poll(). */
static inline int stoq_clock_left_ms(uint64_t deadline_ns)
{
	uint64_t now_ns = stoq_clock_now_ns();
	uint64_t left_ms = deadline_ns > now_ns ? (deadline_ns - now_ns + 999999u) / 1000000u : 0;

	return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

static inline void stoq_clock_sleep_ms(unsigned int ms)
{
	struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};

	nanosleep(&pause, NULL);
}

/* 0 when fd is ready for events (of poll()), -ETIMEDOUT at the deadline, or another errno. */
static inline int stoq_clock_poll(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd poller = {.fd = fd, .events = events};
	int ready;

	do {
		ready = poll(&poller, 1, stoq_clock_left_ms(deadline_ns));
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return -errno;
	return ready ? 0 : -ETIMEDOUT;
}
