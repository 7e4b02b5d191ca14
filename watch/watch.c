// SPDX-License-Identifier: BSD-2-Clause
#include "watch/watch.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/privileges.h"
#include "ebpf/load_error.h"
#include "flow/identity.h"
#include "flow/tables.h"
#include "stoq_watch.skel.h"
#include "stoq_watch_checked.skel.h"
#include "stoq_watch_checked_staged.skel.h"
#include "stoq_watch_staged.skel.h"
#include "watch/events.h"
#include "watch/grouping.h"
#include "watch/overlaps.h"
#include "watch/settings.h"
#include "watch/update.h"
#include "watch/watch_private.h"
#include "watch/writes.h"

void stoq_watch_config_init(struct stoq_watch_config *config)
{
	*config = (struct stoq_watch_config){.axis = STOQ_BY_OPCODE, .slow_ns = UINT64_MAX};
}

static int check_config(const struct stoq_watch_config *config, struct stoq_error *error)
{
	int result = stoq_watch_check_limits(config, error);

	if (result)
		return result;
	if (config->interface_count == 0)
		return stoq_error_set(error, -EINVAL, "no interface was given");
	if (config->interface_count > STOQ_INTERFACES_MAX)
		return stoq_error_set(error, -EINVAL,
			"at most %d interfaces can be watched at once, not %zu: name fewer",
			STOQ_INTERFACES_MAX, config->interface_count);
	return 0;
}

static int configure(struct stoq_watch *watch, const struct stoq_watch_config *config)
{
	struct stoq_watch_bpf *program = watch->program;
	struct stoq_table_sizes sizes;

	stoq_watch_sizes(config, &sizes);
	watch->command_count = sizes.commands;
	program->rodata->stoq_slow_ns = stoq_watch_reports_from(config);
	program->rodata->stoq_report_errors = config->report_errors;
	program->rodata->stoq_report_pdus = config->report_pdus;
	program->rodata->stoq_command_mask = sizes.commands - 1;
	program->rodata->stoq_cell_mask = sizes.cells - 1;
	program->rodata->stoq_early_reach = stoq_cells_reach(sizes.cells);
	for (size_t i = 0; i < STOQ_BARE_MAX; i++)
		program->rodata->stoq_bare_interfaces[i] = watch->bare[i];
	program->rodata->stoq_keep_details =
		(stoq_watch_keeps_details(config) ? STOQ_KEEP_DETAILS : 0) |
		(config->sizes ? STOQ_KEEP_SIZES : 0);
	program->rodata->stoq_wanted_ends = watch->filter->ends;
	program->rodata->stoq_wanted_commands = watch->filter->commands;
	return stoq_tables_size(program->obj, &sizes);
}

static void *map_array(int fd, size_t bytes, struct stoq_error *error)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory != MAP_FAILED)
		return memory;
	stoq_error_set(error, -errno, "cannot map a table of the program (%zu bytes): %s", bytes,
		strerror(errno));
	return NULL;
}

static int map_commands(struct stoq_watch *watch, struct stoq_error *error)
{
	watch->commands = map_array(
		watch->tables.commands, watch->command_count * sizeof(*watch->commands), error);
	if (!watch->commands)
		return error->code;
	watch->details = map_array(
		watch->tables.details, watch->command_count * sizeof(*watch->details), error);
	return watch->details ? 0 : error->code;
}

/* The staged program has one map more that is read. */
static int map_tcps(struct stoq_watch *watch, struct stoq_error *error)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(watch->program->obj, "stoq_tcps");

	if (!map)
		return 0;
	watch->tcps = map_array(bpf_map__fd(map), STOQ_TCPS * sizeof(*watch->tcps), error);
	return watch->tcps ? 0 : error->code;
}

/* The object of the program that has what is asked for, and its size; NULL: the skeleton's own. */
static const void *choose_object(const struct stoq_watch_config *config, size_t *size)
{
	if (config->check)
		return config->stages ? stoq_watch_checked_staged_bpf__elf_bytes(size)
				      : stoq_watch_checked_bpf__elf_bytes(size);
	return config->stages ? stoq_watch_staged_bpf__elf_bytes(size) : NULL;
}

