// SPDX-License-Identifier: BSD-2-Clause
#include "guard/limiter_program.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/limit/limit_shared.h"
#include "bpf/stream/stream_shared.h"
#include "ebpf/load_error.h"
#include "flow/tables.h"
#include "guard/compile.h"
#include "guard/map_reuse.h"
#include "stoq_limit.skel.h"

/* Connections that are followed: the least recent makes way, and is found again by its next PDUs. */
#define FLOWS 16384

struct stoq_limiter_program {
	struct stoq_limit_bpf *object;
};

/* The pinned names; NULL: a map that has no use after us, or is the guard's. bpffs has no dots. */
static const char *pin_of(const struct bpf_map *map, char item[static 48])
{
	const char *name = bpf_map__name(map);

	if (strstr(name, ".bss"))
		return "limit-bss";
	if (strchr(name, '.') || strcmp(name, "stoq_limit_guarded") == 0 ||
		strcmp(name, "stoq_limit_names") == 0 || strcmp(name, "stoq_connects") == 0)
		return NULL;
	snprintf(item, 48, "limit-%s", name);
	return item;
}

/* A map of the guard's in place of one that stands for it. */
static int put_guards(struct bpf_map *map, const struct stoq_guard_pins *pins, const char *item,
	struct stoq_error *error)
{
	int fd = stoq_guard_pins_open(pins, item, true, error), result;

	if (fd < 0)
		return fd;
	result = bpf_map__reuse_fd(map, fd);
	close(fd);
	return result ? stoq_error_set(error, result, "cannot use the guard's map %s: %s", item,
				strerror(-result))
		      : 0;
}

static int take_over(
	struct stoq_limit_bpf *object, const struct stoq_guard_pins *pins, struct stoq_error *error)
{
	int result = put_guards(object->maps.stoq_limit_guarded, pins, "stoq_flows", error);
	struct bpf_map *map;
	char item[48];

	if (!result)
		result = put_guards(object->maps.stoq_limit_names, pins, "stoq_guard_names", error);
	if (!result)
		result = put_guards(object->maps.stoq_connects, pins, "stoq_connects", error);
	if (result)
		return result;
	bpf_object__for_each_map(map, object->obj)
	{
		/* The policy is made again, in the form that this program reads. */
		if (bpf_map__type(map) == BPF_MAP_TYPE_ARRAY_OF_MAPS)
			continue;
		result = stoq_guard_map_take_over(map, pins, pin_of(map, item));
		if (result)
			return stoq_error_set(error, result, "cannot use the map %s again: %s",
				bpf_map__name(map), strerror(-result));
	}
	return 0;
}

static int prepare(struct stoq_limit_bpf *object, const struct stoq_guard_pins *pins,
	const struct stoq_guard_bare *bare, bool audit, struct stoq_error *error)
{
	struct stoq_table_sizes sizes;
	int result;

	stoq_table_sizes_init(&sizes);
	object->rodata->stoq_cell_mask = sizes.cells - 1;
	object->rodata->stoq_early_reach = stoq_cells_reach(sizes.cells);
	object->rodata->stoq_limit_audit = audit;
	for (size_t i = 0; i < STOQ_BARE_MAX; i++)
		object->rodata->stoq_bare_interfaces[i] = bare->interfaces[i];
	bpf_map__set_max_entries(object->maps.stoq_cells, sizes.cells);
	bpf_map__set_max_entries(object->maps.stoq_flows, FLOWS);
	result = take_over(object, pins, error);
	if (result)
		return result;
	result = stoq_limit_bpf__load(object);
	return result ? stoq_load_error(error, result, "CONFIG_NET_CLS_BPF") : 0;
}

int stoq_limiter_program_load(struct stoq_limiter_program **program,
	const struct stoq_guard_pins *pins, const struct stoq_guard_bare *bare, bool audit,
	struct stoq_error *error)
{
	struct stoq_limiter_program *loaded = calloc(1, sizeof(*loaded));
	int result;

	if (!loaded)
		return stoq_error_set(error, -ENOMEM, "no memory");
	stoq_libbpf_log_start();
	loaded->object = stoq_limit_bpf__open();
	result = loaded->object ? prepare(loaded->object, pins, bare, audit, error)
				: stoq_load_error(error, -errno, "CONFIG_NET_CLS_BPF");
	if (result) {
		stoq_limiter_program_free(loaded);
		return result;
	}
	*program = loaded;
	return 0;
}

void stoq_limiter_program_free(struct stoq_limiter_program *program)
{
	if (!program)
		return;
	stoq_limit_bpf__destroy(program->object);
	free(program);
}

int stoq_limiter_program_pin(const struct stoq_limiter_program *program,
	const struct stoq_guard_pins *pins, struct stoq_error *error)
{
	const struct bpf_map *map;
	int result = stoq_guard_pins_add(
		pins, "limit-ingress", stoq_limiter_program_fd(program, true), error);
	char item[48];

	if (!result)
		result = stoq_guard_pins_add(
			pins, "limit-egress", stoq_limiter_program_fd(program, false), error);
	bpf_object__for_each_map(map, program->object->obj)
	{
		const char *name = pin_of(map, item);

		if (!result && name)
			result = stoq_guard_pins_add(pins, name, bpf_map__fd(map), error);
	}
	return result;
}

int stoq_limiter_program_fd(const struct stoq_limiter_program *program, bool ingress)
{
	return bpf_program__fd(ingress ? program->object->progs.stoq_limit_ingress
				       : program->object->progs.stoq_limit_egress);
}

uint64_t stoq_limiter_program_build(void)
{
	size_t size;
	const uint8_t *bytes = stoq_limit_bpf__elf_bytes(&size);

	return stoq_guard_hash(bytes, size);
}
