// SPDX-License-Identifier: BSD-2-Clause
#include "hook/keep.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hook/hook_private.h"
#include "hook/tc_filters.h"
#include "hook/tc_programs.h"

/* Priorities of filters to try: a priority that another kind of filter has cannot be shared. */
#define PRIORITY_FIRST 1
#define PRIORITY_LAST  1000
#define PRIORITIES     64

/* ---- the tcx way ---- */

/* Of union bpf_attr, what makes a tcx link (Linux 6.6): libbpf before 1.3 has no room for `relative`. */
struct tcx_request {
	uint32_t program, ifindex, side, flags;
	uint32_t relative, pad;
	uint64_t revision;
};

/* A link right behind another one. Its descriptor, or a negative errno. */
static int tcx_link_behind(const struct stoq_attachment *attachment, int program_fd, int other)
{
	struct tcx_request request = {.program = (uint32_t)program_fd,
		.ifindex = (uint32_t)attachment->ifindex,
		.side = attachment->ingress ? STOQ_BPF_TCX_INGRESS : STOQ_BPF_TCX_EGRESS,
		.flags = STOQ_BPF_F_AFTER | STOQ_BPF_F_LINK,
		.relative = (uint32_t)other};
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &request, sizeof(request));

	return fd < 0 ? -errno : fd;
}

static int link_tcx(const struct stoq_attachment *attachment, int program_fd,
	enum stoq_keep_place place, const char *ours)
{
	int other = place == STOQ_KEEP_BEHIND_OURS ? bpf_obj_get(ours) : -ENOENT, fd;

	if (other < 0)
		return stoq_tcx_link(attachment, program_fd, place == STOQ_KEEP_FIRST);
	fd = tcx_link_behind(attachment, program_fd, other);
	close(other);
	return fd;
}

static int keep_tcx(struct stoq_attachment *attachment, int program_fd, const char *pin,
	enum stoq_keep_place place, const char *ours, struct stoq_error *error)
{
	int fd = link_tcx(attachment, program_fd, place, ours), result;

	if (fd < 0)
		return fd == -EINVAL ? fd : stoq_tcx_error(attachment, fd, error);
	result = bpf_obj_pin(fd, pin);
	close(fd);
	if (result)
		return stoq_error_set(
			error, result, "cannot keep the link as %s: %s", pin, strerror(-result));
	attachment->kind = STOQ_ATTACH_TCX;
	return 0;
}

/* Where a tcx link is attached; 0: nowhere any more. The headers of older systems lack its fields,
 * which stand where those of a netns link stand. */
static uint32_t tcx_ifindex(int fd, uint32_t *program_id)
{
	struct bpf_link_info info = {0};
	uint32_t length = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return 0;
	*program_id = info.prog_id;
	return info.netns.netns_ino;
}

/* The first program of the interface's tcx list; 0: there is none, or no tcx. */
static uint32_t tcx_first(const struct stoq_attachment *attachment)
{
	uint32_t ids[STOQ_TC_PROGRAMS_MAX] = {0};

	stoq_tcx_list(attachment->ifindex, attachment->ingress, ids);
	return ids[0];
}

/* ---- the clsact way ---- */

static int add_filter(struct stoq_attachment *attachment, int program_fd, uint32_t mark,
	enum stoq_keep_place place)
{
	uint32_t first = place == STOQ_KEEP_FIRST ? PRIORITY_FIRST : PRIORITY_LAST;
	struct bpf_tc_hook hook = stoq_clsact_hook(attachment->ifindex, attachment->ingress);
	int result = -EBUSY;

	for (uint32_t priority = first; priority < first + PRIORITIES; priority++) {
		for (uint32_t i = 0; i < STOQ_HANDLES_KEPT; i++) {
			LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program_fd,
				.handle = STOQ_HANDLE_KEPT + 4 * i + mark, .priority = priority);

			result = bpf_tc_attach(&hook, &options);
			if (result == -EEXIST)
				continue;
			attachment->handle = options.handle;
			attachment->priority = priority;
			break;
		}
		/* The kernel's answer where the priority belongs to another kind of filter. */
		if (result != -EINVAL && result != -EEXIST)
			return result;
	}
	return result;
}

static int keep_clsact(struct stoq_attachment *attachment, int program_fd,
	enum stoq_keep_place place, struct stoq_error *error)
{
	bool marked = false, made = false;
	int result = stoq_clsact_prepare(attachment, &marked, &made, error);

	if (result)
		return result;
	result = add_filter(attachment, program_fd, marked ? 2 : 1, place);
	if (result) {
		if (made)
			stoq_clsact_undo(attachment->ifindex);
		return stoq_clsact_error(attachment, result, error);
	}
	attachment->kind = STOQ_ATTACH_CLSACT;
	return 0;
}

static bool find_filter(
	const struct stoq_attachment *attachment, struct stoq_tc_filter *found, bool *others_first)
{
	struct stoq_tc_filter filters[STOQ_TC_FILTERS_MAX];
	bool is_there = false;
	size_t count;

	*others_first = tcx_first(attachment) != 0;
	if (stoq_tc_filters_list(attachment->ifindex, attachment->ingress, filters, &count))
		return false;
	for (size_t i = 0; i < count && i < STOQ_TC_FILTERS_MAX; i++) {
		if (filters[i].handle == attachment->handle &&
			filters[i].priority == attachment->priority) {
			*found = filters[i];
			is_there = true;
		} else if (filters[i].priority < attachment->priority) {
			*others_first = true;
		}
	}
	return is_there;
}

