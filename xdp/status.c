// SPDX-License-Identifier: BSD-2-Clause
#include "xdp/status.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ebpf/map_dump.h"
#include "ebpf/percpu.h"

/* They consist of 64-bit counters only. */
static void add_stats(struct stoq_xdp_stats *sum, const struct stoq_xdp_stats *cpu)
{
	const uint64_t *from = (const uint64_t *)cpu;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

/* The counters of each possible CPU, in memory to be freed. */
static int read_cpus(
	const struct stoq_xdp_maps *maps, struct stoq_xdp_stats **cpus, unsigned int *count)
{
	void *values = NULL;
	int result = stoq_percpu_read(maps->fd[STOQ_XDP_MAP_STATS], sizeof(**cpus), &values, count);

	*cpus = values;
	return result;
}

int stoq_xdp_stats_sum(const struct stoq_xdp_maps *maps, struct stoq_xdp_stats *sum)
{
	struct stoq_xdp_stats *cpus;
	unsigned int count;
	int result = read_cpus(maps, &cpus, &count);

	if (result)
		return result;
	memset(sum, 0, sizeof(*sum));
	for (unsigned int i = 0; i < count; i++)
		add_stats(sum, &cpus[i]);
	free(cpus);
	return 0;
}

static void count_connections(struct stoq_xdp_status *status, const struct stoq_map_dump *dump)
{
	for (size_t i = 0; i < dump->count; i++) {
		const struct stoq_xdp_connection *connection = stoq_map_dump_value(dump, i);
		uint8_t state = connection->state;

		if (connection->alias ||
			connection->last_ns + status->config.idle_timeout_ns < status->time_ns)
			continue;
		if (state == STOQ_XDP_CLOSING &&
			connection->last_ns + status->config.closing_timeout_ns < status->time_ns)
			state = STOQ_XDP_CLOSED;
		if (state < STOQ_XDP_STATES)
			status->connections[state]++;
	}
}

static void count_opening(struct stoq_xdp_status *status, const struct stoq_map_dump *dump)
{
	for (size_t i = 0; i < dump->count; i++) {
		const uint64_t *opened_ns = stoq_map_dump_value(dump, i);

		if (*opened_ns + status->config.handshake_timeout_ns >= status->time_ns)
			status->opening++;
	}
}

/* Reads a table whole and has it counted. */
static int count_table(struct stoq_xdp_status *status, int fd, size_t key_bytes, size_t value_bytes,
	size_t max_entries,
	void (*count)(struct stoq_xdp_status *status, const struct stoq_map_dump *dump))
{
	struct stoq_map_dump dump;
	int result = stoq_map_dump_init(&dump, key_bytes, value_bytes, max_entries);

	if (result)
		return result;
	result = stoq_map_dump_read(&dump, fd);
	if (result == 0)
		count(status, &dump);
	stoq_map_dump_free(&dump);
	return result;
}

static int read_all(struct stoq_xdp_status *status, const struct stoq_xdp_maps *maps)
{
	int result = read_cpus(maps, &status->cpus, &status->cpu_count);

	if (result)
		return result;
	for (unsigned int i = 0; i < status->cpu_count; i++)
		add_stats(&status->sum, &status->cpus[i]);
	result = count_table(status, maps->fd[STOQ_XDP_MAP_CONNS], sizeof(uint64_t),
		sizeof(struct stoq_xdp_connection), STOQ_XDP_CONNECTIONS, count_connections);
	if (result)
		return result;
	return count_table(status, maps->fd[STOQ_XDP_MAP_OPENS], sizeof(struct stoq_xdp_tuple),
		sizeof(uint64_t), STOQ_XDP_OPENS, count_opening);
}

int stoq_xdp_status_read(
	struct stoq_xdp_status *status, const struct stoq_xdp_maps *maps, struct stoq_error *error)
{
	int result;

	*status = (struct stoq_xdp_status){
		.time_ns = stoq_clock_now_ns(),
		.config = *maps->config,
	};
	result = read_all(status, maps);
	if (!result)
		return 0;
	stoq_xdp_status_free(status);
	return stoq_error_set(error, result, "cannot read the XDP filter's counters: %s%s",
		strerror(-result), result == -EPERM ? "; CAP_BPF is missing (run as root)" : "");
}

void stoq_xdp_status_free(struct stoq_xdp_status *status)
{
	free(status->cpus);
	*status = (struct stoq_xdp_status){0};
}
