/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The tables that every program following streams has, watch's and guard's alike: how large they
 * are, and what must be in them before the first packet. */
#include <bpf/libbpf.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/stream/program_shared.h"
#include "bpf/stream/series_shared.h"

/* Their descriptors. */
struct stoq_tables {
	int flows, unproven, connects, series, statuses, commands, details, cpus, bss;
};
#define STOQ_TABLES 9

struct stoq_table_sizes {
	uint32_t flows;
	uint32_t commands; /* a power of two, at least STOQ_COMMANDS_MIN */
	uint32_t series;
	uint32_t ring_bytes;
	uint32_t cells; /* for early bytes: a power of two */
};

/* The defaults. */
void stoq_table_sizes_init(struct stoq_table_sizes *sizes);

/* How many cells keep so much payload: a power of two. */
uint32_t stoq_tables_cells(uint64_t bytes);

/* Before loading. 0 or a negative errno. */
int stoq_tables_size(struct bpf_object *object, const struct stoq_table_sizes *sizes);

/*
 * Before loading: one more interface whose packets begin with the IP header, in an array for the
 * program's stoq_bare_interfaces. There is room for as many as a program is attached to.
 */
void stoq_tables_add_bare(uint32_t bare[static STOQ_BARE_MAX], uint32_t ifindex);

/* Series in which counting goes on when the table is full: how many of them a CPU has, and their keys. */
uint32_t stoq_tables_reserved(void);
struct stoq_series_key stoq_tables_reserved_key(uint32_t i, uint32_t cpu);

/* After loading: series in which counting goes on when the table is full. */
int stoq_tables_reserve(int series_fd);
