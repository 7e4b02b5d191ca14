// SPDX-License-Identifier: BSD-2-Clause
#include "xdp/hook.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "hook/tc_filters.h"
#include "xdp/find.h"
#include "xdp/maps.h"

/* ---- what is there already ---- */

static int name_owner(
	const char *interface, const struct stoq_xdp_maps *maps, struct stoq_error *error)
{
	return stoq_error_set(error, -EBUSY,
		"%s has a filter already (%s): that of another STOQ transport, process %u. An "
		"interface takes one; end that transport, or do without a filter",
		interface, stoq_xdp_mode_text(maps->mode), maps->config->owner);
}

int stoq_xdp_hook_check_free(const char *interface, struct stoq_error *error)
{
	struct stoq_xdp_maps maps;

	/* What a dead owner left at tc does nothing any more. */
	stoq_attach_sweep((int)if_nametoindex(interface));
	if (stoq_xdp_maps_find(&maps, interface, NULL))
		return 0;
	name_owner(interface, &maps, error);
	stoq_xdp_maps_close(&maps);
	return -EBUSY;
}

/* Which XDP program is attached already, as far as our rights let us see. */
static int busy_error(const char *interface, struct stoq_error *error)
{
	struct stoq_xdp_maps maps;
	struct stoq_error reason;

	if (stoq_xdp_maps_find(&maps, interface, &reason))
		return stoq_error_set(error, -EBUSY,
			"%s has an XDP program already: %.400s. An interface takes one; `bpftool "
			"net` lists them",
			interface, reason.text);
	name_owner(interface, &maps, error);
	stoq_xdp_maps_close(&maps);
	return -EBUSY;
}

/* ---- XDP ---- */

/* What can be done about a driver that does not take the program. */
static const char *advice(int code)
{
	switch (code) {
	case -EPERM:
		return "; CAP_NET_ADMIN is missing (run as root)";
	case -EOPNOTSUPP:
		return "; the driver has no native XDP, or none beside these offloads (ethtool -K: "
		       "lro and rx-gro-hw off). AF_XDP needs it; the filter alone can be at tc";
	case -EINVAL:
	case -ERANGE:
	case -ENOSPC:
		return "; the driver does not take XDP with this MTU, these queues or these "
		       "offloads (try a smaller MTU, other queues: ethtool -L, LRO off: ethtool "
		       "-K)";
	}
	return "";
}

int stoq_xdp_hook_attach_xdp(struct stoq_xdp_hook *hook, const char *interface, int program_fd,
	enum stoq_xdp_mode mode, struct stoq_error *error)
{
	LIBBPF_OPTS(bpf_link_create_opts, options,
		.flags = mode == STOQ_XDP_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	int fd = bpf_link_create(program_fd, (int)if_nametoindex(interface), BPF_XDP, &options);

	if (fd == -EBUSY || fd == -EEXIST)
		return busy_error(interface, error);
	if (fd < 0)
		return stoq_error_set(error, fd, "cannot attach the filter to %s (%s): %s%s",
			interface, stoq_xdp_mode_text(mode), strerror(-fd), advice(fd));
	*hook = (struct stoq_xdp_hook){.mode = mode, .link_fd = fd, .alive_fd = -1};
	return 0;
}

/* ---- tc ---- */

/* The array is kept open for as long as we live: it is emptied when its last user is gone. */
static int fill_alive(struct stoq_xdp_hook *hook, const struct stoq_xdp_tc_programs *programs)
{
	uint32_t key = 0;
	int result;

	hook->alive_fd = fcntl(programs->alive_fd, F_DUPFD_CLOEXEC, 0);
	if (hook->alive_fd < 0)
		return -errno;
	result = bpf_map_update_elem(hook->alive_fd, &key, &programs->filter_fd, BPF_ANY);
	if (result)
		close(hook->alive_fd);
	return result;
}

/*
 * Two transports may have looked at once, and both found nothing. The first one in the list stays, and a program
 * at XDP before all of them.
 */
static int check_first(const char *interface, int program_fd, struct stoq_error *error)
{
	struct bpf_prog_info info = {0};
	struct stoq_xdp_maps maps;
	uint32_t size = sizeof(info), first;

	if (bpf_obj_get_info_by_fd(program_fd, &info, &size) ||
		stoq_xdp_maps_find_rival(&maps, interface, NULL))
		return 0;
	first = maps.program_id;
	if (first != info.id)
		name_owner(interface, &maps, error);
	stoq_xdp_maps_close(&maps);
	return first == info.id ? 0 : -EBUSY;
}

int stoq_xdp_hook_attach_tc(struct stoq_xdp_hook *hook, const char *interface,
	const struct stoq_xdp_tc_programs *programs, bool force_clsact, struct stoq_error *error)
{
	const struct stoq_attach_programs attached = {
		.program_fd = programs->filter_fd, .entry_fd = programs->entry_fd};
	int result;

	*hook = (struct stoq_xdp_hook){.mode = STOQ_XDP_TC, .link_fd = -1};
	result = fill_alive(hook, programs);
	if (result)
		return stoq_error_set(error, result, "cannot make the filter ready for %s: %s",
			interface, strerror(-result));
	result = stoq_attach(&hook->attachment, interface, true, &attached, force_clsact, error);
	if (result) {
		close(hook->alive_fd);
		return result;
	}
	result = check_first(interface, programs->filter_fd, error);
	if (result)
		stoq_xdp_hook_detach(hook);
	return result;
}

static bool has_filter(const struct stoq_attachment *attachment)
{
	struct stoq_tc_filter filters[STOQ_TC_FILTERS_MAX];
	size_t count;

	if (stoq_tc_filters_list(attachment->ifindex, true, filters, &count))
		return false;
	for (size_t i = 0; i < count && i < STOQ_TC_FILTERS_MAX; i++)
		if (filters[i].handle == attachment->handle &&
			filters[i].priority == attachment->priority)
			return true;
	return false;
}

/* ---- both ---- */

/* XDP's and tcx' links have the interface's number in the same place (struct bpf_link_info). */
static bool has_interface(int link_fd)
{
	struct bpf_link_info info = {0};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(link_fd, &info, &size) == 0 && info.xdp.ifindex != 0;
}

bool stoq_xdp_hook_is_attached(const struct stoq_xdp_hook *hook)
{
	if (hook->mode != STOQ_XDP_TC)
		return has_interface(hook->link_fd);
	return hook->attachment.kind == STOQ_ATTACH_TCX ? has_interface(hook->attachment.link_fd)
							: has_filter(&hook->attachment);
}

void stoq_xdp_hook_detach(struct stoq_xdp_hook *hook)
{
	/* Closing the link detaches: it has no other reference. */
	if (hook->mode != STOQ_XDP_TC) {
		close(hook->link_fd);
		return;
	}
	stoq_detach(&hook->attachment);
	close(hook->alive_fd);
}
