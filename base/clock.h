/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What time it is, in ns; for callers of functions that take times as arguments. */
#include <stdint.h>
#include <time.h>

static inline uint64_t stoq_clock_read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Since the machine started: never goes back. */
static inline uint64_t stoq_clock_now_ns(void)
{
	return stoq_clock_read_ns(CLOCK_MONOTONIC);
}

/* Since 1970, as the machine's clock is set. */
static inline uint64_t stoq_clock_unix_ns(void)
{
	return stoq_clock_read_ns(CLOCK_REALTIME);
}
