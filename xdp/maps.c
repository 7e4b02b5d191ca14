// SPDX-License-Identifier: BSD-2-Clause
#include "xdp/maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAP_IDS_MAX 64

static const char *const names[STOQ_XDP_MAPS] = {
	[STOQ_XDP_MAP_CONFIG] = "stoq_xdp_config",
	[STOQ_XDP_MAP_ALLOW] = "stoq_xdp_allow",
	[STOQ_XDP_MAP_DENY] = "stoq_xdp_deny",
	[STOQ_XDP_MAP_SOURCE] = "stoq_xdp_source",
	[STOQ_XDP_MAP_BUCKET] = "stoq_xdp_bucket",
	[STOQ_XDP_MAP_OPENS] = "stoq_xdp_opens",
	[STOQ_XDP_MAP_CONNS] = "stoq_xdp_conns",
	[STOQ_XDP_MAP_STATS] = "stoq_xdp_stats",
	[STOQ_XDP_MAP_XSKS] = "stoq_xdp_xsks",
};

static void clear(struct stoq_xdp_maps *maps)
{
	*maps = (struct stoq_xdp_maps){0};
	for (int i = 0; i < STOQ_XDP_MAPS; i++)
		maps->fd[i] = -1;
}

static size_t settings_bytes(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (sizeof(struct stoq_xdp_settings) + page - 1) / page * page;
}

static int map_settings(struct stoq_xdp_maps *maps, struct stoq_error *error)
{
	struct stoq_xdp_settings *settings = mmap(NULL, settings_bytes(), PROT_READ | PROT_WRITE,
		MAP_SHARED, maps->fd[STOQ_XDP_MAP_CONFIG], 0);
	int result;

	if (settings != MAP_FAILED) {
		maps->config = &settings->config;
		maps->ports = settings->ports;
		return 0;
	}
	result = -errno;
	stoq_xdp_maps_close(maps);
	return stoq_error_set(
		error, result, "cannot map the XDP program's settings: %s", strerror(-result));
}

int stoq_xdp_maps_take(
	struct stoq_xdp_maps *maps, const struct bpf_object *object, struct stoq_error *error)
{
	clear(maps);
	for (int i = 0; i < STOQ_XDP_MAPS; i++) {
		int fd = bpf_object__find_map_fd_by_name(object, names[i]);

		maps->fd[i] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (maps->fd[i] < 0) {
			int result = fd < 0 ? fd : -errno;

			stoq_xdp_maps_close(maps);
			return stoq_error_set(error, result, "cannot keep the map %s open: %s",
				names[i], strerror(-result));
		}
	}
	return map_settings(maps, error);
}

void stoq_xdp_maps_close(struct stoq_xdp_maps *maps)
{
	if (maps->config)
		munmap(maps->config, settings_bytes());
	for (int i = 0; i < STOQ_XDP_MAPS; i++)
		if (maps->fd[i] >= 0)
			close(maps->fd[i]);
	clear(maps);
}

/* ---- by number ---- */

/* Keeps the map with this number open if it is one of ours. 0 or a negative errno. */
static int take_by_id(struct stoq_xdp_maps *maps, uint32_t id)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	int fd = bpf_map_get_fd_by_id(id);

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
		for (int i = 0; i < STOQ_XDP_MAPS; i++)
			if (strcmp(info.name, names[i]) == 0 && maps->fd[i] < 0) {
				maps->fd[i] = fd;
				return 0;
			}
	close(fd);
	return 0;
}

/* -ENOENT: this program is not ours, or its layout is not. */
static int take_from_program(struct stoq_xdp_maps *maps, int program_fd, char *name, size_t size)
{
	uint32_t ids[MAP_IDS_MAX], length = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {
		.map_ids = (uintptr_t)ids,
		.nr_map_ids = MAP_IDS_MAX,
	};
	int result = bpf_obj_get_info_by_fd(program_fd, &info, &length);

	if (result)
		return result;
	snprintf(name, size, "%.*s", BPF_OBJ_NAME_LEN, info.name);
	if (strcmp(name, STOQ_XDP_PROGRAM) != 0)
		return -ENOENT;
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAP_IDS_MAX; i++) {
		result = take_by_id(maps, ids[i]);
		if (result)
			return result;
	}
	for (int i = 0; i < STOQ_XDP_MAPS; i++)
		if (maps->fd[i] < 0)
			return -ENOENT;
	return 0;
}

static int find_failed(struct stoq_error *error, int code, const char *interface)
{
	return stoq_error_set(error, code, "cannot look at the XDP program on %s: %s%s", interface,
		strerror(-code),
		code == -EPERM ? "; the kernel shows BPF objects of others to CAP_SYS_ADMIN only "
				 "(run as root)"
			       : "");
}

/* What runs on an interface: its number, 0 for nothing, and whether the driver runs it. */
static int query_program(
	const char *interface, uint32_t *id, bool *native, struct stoq_error *error)
{
	unsigned int ifindex = if_nametoindex(interface);
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int result;

	if (!ifindex)
		return stoq_error_set(error, -ENODEV, "there is no interface %s", interface);
	result = bpf_xdp_query((int)ifindex, 0, &query);
	if (result)
		return find_failed(error, result, interface);
	*native = query.drv_prog_id != 0;
	*id = *native ? query.drv_prog_id : query.skb_prog_id ? query.skb_prog_id : query.prog_id;
	return 0;
}

int stoq_xdp_maps_find(struct stoq_xdp_maps *maps, const char *interface, struct stoq_error *error)
{
	char name[BPF_OBJ_NAME_LEN + 1] = "?";
	int fd, result;
	bool native = false;
	uint32_t id = 0;

	clear(maps);
	result = query_program(interface, &id, &native, error);
	if (result)
		return result;
	if (!id)
		return stoq_error_set(error, -ENOENT, "no XDP program is on %s", interface);
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return find_failed(error, fd, interface);
	result = take_from_program(maps, fd, name, sizeof(name));
	close(fd);
	if (result) {
		stoq_xdp_maps_close(maps);
		return result == -ENOENT
			       ? stoq_error_set(error, result,
					 "the XDP program on %s, %s (number %u), is not STOQ's",
					 interface, name, id)
			       : find_failed(error, result, interface);
	}
	result = map_settings(maps, error);
	if (result)
		return result;
	maps->program_id = id;
	maps->native = native;
	if (maps->config->layout == STOQ_XDP_LAYOUT)
		return 0;
	result = stoq_error_set(error, -EPROTO,
		"the XDP filter on %s belongs to another version of STOQ (process %u)", interface,
		maps->config->owner);
	stoq_xdp_maps_close(maps);
	return result;
}
