/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Maps with a value per CPU. The kernel hands out a value for each CPU that it counts as possible,
 * without a word about how many these are (bpf_percpu_array_copy(), kernel/bpf/arraymap.c): a
 * buffer for fewer is overrun. /sys/devices/system/cpu/possible has the number, but a container may
 * have no /sys, or another machine's; so the map itself is asked.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* More than any kernel is built for: CONFIG_NR_CPUS ends at 8192. */
#define STOQ_PERCPU_MAX 16384

/* What one CPU's value takes in a buffer, as the kernel lays them out. */
static inline size_t stoq_percpu_stride(size_t value_bytes)
{
	return (value_bytes + 7) & ~(size_t)7;
}

/*
 * How many values this per-CPU array, whose values have this size, hands out. 0 or a negative
 * errno; -EPROTO: the map is of another kind.
 */
int stoq_percpu_count(int map_fd, size_t value_bytes, uint32_t *count);

/* How many CPUs the kernel counts as possible, by a map made for the purpose. */
int stoq_percpu_possible(uint32_t *count, struct stoq_error *error);

/*
 * The values of entry 0, one per CPU, each of value_bytes rounded up to a multiple of 8.
 * *values is the caller's to free(). 0 or a negative errno, as above or of the map.
 */
int stoq_percpu_read(int map_fd, size_t value_bytes, void **values, uint32_t *count);

/* Adds up entry 0, whose values consist of `words` 64-bit numbers. Errors as above. */
int stoq_percpu_sum(int map_fd, uint64_t *sums, size_t words);
