// SPDX-License-Identifier: BSD-2-Clause
#include "guard/program.h"
#include "bpf/stream/stream_shared.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ebpf/load_error.h"
#include "flow/tables.h"
#include "guard/by_host.h"
#include "guard/compile.h"
#include "guard/map_reuse.h"
#include "stoq_guard.skel.h"

/* The pinned names; bpffs has no dots, so .bss needs another one. */
#define PROGRAM_PIN "program"
#define BSS_PIN	    "bss"

struct stoq_guard_program {
	struct stoq_guard_bpf *object;
};

/* NULL: a map without a pin. */
static const char *pin_of(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);

	if (strstr(name, ".bss"))
		return BSS_PIN;
	return strchr(name, '.') ? NULL : name;
}

/* Policies are made again for each program, in the form that it reads. */
static bool holds_policies(const struct bpf_map *map)
{
	return bpf_map__type(map) == BPF_MAP_TYPE_ARRAY_OF_MAPS;
}

/* The room counts the flows: without them it begins again. */
static bool is_left(const struct bpf_map *map, enum stoq_guard_reuse reuse, bool flows_fit)
{
	return holds_policies(map) ||
	       (reuse == STOQ_GUARD_REUSE_ALL_BUT_TOTALS &&
		       (strcmp(bpf_map__name(map), "stoq_guard_totals") == 0 ||
			       strcmp(bpf_map__name(map), "stoq_guard_by_hosts") == 0)) ||
	       (!flows_fit && strcmp(bpf_map__name(map), "stoq_guard_room") == 0);
}

static int take_over(struct bpf_map *map, const struct stoq_guard_pins *pins,
	enum stoq_guard_reuse reuse, bool flows_fit)
{
	return stoq_guard_map_take_over(
		map, pins, is_left(map, reuse, flows_fit) ? NULL : pin_of(map));
}

static int configure(struct stoq_guard_bpf *object, const struct stoq_guard_program_config *config,
	const struct stoq_guard_bare *bare, bool audit)
{
	struct stoq_table_sizes sizes;
	int result;

	stoq_table_sizes_init(&sizes);
	object->rodata->stoq_command_mask = sizes.commands - 1;
	object->rodata->stoq_cell_mask = sizes.cells - 1;
	object->rodata->stoq_early_reach = stoq_cells_reach(sizes.cells);
	for (size_t i = 0; i < STOQ_BARE_MAX; i++)
		object->rodata->stoq_bare_interfaces[i] = bare->interfaces[i];
	/* They are for events of commands, which a guard has none of. */
	object->rodata->stoq_keep_details = 0;
	object->rodata->stoq_guard_strict = (uint8_t)config->strictness;
	object->rodata->stoq_guard_audit = audit;
	for (size_t i = 0; i < STOQ_GUARD_PORTS_MAX; i++)
		object->rodata->stoq_guard_ports[i] = config->ports[i];
	result = stoq_tables_size(object->obj, &sizes);
	/* How many of them may be used is a number in stoq_guard_room. */
	return result ? result
		      : bpf_map__set_max_entries(
				object->maps.stoq_flows, STOQ_GUARD_CONNECTIONS_MAX);
}

static int take_over_all(struct stoq_guard_bpf *object, const struct stoq_guard_pins *pins,
	enum stoq_guard_reuse reuse)
{
	int fd = stoq_guard_pins_open(pins, "stoq_flows", true, NULL), result = 0;
	bool flows_fit = fd >= 0 && stoq_guard_map_fits(object->maps.stoq_flows, fd);
	struct bpf_map *map;

	if (fd >= 0)
		close(fd);
	bpf_object__for_each_map(map, object->obj)
	{
		result = take_over(map, pins, reuse, flows_fit);
		if (result)
			break;
	}
	return result;
}

static int prepare(struct stoq_guard_bpf *object, const struct stoq_guard_program_config *config,
	const struct stoq_guard_bare *bare, bool audit, const struct stoq_guard_pins *pins,
	enum stoq_guard_reuse reuse, struct stoq_error *error)
{
	int result = configure(object, config, bare, audit);

	if (!result && reuse)
		result = take_over_all(object, pins, reuse);
	if (!result)
		result = stoq_guard_bpf__load(object);
	if (result)
		return stoq_load_error(error, result, "CONFIG_NET_CLS_BPF");
	result = stoq_tables_reserve(bpf_map__fd(object->maps.stoq_series));
	if (!result)
		result = stoq_guard_by_hosts_prepare(bpf_map__fd(object->maps.stoq_guard_by_hosts));
	if (result)
		stoq_error_set(
			error, result, "cannot prepare the program's maps: %s", strerror(-result));
	return result;
}

int stoq_guard_program_load(struct stoq_guard_program **program,
	const struct stoq_guard_program_config *config, const struct stoq_guard_bare *bare,
	bool audit, const struct stoq_guard_pins *pins, enum stoq_guard_reuse reuse,
	struct stoq_error *error)
{
	struct stoq_guard_program *loaded = calloc(1, sizeof(*loaded));
	int result;

	if (!loaded)
		return stoq_error_set(error, -ENOMEM, "no memory");
	stoq_libbpf_log_start();
	loaded->object = stoq_guard_bpf__open();
	result = loaded->object ? prepare(loaded->object, config, bare, audit, pins, reuse, error)
				: stoq_load_error(error, -errno, "CONFIG_NET_CLS_BPF");
	if (result) {
		stoq_guard_program_free(loaded);
		return result;
	}
	*program = loaded;
	return 0;
}

void stoq_guard_program_free(struct stoq_guard_program *program)
{
	if (!program)
		return;
	stoq_guard_bpf__destroy(program->object);
	free(program);
}

int stoq_guard_program_pin(const struct stoq_guard_program *program,
	const struct stoq_guard_pins *pins, struct stoq_error *error)
{
	const struct bpf_map *map;
	int result = stoq_guard_pins_add(pins, PROGRAM_PIN, stoq_guard_program_fd(program), error);

	bpf_object__for_each_map(map, program->object->obj) if (!result && pin_of(map)) result =
		stoq_guard_pins_add(pins, pin_of(map), bpf_map__fd(map), error);
	return result;
}

uint64_t stoq_guard_program_build(void)
{
	size_t size;
	const uint8_t *bytes = stoq_guard_bpf__elf_bytes(&size);

	return stoq_guard_hash(bytes, size);
}

int stoq_guard_program_fd(const struct stoq_guard_program *program)
{
	return bpf_program__fd(program->object->progs.stoq_guard);
}