/*
 * The programs that count stages or check the protocol have the maps and variables of the plain one, so that one kind of
 * skeleton is enough for all. NULL: errno has the reason.
 */
static struct stoq_watch_bpf *open_program(const struct stoq_watch_config *config)
{
	struct stoq_watch_bpf *program = calloc(1, sizeof(*program));
	int result = program ? stoq_watch_bpf__create_skeleton(program) : -ENOMEM;
	const void *object;
	size_t size = 0;

	object = choose_object(config, &size);
	if (!result && object) {
		program->skeleton->data = (void *)object;
		program->skeleton->data_sz = size;
	}
	if (!result)
		result = bpf_object__open_skeleton(program->skeleton, NULL);
	if (!result)
		return program;
	stoq_watch_bpf__destroy(program);
	errno = -result;
	return NULL;
}

static int load_program(
	struct stoq_watch *watch, const struct stoq_watch_config *config, struct stoq_error *error)
{
	uint32_t zero = 0;
	int result, program_fd;

	stoq_libbpf_log_start();
	watch->program = open_program(config);
	if (!watch->program)
		return stoq_load_error(error, -errno, "CONFIG_NET_CLS_BPF");
	result = configure(watch, config);
	if (!result)
		result = stoq_watch_bpf__load(watch->program);
	if (result)
		return stoq_load_error(error, result, "CONFIG_NET_CLS_BPF");
	program_fd = bpf_program__fd(watch->program->progs.stoq_watch);
	result = bpf_map_update_elem(
		bpf_map__fd(watch->program->maps.stoq_alive), &zero, &program_fd, BPF_ANY);
	if (!result)
		result = stoq_tables_reserve(bpf_map__fd(watch->program->maps.stoq_series));
	if (result)
		return stoq_error_set(
			error, result, "cannot prepare the program's maps: %s", strerror(-result));
	watch->ring = ring_buffer__new(
		bpf_map__fd(watch->program->maps.stoq_events), stoq_watch_on_event, watch, NULL);
	if (!watch->ring)
		return stoq_error_set(
			error, -errno, "cannot open the event ring: %s", strerror(errno));
	watch->tables = (struct stoq_tables){
		.flows = bpf_map__fd(watch->program->maps.stoq_flows),
		.unproven = bpf_map__fd(watch->program->maps.stoq_unproven),
		.connects = bpf_map__fd(watch->program->maps.stoq_connects),
		.series = bpf_map__fd(watch->program->maps.stoq_series),
		.statuses = bpf_map__fd(watch->program->maps.stoq_statuses),
		.commands = bpf_map__fd(watch->program->maps.stoq_commands),
		.details = bpf_map__fd(watch->program->maps.stoq_details),
		.cpus = bpf_map__fd(watch->program->maps.stoq_cpus),
		.bss = -1,
	};
	watch->kernel = watch->program->bss->stoq_globals;
	result = map_commands(watch, error);
	return result ? result : map_tcps(watch, error);
}

/* The number of entries, or 0: not a table of the kind that this program has. */
static uint32_t table_entries(int fd, size_t value_bytes)
{
	struct bpf_map_info info = {0};
	uint32_t length = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &length) || info.value_size != value_bytes)
		return 0;
	return info.max_entries;
}

static int open_shared(
	struct stoq_watch *watch, const struct stoq_watch_config *config, struct stoq_error *error)
{
	const struct stoq_tables *tables = config->shared;
	int result;

