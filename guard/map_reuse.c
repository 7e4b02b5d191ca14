// SPDX-License-Identifier: BSD-2-Clause
#include "guard/map_reuse.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>

bool stoq_guard_map_fits(const struct bpf_map *map, int fd)
{
	struct bpf_map_info info = {0};
	uint32_t length = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map) &&
	       info.map_flags == bpf_map__map_flags(map);
}

int stoq_guard_map_take_over(
	struct bpf_map *map, const struct stoq_guard_pins *pins, const char *item)
{
	int fd = item ? stoq_guard_pins_open(pins, item, true, NULL) : -ENOENT, result = 0;

	if (fd < 0)
		return 0;
	if (stoq_guard_map_fits(map, fd))
		result = bpf_map__reuse_fd(map, fd);
	close(fd);
	return result;
}
