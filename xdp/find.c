// SPDX-License-Identifier: BSD-2-Clause
/* The filter that runs on an interface, found by the kernel's numbers. */
#include "xdp/find.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hook/tc_programs.h"
#include "xdp/maps.h"

#define MAP_IDS_MAX 64

/* Keeps the map with this number open if it is one of ours. 0 or a negative errno. */
static int take_map(struct stoq_xdp_maps *maps, uint32_t id)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	int fd = bpf_map_get_fd_by_id(id);

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
		for (int i = 0; i < STOQ_XDP_MAPS; i++)
			if (strcmp(info.name, stoq_xdp_map_name(i)) == 0 && maps->fd[i] < 0) {
				maps->fd[i] = fd;
				return 0;
			}
	close(fd);
	return 0;
}

/* All but XSKS, which a filter at tc has not. */
static bool has_all(const struct stoq_xdp_maps *maps)
{
	for (int i = 0; i < STOQ_XDP_MAPS; i++)
		if (maps->fd[i] < 0 && i != STOQ_XDP_MAP_XSKS)
			return false;
	return true;
}

/* What is known of a program; its maps are taken if its name is `wanted`. */
struct candidate {
	const char *wanted;
	char name[BPF_OBJ_NAME_LEN + 1];
};

/* -ENOENT: this program is not ours, or its layout is not. */
static int take_maps(struct stoq_xdp_maps *maps, int program_fd, struct candidate *candidate)
{
	uint32_t ids[MAP_IDS_MAX], length = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {
		.map_ids = (uintptr_t)ids,
		.nr_map_ids = MAP_IDS_MAX,
	};
	int result = bpf_obj_get_info_by_fd(program_fd, &info, &length);

	if (result)
		return result;
	snprintf(candidate->name, sizeof(candidate->name), "%.*s", BPF_OBJ_NAME_LEN, info.name);
	if (strcmp(candidate->name, candidate->wanted) != 0)
		return -ENOENT;
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAP_IDS_MAX; i++) {
		result = take_map(maps, ids[i]);
		if (result)
			return result;
	}
	return has_all(maps) ? 0 : -ENOENT;
}

/* The maps of the program with this number, if it is ours. 0, -ENOENT, or another negative errno. */
static int take_program(struct stoq_xdp_maps *maps, uint32_t id, struct candidate *candidate)
{
	int fd = bpf_prog_get_fd_by_id(id), result;

	if (fd < 0)
		return fd;
	result = take_maps(maps, fd, candidate);
	close(fd);
	if (result)
		stoq_xdp_maps_close(maps);
	else
		maps->program_id = id;
	return result;
}

static int find_failed(struct stoq_error *error, int code, const char *interface)
{
	return stoq_error_set(error, code, "cannot look at the programs on %s: %s%s", interface,
		strerror(-code),
		code == -EPERM ? "; the kernel shows BPF objects of others to CAP_SYS_ADMIN only "
				 "(run as root)"
			       : "");
}

static int find_at_xdp(struct stoq_xdp_maps *maps, const char *interface, struct stoq_error *error)
{
	struct candidate candidate = {.wanted = STOQ_XDP_PROGRAM, .name = "?"};
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int result = bpf_xdp_query((int)if_nametoindex(interface), 0, &query);
	uint32_t id = query.drv_prog_id	  ? query.drv_prog_id
		      : query.skb_prog_id ? query.skb_prog_id
					  : query.prog_id;

	if (result)
		return find_failed(error, result, interface);
	if (!id)
		return stoq_error_set(error, -ENOENT, "no filter is on %s", interface);
	result = take_program(maps, id, &candidate);
	if (result == -ENOENT)
		return stoq_error_set(error, result,
			"the XDP program on %s, %s (number %u), is not STOQ's", interface,
			candidate.name, id);
	if (result)
		return find_failed(error, result, interface);
	maps->mode = query.drv_prog_id ? STOQ_XDP_NATIVE : STOQ_XDP_GENERIC;
	return 0;
}

/* 0, -ENOENT: there is none of ours, or -EPERM. */
static int find_at_tc(struct stoq_xdp_maps *maps, const char *interface)
{
	struct candidate candidate = {.wanted = STOQ_XDP_TC_PROGRAM};
	uint32_t ids[STOQ_TC_PROGRAMS_MAX];
	int count = stoq_tc_programs_list((int)if_nametoindex(interface), true, ids);

	for (int i = 0; i < count; i++) {
		int result = take_program(maps, ids[i], &candidate);

		if (result == -EPERM)
			return result;
		if (result)
			continue;
		maps->mode = STOQ_XDP_TC;
		return 0;
	}
	return count < 0 ? count : -ENOENT;
}

/* The settings of what was found, which must be of this version. */
static int open_found(struct stoq_xdp_maps *maps, const char *interface, struct stoq_error *error)
{
	int result = stoq_xdp_maps_open_settings(maps, error);

	if (result)
		return result;
	if (maps->config->layout == STOQ_XDP_LAYOUT)
		return 0;
	result = stoq_error_set(error, -EPROTO,
		"the filter on %s belongs to another version of STOQ (process %u)", interface,
		maps->config->owner);
	stoq_xdp_maps_close(maps);
	return result;
}

int stoq_xdp_maps_find(struct stoq_xdp_maps *maps, const char *interface, struct stoq_error *error)
{
	int result;

	stoq_xdp_maps_clear(maps);
	if (!if_nametoindex(interface))
		return stoq_error_set(error, -ENODEV, "there is no interface %s", interface);
	result = find_at_tc(maps, interface);
	if (result == -EPERM)
		return find_failed(error, result, interface);
	if (result)
		result = find_at_xdp(maps, interface, error);
	return result ? result : open_found(maps, interface, error);
}

int stoq_xdp_maps_find_rival(
	struct stoq_xdp_maps *maps, const char *interface, struct stoq_error *error)
{
	stoq_xdp_maps_clear(maps);
	if (find_at_xdp(maps, interface, error) == 0)
		return open_found(maps, interface, error);
	return stoq_xdp_maps_find(maps, interface, error);
}