	watch->command_count = table_entries(tables->commands, sizeof(struct stoq_slot));
	if (!watch->command_count || !table_entries(tables->flows, sizeof(struct stoq_flow)) ||
		!table_entries(tables->series, sizeof(struct stoq_series)) ||
		!table_entries(tables->cpus, sizeof(struct stoq_cpu)) ||
		!table_entries(tables->bss, STOQ_GLOBALS * sizeof(*watch->kernel)))
		return stoq_error_set(error, -EPROTO,
			"the program of %s is of another version of stoq", config->shared_name);
	watch->shared = true;
	watch->tables = *tables;
	result = map_commands(watch, error);
	if (result)
		return result;
	watch->bss = map_array(tables->bss, STOQ_GLOBALS * sizeof(*watch->kernel), error);
	watch->kernel = watch->bss;
	return watch->bss ? 0 : error->code;
}

static int attach_interface(struct stoq_watch *watch, const char *interface, int ifindex,
	enum stoq_link link, const struct stoq_watch_config *config, struct stoq_error *error)
{
	struct stoq_attach_programs programs = {
		.program_fd = bpf_program__fd(watch->program->progs.stoq_watch),
		.entry_fd = bpf_program__fd(watch->program->progs.stoq_entry),
	};
	int result;

	stoq_attach_sweep(ifindex);
	/* On loopback every packet passes egress, then ingress: once is enough. */
	for (int ingress = 0; ingress <= (link == STOQ_LINK_LOOPBACK ? 0 : 1); ingress++) {
		result = stoq_attach(&watch->attachments[watch->attachment_count], interface,
			ingress, &programs, config->force_clsact, error);
		if (result)
			return result;
		watch->attachment_count++;
	}
	return 0;
}

/* By number: an interface may have several names. */
static bool is_listed(const struct stoq_watch *watch, int ifindex)
{
	for (size_t i = 0; i < watch->interface_count; i++)
		if (watch->ifindexes[i] == (unsigned int)ifindex)
			return true;
	return false;
}

static int add_interface(struct stoq_watch *watch, const char *interface,
	const struct stoq_watch_config *config, struct stoq_error *error)
{
	enum stoq_link link;
	int ifindex, result = stoq_attach_check(interface, &ifindex, &link, error);

	if (result || is_listed(watch, ifindex))
		return result;
	if (!watch->shared)
		result = attach_interface(watch, interface, ifindex, link, config, error);
	if (result)
		return result;
	snprintf(watch->interfaces[watch->interface_count], IF_NAMESIZE, "%s", interface);
	watch->ifindexes[watch->interface_count++] = (unsigned int)ifindex;
	return 0;
}

int stoq_watch_open(struct stoq_watch **result_out, const struct stoq_watch_config *config,
	struct stoq_error *error)
{
	struct stoq_watch *watch;
	int result = check_config(config, error);

	*result_out = NULL;
	if (result)
		return result;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return stoq_error_set(error, -ENOMEM, "no memory");
	watch->model.axis = config->axis;
	watch->model.staged = config->stages && !config->shared;
	watch->model.sized = config->sizes && !config->shared;
	stoq_watch_ask(watch, config);
	stoq_identity_clear(&watch->nobody);
	/* A wrong name should cost no program load, and no misleading message about it. */
	for (size_t i = 0; !result && i < config->interface_count; i++) {
		enum stoq_link link;
		int ifindex;

		result = stoq_attach_check(config->interfaces[i], &ifindex, &link, error);
		if (!result && link == STOQ_LINK_BARE)
			stoq_tables_add_bare(watch->bare, (uint32_t)ifindex);
	}
	if (!result)
		result = config->shared ? open_shared(watch, config, error)
					: load_program(watch, config, error);
	if (!result) {
		result = stoq_update_init(watch);
		if (!result)
			result = stoq_writes_open(watch);
		if (result)
			stoq_error_set(error, result,
				"cannot prepare to read the program's "
				"counters: %s",
				strerror(-result));
	}
	watch->start_ns = watch->last_ns = stoq_clock_now_ns();
	for (size_t i = 0; !result && i < config->interface_count; i++)
		result = add_interface(watch, config->interfaces[i], config, error);
	if (!result && watch->shared)
		result = stoq_update_base(watch, error);
	if (result) {
		watch->shared = false; /* the descriptors are still the caller's */
		stoq_watch_close(watch);
		return result;
	}
	watch->model.interfaces = watch->interfaces;
	watch->model.gone = watch->gone;
	watch->model.interface_count = watch->interface_count;
	snprintf(watch->attachment, sizeof(watch->attachment), "%s",
		watch->shared ? config->shared_name
			      : stoq_attach_kind_name(watch->attachments[0].kind));
	watch->model.attachment = watch->attachment;
	*result_out = watch;
	return 0;
}

