/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Counters that one thread changes and any thread reads: no locked instruction. */
#include <stdint.h>

static inline uint64_t stoq_counter_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static inline void stoq_counter_add(uint64_t *counter, uint64_t amount)
{
	__atomic_store_n(counter, *counter + amount, __ATOMIC_RELAXED);
}

static inline void stoq_counter_subtract(uint64_t *counter, uint64_t amount)
{
	__atomic_store_n(counter, *counter - amount, __ATOMIC_RELAXED);
}
