// SPDX-License-Identifier: BSD-2-Clause
#include "ebpf/percpu.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Whether all that the kernel hands out fits into `bytes`: they end at a page that cannot be
 * written, where the kernel's copy ends with -EFAULT.
 */
static int fits(int map_fd, size_t bytes, bool *fit)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (bytes + page - 1) / page * page;
	uint8_t *memory = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int result = memory == MAP_FAILED || mprotect(memory + room, page, PROT_NONE) ? -errno : 0;
	uint32_t zero = 0;

	if (!result)
		result = bpf_map_lookup_elem(map_fd, &zero, memory + room - bytes);
	if (memory != MAP_FAILED)
		munmap(memory, room + page);
	*fit = !result;
	return result == -EFAULT ? 0 : result;
}

/* The smallest number of values that fit, from 1 to STOQ_PERCPU_MAX. */
static int search(int map_fd, size_t stride, uint32_t *count)
{
	uint32_t low = 0, high = 1; /* low: too few */
	bool fit = false;
	int result = fits(map_fd, high * stride, &fit);

	while (!result && !fit && high < STOQ_PERCPU_MAX) {
		low = high;
		high *= 2;
		result = fits(map_fd, high * stride, &fit);
	}
	if (!result && !fit)
		result = -E2BIG;
	while (!result && high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		result = fits(map_fd, middle * stride, &fit);
		if (fit)
			high = middle;
		else
			low = middle;
	}
	*count = high;
	return result;
}

static int check_kind(int map_fd, size_t value_bytes)
{
	struct bpf_map_info info = {0};
	uint32_t length = sizeof(info);
	int result = bpf_obj_get_info_by_fd(map_fd, &info, &length);

	if (result)
		return result;
	return info.type == BPF_MAP_TYPE_PERCPU_ARRAY && info.value_size == value_bytes ? 0
											: -EPROTO;
}

int stoq_percpu_count(int map_fd, size_t value_bytes, uint32_t *count)
{
	static _Atomic uint32_t known; /* cpu_possible_mask is fixed once the kernel has booted */
	int result = check_kind(map_fd, value_bytes);

	*count = known;
	if (result || *count)
		return result;
	result = search(map_fd, stoq_percpu_stride(value_bytes), count);
	if (!result)
		known = *count;
	return result;
}

int stoq_percpu_possible(uint32_t *count, struct stoq_error *error)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "stoq_count_cpus", sizeof(uint32_t),
		    sizeof(uint64_t), 1, NULL),
	    result = fd < 0 ? fd : stoq_percpu_count(fd, sizeof(uint64_t), count);

	if (fd >= 0)
		close(fd);
	if (!result)
		return 0;
	return stoq_error_set(error, result,
		"cannot count the CPUs for which the kernel keeps counters: %s", strerror(-result));
}

int stoq_percpu_read(int map_fd, size_t value_bytes, void **values, uint32_t *count)
{
	uint32_t zero = 0;
	int result = stoq_percpu_count(map_fd, value_bytes, count);

	if (result)
		return result;
	*values = calloc(*count, stoq_percpu_stride(value_bytes));
	if (!*values)
		return -ENOMEM;
	result = bpf_map_lookup_elem(map_fd, &zero, *values);
	if (result) {
		free(*values);
		*values = NULL;
	}
	return result;
}

int stoq_percpu_sum(int map_fd, uint64_t *sums, size_t words)
{
	uint32_t count;
	void *values;
	int result = stoq_percpu_read(map_fd, words * sizeof(*sums), &values, &count);

	if (result)
		return result;
	memset(sums, 0, words * sizeof(*sums));
	for (size_t i = 0; i < count * words; i++)
		sums[i % words] += ((const uint64_t *)values)[i];
	free(values);
	return 0;
}
