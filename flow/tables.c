// SPDX-License-Identifier: BSD-2-Clause
#include "flow/tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bpf/stream/stream_shared.h"
#include "ebpf/percpu.h"
#include "nvme/nvme.h"

#define DEFAULT_FLOWS	 4096
#define DEFAULT_COMMANDS 131072
#define DEFAULT_SERIES	 4096
#define DEFAULT_RING	 (1u << 20)
#define EARLY_BYTES_MIN	 (4u << 20)
#define EARLY_BYTES_MAX	 (64u << 20)

uint32_t stoq_tables_cells(uint64_t bytes)
{
	uint32_t cells = 256;

	while ((uint64_t)cells * 2 * STOQ_CELL_BYTES <= bytes)
		cells *= 2;
	return cells;
}

/* For early bytes: a thousandth of the machine's memory, 4 to 64 MiB. */
static uint32_t default_cells(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
	uint64_t bytes =
		pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes / 1000 : 0;

	if (bytes < EARLY_BYTES_MIN)
		bytes = EARLY_BYTES_MIN;
	return stoq_tables_cells(bytes < EARLY_BYTES_MAX ? bytes : EARLY_BYTES_MAX);
}

void stoq_table_sizes_init(struct stoq_table_sizes *sizes)
{
	*sizes = (struct stoq_table_sizes){
		DEFAULT_FLOWS, DEFAULT_COMMANDS, DEFAULT_SERIES, DEFAULT_RING, default_cells()};
}

/* Opcodes that keep a series of their own when the table is full; the rest share one. */
static const struct {
	uint8_t opcode;
	uint8_t kind;
} overflow_series[] = {{0, 0}, {NVME_NVM_READ, NVME_QUEUE_IO}, {NVME_NVM_WRITE, NVME_QUEUE_IO},
	{NVME_NVM_FLUSH, NVME_QUEUE_IO}, {NVME_NVM_WRITE_ZEROES, NVME_QUEUE_IO},
	{NVME_NVM_DATASET_MANAGEMENT, NVME_QUEUE_IO}, {NVME_NVM_COMPARE, NVME_QUEUE_IO}};

#define OVERFLOW_SERIES (sizeof(overflow_series) / sizeof(overflow_series[0]))

int stoq_tables_size(struct bpf_object *object, const struct stoq_table_sizes *sizes)
{
	uint32_t cpus = 0;
	int result = stoq_percpu_possible(&cpus, NULL);
	const uint32_t series = sizes->series + OVERFLOW_SERIES * cpus;
	const struct {
		const char *map;
		uint32_t entries;
	} tables[] = {{"stoq_flows", sizes->flows}, {"stoq_connects", sizes->flows},
		{"stoq_series", series}, {"stoq_statuses", series},
		{"stoq_commands", sizes->commands}, {"stoq_details", sizes->commands},
		{"stoq_cells", sizes->cells}, {"stoq_events", sizes->ring_bytes},
		{"stoq_courses", sizes->commands}, {"stoq_checks", sizes->commands}};

	for (size_t i = 0; !result && i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, tables[i].map);

		/* Courses are kept only where stages are counted, checks where the protocol is checked. */
		if (!map && (strcmp(tables[i].map, "stoq_courses") == 0 ||
				    strcmp(tables[i].map, "stoq_checks") == 0))
			continue;
		result = map ? bpf_map__set_max_entries(map, tables[i].entries) : -ENOENT;
	}
	return result;
}

void stoq_tables_add_bare(uint32_t bare[static STOQ_BARE_MAX], uint32_t ifindex)
{
	for (size_t i = 0; i < STOQ_BARE_MAX; i++) {
		if (bare[i] && bare[i] != ifindex)
			continue;
		bare[i] = ifindex;
		return;
	}
}

uint32_t stoq_tables_reserved(void)
{
	return OVERFLOW_SERIES;
}

struct stoq_series_key stoq_tables_reserved_key(uint32_t i, uint32_t cpu)
{
	return (struct stoq_series_key){
		.uid = STOQ_SERIES_OVERFLOW | cpu,
		.opcode = overflow_series[i].opcode,
		.kind = overflow_series[i].kind,
	};
}

int stoq_tables_reserve(int series_fd)
{
	static const struct stoq_series_staged zero; /* or the front of it */
	uint32_t cpus;
	int result = stoq_percpu_possible(&cpus, NULL);

	if (result)
		return result;
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		for (uint32_t i = 0; i < OVERFLOW_SERIES; i++) {
			struct stoq_series_key key = stoq_tables_reserved_key(i, cpu);

			result = bpf_map_update_elem(series_fd, &key, &zero, BPF_NOEXIST);
			if (result && result != -EEXIST)
				return result;
		}
	}
	return 0;
}
