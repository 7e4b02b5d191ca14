// SPDX-License-Identifier: BSD-2-Clause
#include "watch/tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "capture/table.h"
#include "ebpf/percpu.h"
#include "watch/watch_private.h"

static int fd_of(const struct stoq_watch *watch, enum stoq_watch_table table)
{
	const struct stoq_tables *tables = &watch->tables;
	const int fds[] = {[STOQ_WATCH_FLOWS] = tables->flows,
		[STOQ_WATCH_UNPROVEN] = tables->unproven,
		[STOQ_WATCH_CONNECTS] = tables->connects,
		[STOQ_WATCH_SERIES] = tables->series,
		[STOQ_WATCH_STATUSES] = tables->statuses,
		[STOQ_WATCH_CPUS] = tables->cpus};

	return fds[table];
}

static struct stoq_table *table_of(const struct stoq_watch *watch, enum stoq_watch_table table)
{
	const struct stoq_program_tables *tables = stoq_program_tables(watch->decoder);
	struct stoq_table *const all[] = {[STOQ_WATCH_FLOWS] = tables->flows,
		[STOQ_WATCH_UNPROVEN] = tables->unproven,
		[STOQ_WATCH_CONNECTS] = tables->connects,
		[STOQ_WATCH_SERIES] = tables->series,
		[STOQ_WATCH_STATUSES] = tables->statuses,
		[STOQ_WATCH_CPUS] = tables->cpus};

	return all[table];
}

uint32_t stoq_watch_table_entries(const struct stoq_watch *watch, enum stoq_watch_table table)
{
	struct bpf_map_info info = {0};
	uint32_t length = sizeof(info);

	if (watch->decoder)
		return stoq_table_limit(table_of(watch, table));
	return bpf_obj_get_info_by_fd(fd_of(watch, table), &info, &length) ? 0 : info.max_entries;
}

int stoq_watch_table_lookup(
	const struct stoq_watch *watch, enum stoq_watch_table table, const void *key, void *value)
{
	const void *found;

	if (!watch->decoder)
		return bpf_map_lookup_elem(fd_of(watch, table), key, value);
	found = stoq_table_find(table_of(watch, table), key);
	if (!found)
		return -ENOENT;
	memcpy(value, found, stoq_table_value_bytes(table_of(watch, table)));
	return 0;
}

int stoq_watch_table_remove(
	const struct stoq_watch *watch, enum stoq_watch_table table, const void *key)
{
	if (watch->decoder)
		return stoq_table_remove(table_of(watch, table), key);
	return bpf_map_delete_elem(fd_of(watch, table), key);
}

static int put(void *context, const void *key, const void *value)
{
	return stoq_map_dump_put(context, key, value);
}

int stoq_watch_table_dump_add(
	const struct stoq_watch *watch, enum stoq_watch_table table, struct stoq_map_dump *dump)
{
	if (watch->decoder)
		return stoq_table_each(table_of(watch, table), put, dump);
	return stoq_map_dump_add(dump, fd_of(watch, table));
}

int stoq_watch_table_cpus(const struct stoq_watch *watch, uint32_t *count)
{
	*count = 1;
	return watch->decoder ? 0
			      : stoq_percpu_count(watch->tables.cpus, sizeof(*watch->cpus), count);
}
