/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The program's tables, wherever they are: in the kernel, or in this process if it reads a capture. */
#include "ebpf/map_dump.h"

struct stoq_watch;

enum stoq_watch_table {
	STOQ_WATCH_FLOWS,
	STOQ_WATCH_UNPROVEN,
	STOQ_WATCH_CONNECTS,
	STOQ_WATCH_SERIES,
	STOQ_WATCH_STATUSES,
	STOQ_WATCH_CPUS,
};

/* 0: not known. */
uint32_t stoq_watch_table_entries(const struct stoq_watch *watch, enum stoq_watch_table table);

/* 0 or a negative errno. */
int stoq_watch_table_lookup(
	const struct stoq_watch *watch, enum stoq_watch_table table, const void *key, void *value);
int stoq_watch_table_remove(
	const struct stoq_watch *watch, enum stoq_watch_table table, const void *key);

/* As stoq_map_dump_add(). */
int stoq_watch_table_dump_add(
	const struct stoq_watch *watch, enum stoq_watch_table table, struct stoq_map_dump *dump);

/* The values of table CPUS: the caller's room for them is watch->cpus. */
int stoq_watch_table_cpus(const struct stoq_watch *watch, uint32_t *count);
