// SPDX-License-Identifier: BSD-2-Clause
#include "xdp/maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

const char *stoq_xdp_map_name(enum stoq_xdp_map map)
{
	return names[map];
}

void stoq_xdp_maps_clear(struct stoq_xdp_maps *maps)
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

int stoq_xdp_maps_open_settings(struct stoq_xdp_maps *maps, struct stoq_error *error)
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
	stoq_xdp_maps_clear(maps);
	for (int i = 0; i < STOQ_XDP_MAPS; i++) {
		const struct bpf_map *map = bpf_object__find_map_by_name(object, names[i]);
		int fd = map ? bpf_map__fd(map) : -ENOENT;

		/* At tc there are no AF_XDP sockets. */
		if (i == STOQ_XDP_MAP_XSKS && !map)
			continue;
		maps->fd[i] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (maps->fd[i] < 0) {
			int result = fd < 0 ? fd : -errno;

			stoq_xdp_maps_close(maps);
			return stoq_error_set(error, result, "cannot keep the map %s open: %s",
				names[i], strerror(-result));
		}
	}
	return stoq_xdp_maps_open_settings(maps, error);
}

void stoq_xdp_maps_close(struct stoq_xdp_maps *maps)
{
	if (maps->config)
		munmap(maps->config, settings_bytes());
	for (int i = 0; i < STOQ_XDP_MAPS; i++)
		if (maps->fd[i] >= 0)
			close(maps->fd[i]);
	stoq_xdp_maps_clear(maps);
}
