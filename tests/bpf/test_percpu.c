// SPDX-License-Identifier: BSD-2-Clause

/* Values of per-CPU maps: as many as the kernel hands out, whatever /sys says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ebpf/percpu.h"

static int make(enum bpf_map_type type, uint32_t value_bytes)
{
	int fd = bpf_map_create(type, "test_percpu", sizeof(uint32_t), value_bytes, 1, NULL);

	assert_true(fd >= 0);
	return fd;
}

/* In a process of its own: what one has counted it does not count again. */
static bool counts_right(uint32_t value_bytes)
{
	uint32_t wanted = (uint32_t)libbpf_num_possible_cpus(), count = 0;
	pid_t child = fork();
	int status;

	if (child == 0) {
		int fd = make(BPF_MAP_TYPE_PERCPU_ARRAY, value_bytes);

		_exit(stoq_percpu_count(fd, value_bytes, &count) || count != wanted);
	}
	return waitpid(child, &status, 0) == child && status == 0;
}

static void counts_values_of_any_size(void **state)
{
	static const uint32_t sizes[] = {1, 4, 8, 12, 2296, 8008, 32768};
	uint32_t count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_true(counts_right(sizes[i]));
	assert_int_equal(stoq_percpu_possible(&count, NULL), 0);
	assert_int_equal(count, libbpf_num_possible_cpus());
}

static void refuses_other_maps(void **state)
{
	int plain = make(BPF_MAP_TYPE_ARRAY, 8), other = make(BPF_MAP_TYPE_PERCPU_ARRAY, 16);
	uint64_t sums[1];
	uint32_t count;

	(void)state;
	assert_int_equal(stoq_percpu_count(plain, 8, &count), -EPROTO);
	assert_int_equal(stoq_percpu_count(other, 8, &count), -EPROTO);
	assert_int_equal(stoq_percpu_sum(other, sums, 1), -EPROTO);
	close(plain);
	close(other);
}

static void reads_and_adds_up(void **state)
{
	int fd = make(BPF_MAP_TYPE_PERCPU_ARRAY, 16);
	uint32_t zero = 0, count;
	uint64_t *values, sums[2], wanted[2] = {0};
	void *read;

	(void)state;
	assert_int_equal(stoq_percpu_count(fd, 16, &count), 0);
	values = calloc(count, 16);
	for (uint32_t i = 0; i < 2 * count; i++) {
		values[i] = i * 1000003ull;
		wanted[i % 2] += values[i];
	}
	assert_int_equal(bpf_map_update_elem(fd, &zero, values, BPF_ANY), 0);
	assert_int_equal(stoq_percpu_read(fd, 16, &read, &count), 0);
	assert_memory_equal(read, values, 16 * count);
	assert_int_equal(stoq_percpu_sum(fd, sums, 2), 0);
	assert_memory_equal(sums, wanted, sizeof(sums));
	free(read);
	free(values);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_values_of_any_size),
		cmocka_unit_test(refuses_other_maps),
		cmocka_unit_test(reads_and_adds_up),
	};

	if (geteuid() != 0) {
		puts("needs root, to make BPF maps");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