/* ---- both ---- */

int stoq_attach_keep(struct stoq_attachment *attachment, const char *interface, bool ingress,
	int program_fd, const char *pin, enum stoq_keep_place place, const char *ours,
	bool force_clsact, struct stoq_error *error)
{
	int result = stoq_attachment_init(attachment, interface, ingress, error);

	if (result)
		return result;
	result = force_clsact ? -EINVAL : keep_tcx(attachment, program_fd, pin, place, ours, error);
	return result == -EINVAL ? keep_clsact(attachment, program_fd, place, error) : result;
}

static int swap_tcx(int program_fd, const char *pin)
{
	int fd = bpf_obj_get(pin), result;

	if (fd < 0)
		return fd;
	result = bpf_link_update(fd, program_fd, NULL);
	close(fd);
	return result;
}

int stoq_attach_keep_swap(struct stoq_attachment *attachment, int program_fd, const char *pin,
	struct stoq_error *error)
{
	struct bpf_tc_hook hook = stoq_clsact_hook(attachment->ifindex, attachment->ingress);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program_fd, .handle = attachment->handle,
		.priority = attachment->priority, .flags = BPF_TC_F_REPLACE);
	int result = attachment->kind == STOQ_ATTACH_TCX ? swap_tcx(program_fd, pin)
							 : bpf_tc_attach(&hook, &options);

	if (!result)
		return 0;
	return stoq_error_set(error, result, "cannot replace the program on %s: %s",
		attachment->interface, strerror(-result));
}

/* Somebody may hold the link open: detached, it does nothing. */
static int remove_tcx(const char *pin)
{
	int fd = bpf_obj_get(pin);

	if (fd >= 0) {
		bpf_link_detach(fd);
		close(fd);
	}
	return unlink(pin) && errno != ENOENT ? -errno : 0;
}

int stoq_attach_keep_remove(
	struct stoq_attachment *attachment, const char *pin, struct stoq_error *error)
{
	struct stoq_tc_filter found;
	bool others_first;
	int result = 0;

	if (attachment->kind == STOQ_ATTACH_TCX)
		result = remove_tcx(pin);
	else if (attachment->kind == STOQ_ATTACH_CLSACT &&
		 find_filter(attachment, &found, &others_first)) {
		stoq_clsact_remove(attachment->ifindex, attachment->ingress, attachment->handle,
			attachment->priority);
		result = find_filter(attachment, &found, &others_first) ? -EPERM : 0;
	} else if (attachment->kind == STOQ_ATTACH_CLSACT) {
		/* One who was killed may have come no further than to the filter. */
		stoq_clsact_tidy(attachment->ifindex, attachment->handle);
	}
	if (!result)
		attachment->kind = STOQ_ATTACH_NONE;
	else
		stoq_error_set(error, result, "cannot remove the program from %s: %s%s",
			attachment->interface, strerror(-result),
			result == -EPERM ? "; CAP_NET_ADMIN is missing (run as root)" : "");
	return result;
}

int stoq_attach_keep_remove_unsure(
	struct stoq_attachment *attachment, const char *pin, struct stoq_error *error)
{
	if (attachment->kind == STOQ_ATTACH_NONE)
		attachment->kind = STOQ_ATTACH_TCX;
	return stoq_attach_keep_remove(attachment, pin, error);
}

enum stoq_keep_state stoq_attach_keep_look(
	const struct stoq_attachment *attachment, const char *pin, uint32_t *program_id)
{
	struct stoq_tc_filter filter;
	bool others_first;
	uint32_t ifindex;
	int fd;

	*program_id = 0;
	if (attachment->kind == STOQ_ATTACH_CLSACT) {
		if (!find_filter(attachment, &filter, &others_first))
			return STOQ_KEEP_GONE;
		*program_id = filter.program_id;
		return others_first ? STOQ_KEEP_BEHIND : STOQ_KEEP_ATTACHED;
	}
	fd = bpf_obj_get(pin);
	if (fd < 0)
		return STOQ_KEEP_GONE;
	ifindex = tcx_ifindex(fd, program_id);
	close(fd);
	if (ifindex != (uint32_t)attachment->ifindex)
		return STOQ_KEEP_GONE;
	return tcx_first(attachment) == *program_id ? STOQ_KEEP_ATTACHED : STOQ_KEEP_BEHIND;
}

struct sweep {
	bool (*wanted)(void *context, uint32_t program_id);
	void *context;
	int ifindex;
	int removed;
};

static void sweep_filter(void *context, bool ingress, const struct stoq_tc_filter *filter)
{
	struct sweep *sweep = context;

	if (!stoq_handle_is_kept(filter->handle) ||
		!sweep->wanted(sweep->context, filter->program_id))
		return;
	stoq_clsact_remove(sweep->ifindex, ingress, filter->handle, filter->priority);
	sweep->removed++;
}

int stoq_attach_keep_sweep(
	int ifindex, bool (*wanted)(void *context, uint32_t program_id), void *context)
{
	struct sweep sweep = {.wanted = wanted, .context = context, .ifindex = ifindex};

	stoq_tc_filters_each(ifindex, sweep_filter, &sweep);
	return sweep.removed;
}