static void close_tables(const struct stoq_tables *tables)
{
	const int fds[STOQ_TABLES] = {tables->flows, tables->unproven, tables->connects,
		tables->series, tables->statuses, tables->commands, tables->details, tables->cpus,
		tables->bss};

	for (size_t i = 0; i < STOQ_TABLES; i++)
		close(fds[i]);
}

void stoq_watch_close(struct stoq_watch *watch)
{
	if (!watch)
		return;
	if (watch->bss)
		munmap(watch->bss, STOQ_GLOBALS * sizeof(*watch->kernel));
	if (watch->shared)
		close_tables(&watch->tables);
	for (size_t i = 0; i < watch->attachment_count; i++)
		stoq_detach(&watch->attachments[i]);
	if (watch->commands && !watch->decoder)
		munmap(watch->commands, watch->command_count * sizeof(*watch->commands));
	if (watch->details && !watch->decoder)
		munmap(watch->details, watch->command_count * sizeof(*watch->details));
	if (watch->tcps && !watch->decoder)
		munmap(watch->tcps, STOQ_TCPS * sizeof(*watch->tcps));
	ring_buffer__free(watch->ring);
	stoq_flow_identities_free(&watch->known);
	stoq_update_free(watch);
	stoq_overlaps_free(watch->overlaps);
	stoq_watch_bpf__destroy(watch->program);
	stoq_program_close(watch->decoder);
	free(watch);
}

/* Removing a clsact filter needs CAP_NET_ADMIN. */
int stoq_watch_drop_privileges(struct stoq_watch *watch, struct stoq_error *error)
{
	bool clsact = false;

	for (size_t i = 0; i < watch->attachment_count; i++)
		clsact |= watch->attachments[i].kind == STOQ_ATTACH_CLSACT;
	return stoq_drop_privileges(STOQ_KEEP_BPF | (clsact ? STOQ_KEEP_NET_ADMIN : 0), error);
}

void stoq_watch_set_identities(struct stoq_watch *watch, struct stoq_flow_identities *identities)
{
	stoq_flow_identities_free(&watch->known);
	watch->known = *identities;
	*identities = (struct stoq_flow_identities){0};
}

void stoq_watch_use_totals(struct stoq_watch *watch, struct stoq_totals *totals)
{
	watch->totals = totals;
}

int stoq_watch_update(
	struct stoq_watch *watch, const struct stoq_model **model, struct stoq_error *error)
{
	int result = stoq_update_read(watch, error);

	if (!result)
		*model = &watch->model;
	return result;
}

int stoq_watch_set_axis(struct stoq_watch *watch, enum stoq_axis axis)
{
	watch->model.axis = axis;
	return stoq_grouping_update(watch);
}

int stoq_watch_set_whole(struct stoq_watch *watch, bool whole)
{
	watch->model.whole = whole;
	return stoq_grouping_update(watch);
}

int stoq_watch_event_fd(const struct stoq_watch *watch)
{
	return ring_buffer__epoll_fd(watch->ring);
}

int stoq_watch_dispatch(struct stoq_watch *watch, const struct stoq_event_handlers *handlers)
{
	int result;

	watch->handlers =
		handlers; /* what happens to connections is found in tables of others, too */
	if (!watch->ring)
		return 0;
	watch->delivered = 0;
	result = ring_buffer__consume(watch->ring);
	return result < 0 && result != -EAGAIN ? result : watch->delivered;
}
