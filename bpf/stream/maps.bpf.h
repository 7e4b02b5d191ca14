/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The tc program's maps and settings. inspect/ sets sizes and settings before loading. */
#include "bpf/stream/stream.bpf.h"

/* Commands at least this slow are reported; ~0: none. */
STOQ_SETTING __u64 stoq_slow_ns = ~0ull;
STOQ_SETTING __u8 stoq_report_errors;
STOQ_SETTING __u8 stoq_report_pdus;
/* What is kept of commands that a plain one does not need; the fast walk leaves all of them alone then. */
STOQ_SETTING __u8 stoq_keep_details = STOQ_KEEP_DETAILS;
/* Number of slots in stoq_commands, less one: a power of two less one. */
STOQ_SETTING __u32 stoq_command_mask = 131071;

/* Number of cells for early bytes, less one: a power of two less one. */
STOQ_SETTING __u32 stoq_cell_mask = STOQ_CELLS_DEFAULT - 1;
/* How far from what is wanted early bytes are kept: one side must not take all cells. */
STOQ_SETTING __u32 stoq_early_reach = STOQ_CELLS_DEFAULT / 4 * STOQ_CELL_BYTES;

__u32 stoq_globals[STOQ_GLOBALS];

/* The others, until both have. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct stoq_flow_key);
	__type(value, struct stoq_flow);
} stoq_unproven SEC(".maps");

/* Connections to NVMe ports that have got no further than their SYNs. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct stoq_flow_key);
	__type(value, struct stoq_newcomer);
} stoq_newcomers SEC(".maps");

/* What a new flow starts from: too large for the stack. Never written. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stoq_flow);
} stoq_new_flow SEC(".maps");

/* Connect data by flow uid. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct nvme_connect_data);
} stoq_connects SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nvme_connect_data);
} stoq_new_connect SEC(".maps");

#if !STOQ_WITHOUT_COMMANDS
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct stoq_slot);
} stoq_commands SEC(".maps");

/* By the same index. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct stoq_detail);
} stoq_details SEC(".maps");
#endif

/* Early bytes (early.bpf.h). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STOQ_CELLS_DEFAULT);
	__type(key, __u32);
	__type(value, struct stoq_early_cell);
} stoq_cells SEC(".maps");

#define STOQ_PIECE_ROOM 8192 /* a power of two, above STOQ_CELL_ROOM and a block */

/* On its way from the packet to a cell: at the same place in a block as in the cell. */
struct stoq_piece {
	__u32 begin; /* sequence number: earlier bytes are left out */
	__u32 mode;  /* enum stoq_early_mode */
	__u32 from;  /* first byte of the cell, ... */
	__u32 to;    /* ... and the one after the last */
	__u8 bytes[STOQ_PIECE_ROOM + STOQ_CELL_BLOCK];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stoq_piece);
} stoq_pieces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stoq_cpu);
} stoq_cpus SEC(".maps");

#if !STOQ_WITHOUT_COMMANDS
#if STOQ_STAGED
#define STOQ_SERIES_VALUE struct stoq_series_staged
#else
#define STOQ_SERIES_VALUE struct stoq_series
#endif

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct stoq_series_key);
	__type(value, STOQ_SERIES_VALUE);
} stoq_series SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, STOQ_SERIES_VALUE);
} stoq_new_series SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct stoq_status_key);
	__type(value, __u64);
} stoq_statuses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} stoq_events SEC(".maps");
#endif
