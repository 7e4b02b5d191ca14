// SPDX-License-Identifier: BSD-2-Clause
#include "hook/tc_programs.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "hook/hook_private.h"
#include "hook/tc_filters.h"

#define STOQ_ENTRY_NAME "stoq_entry"

int stoq_tc_entry_array(int program_fd)
{
	uint32_t ids[16] = {0}, length = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {.nr_map_ids = 16, .map_ids = (uintptr_t)ids};

	if (bpf_obj_get_info_by_fd(program_fd, &info, &length) ||
		strcmp(info.name, STOQ_ENTRY_NAME) != 0)
		return -1;
	for (uint32_t i = 0; i < info.nr_map_ids && i < 16; i++) {
		struct bpf_map_info map = {0};
		uint32_t map_length = sizeof(map);
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd < 0)
			continue;
		if (bpf_obj_get_info_by_fd(fd, &map, &map_length))
			map.type = BPF_MAP_TYPE_UNSPEC;
		if (map.type == BPF_MAP_TYPE_PROG_ARRAY)
			return fd;
		close(fd);
	}
	return -1;
}

/* What a filter's program jumps to, if it is a stoq_entry; else the program itself. */
static uint32_t behind_entry(uint32_t id)
{
	int program_fd = bpf_prog_get_fd_by_id(id), fd;
	uint32_t key = 0, target;

	if (program_fd < 0)
		return id;
	fd = stoq_tc_entry_array(program_fd);
	close(program_fd);
	if (fd < 0)
		return id;
	if (bpf_map_lookup_elem(fd, &key, &target) == 0)
		id = target;
	close(fd);
	return id;
}

int stoq_tcx_list(int ifindex, bool ingress, uint32_t ids[static STOQ_TC_PROGRAMS_MAX])
{
	enum bpf_attach_type type =
		(enum bpf_attach_type)(ingress ? STOQ_BPF_TCX_INGRESS : STOQ_BPF_TCX_EGRESS);
	uint32_t count = STOQ_TC_PROGRAMS_MAX, flags = 0;
	int listed = 0;

	/* More than there is room for is -ENOSPC, with the first ones stored. */
	memset(ids, 0, STOQ_TC_PROGRAMS_MAX * sizeof(ids[0]));
	if (bpf_prog_query(ifindex, type, 0, &flags, ids, &count) == -EPERM)
		return -EPERM;
	while (listed < STOQ_TC_PROGRAMS_MAX && ids[listed])
		listed++;
	return listed;
}

int stoq_tc_programs_list(int ifindex, bool ingress, uint32_t ids[static STOQ_TC_PROGRAMS_MAX])
{
	struct stoq_tc_filter filters[STOQ_TC_FILTERS_MAX];
	int listed = stoq_tcx_list(ifindex, ingress, ids);
	size_t count = 0;

	if (listed < 0 || stoq_tc_filters_list(ifindex, ingress, filters, &count))
		return listed;
	for (size_t i = 0; i < count && i < STOQ_TC_FILTERS_MAX; i++)
		if (filters[i].program_id && listed < STOQ_TC_PROGRAMS_MAX)
			ids[listed++] = behind_entry(filters[i].program_id);
	return listed;
}
