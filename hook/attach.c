// SPDX-License-Identifier: BSD-2-Clause
#include "hook/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hook/hook_private.h"
#include "hook/tc_filters.h"
#include "hook/tc_programs.h"

/* How often sweeping looks at filters whose owner seems to live, and how long it waits before. */
#define SWEEP_TURNS    2
#define SWEEP_PAUSE_NS (150 * 1000 * 1000)

const char *stoq_attach_kind_name(enum stoq_attach_kind kind)
{
	switch (kind) {
	case STOQ_ATTACH_TCX:
		return "tcx link";
	case STOQ_ATTACH_CLSACT:
		return "clsact filter";
	default:
		return "not attached";
	}
}

int stoq_attach_check(
	const char *interface, int *ifindex, enum stoq_link *link, struct stoq_error *error)
{
	*ifindex = strlen(interface) < IF_NAMESIZE ? (int)if_nametoindex(interface) : 0;
	if (*ifindex == 0)
		return stoq_error_set(error, -ENODEV,
			"there is no interface \"%s\" in this network namespace; `ip link` lists "
			"them",
			interface);
	return stoq_link_of(interface, link, error);
}

/* ---- the clsact way ---- */

static struct bpf_tc_hook make_hook(int ifindex, enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	return hook;
}

struct bpf_tc_hook stoq_clsact_hook(int ifindex, bool ingress)
{
	return make_hook(ifindex, ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS);
}

/* A stoq_entry whose program array is empty has lost its owner. */
static bool is_orphan(uint32_t program_id)
{
	uint32_t key = 0, value;
	int program_fd = bpf_prog_get_fd_by_id(program_id), fd;
	bool orphan;

	if (program_fd < 0)
		return false;
	fd = stoq_tc_entry_array(program_fd);
	close(program_fd);
	if (fd < 0)
		return false;
	orphan = bpf_map_lookup_elem(fd, &key, &value) && errno == ENOENT;
	close(fd);
	return orphan;
}

static bool is_ours(const struct stoq_tc_filter *filter)
{
	return filter->handle == STOQ_HANDLE || filter->handle == STOQ_HANDLE_OWNS_QDISC;
}

/* Whether an interface has a filter of any kind, and one that says we made the qdisc. */
struct look {
	bool any;
	bool owns_qdisc;
};

static void look_at(void *context, bool ingress, const struct stoq_tc_filter *filter)
{
	struct look *look = context;

	(void)ingress;
	look->any = true;
	look->owns_qdisc |= stoq_handle_owns_qdisc(filter->handle) && filter->program_id;
}

static struct look look_at_filters(int ifindex)
{
	struct look look = {0};

	if (stoq_tc_filters_each(ifindex, look_at, &look))
		look.any = true; /* unknown: touch nothing */
	return look;
}

void stoq_clsact_undo(int ifindex)
{
	struct bpf_tc_hook hook = make_hook(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
	libbpf_print_fn_t print = libbpf_set_print(NULL); /* it may be gone already */

	bpf_tc_hook_destroy(&hook);
	libbpf_set_print(print);
}

void stoq_clsact_tidy(int ifindex, uint32_t handle)
{
	if (stoq_handle_owns_qdisc(handle) && !look_at_filters(ifindex).any)
		stoq_clsact_undo(ifindex);
}

void stoq_clsact_remove(int ifindex, bool ingress, uint32_t handle, uint32_t priority)
{
	struct bpf_tc_hook hook = stoq_clsact_hook(ifindex, ingress);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = handle, .priority = priority);

	bpf_tc_detach(&hook, &options);
	stoq_clsact_tidy(ifindex, handle);
}

struct sweep {
	int ifindex;
	int removed; /* orphans */
	int others;  /* filters of ours whose owner seems to live */
};

static void sweep_filter(void *context, bool ingress, const struct stoq_tc_filter *filter)
{
	struct sweep *sweep = context;

	if (!is_ours(filter))
		return;
	if (!is_orphan(filter->program_id)) {
		sweep->others++;
		return;
	}
	stoq_clsact_remove(sweep->ifindex, ingress, filter->handle, filter->priority);
	sweep->removed++;
}

static void find_ours(void *context, bool ingress, const struct stoq_tc_filter *filter)
{
	bool *found = context;

	(void)ingress;
	*found |= is_ours(filter);
}

/*
 * The kernel empties the program array of an owner that died in a worker, moments later, and it
 * leaks a reference to the array if somebody opens and closes that meanwhile
 * (prog_array_map_clear(), kernel/bpf/arraymap.c, takes one for work that is already queued). So
 * wait before looking, and look again at an owner that seems to live.
 */
int stoq_attach_sweep(int ifindex)
{
	static const struct timespec pause = {.tv_nsec = SWEEP_PAUSE_NS};
	struct sweep sweep = {.ifindex = ifindex, .others = 1};
	bool any = false;

	stoq_tc_filters_each(ifindex, find_ours, &any);
	for (int i = 0; any && sweep.others && i < SWEEP_TURNS; i++) {
		nanosleep(&pause, NULL);
		sweep.others = 0;
		stoq_tc_filters_each(ifindex, sweep_filter, &sweep);
	}
	return sweep.removed;
}

int stoq_clsact_prepare(
	struct stoq_attachment *attachment, bool *marked, bool *made, struct stoq_error *error)
{
	struct bpf_tc_hook hook = stoq_clsact_hook(attachment->ifindex, attachment->ingress);
	struct look look = look_at_filters(attachment->ifindex);
	int result = bpf_tc_hook_create(&hook);

	if (result && result != -EEXIST)
		return stoq_error_set(error, result, "cannot add a clsact qdisc to %s: %s%s",
			attachment->interface, strerror(-result),
			result == -ENOENT  ? "; the kernel needs CONFIG_NET_SCH_INGRESS "
					     "(module sch_ingress)"
			: result == -EPERM ? "; CAP_NET_ADMIN is missing (run as root)"
					   : "");
	*marked = result == 0 || look.owns_qdisc;
	*made = *marked && !look.any;
	return 0;
}

int stoq_clsact_error(
	const struct stoq_attachment *attachment, int result, struct stoq_error *error)
{
	return stoq_error_set(error, result, "cannot add a BPF filter to %s: %s%s",
		attachment->interface, strerror(-result),
		result == -ENOENT ? "; the kernel needs CONFIG_NET_CLS_BPF (module cls_bpf)" : "");
}

static int attach_clsact(struct stoq_attachment *attachment, int entry_fd, struct stoq_error *error)
{
	struct bpf_tc_hook hook = stoq_clsact_hook(attachment->ifindex, attachment->ingress);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = entry_fd);
	bool marked = false, made = false;
	int result = stoq_clsact_prepare(attachment, &marked, &made, error);

	if (result)
		return result;
	options.handle = marked ? STOQ_HANDLE_OWNS_QDISC : STOQ_HANDLE;
	result = bpf_tc_attach(&hook, &options);
	if (result) {
		if (made)
			stoq_clsact_undo(attachment->ifindex);
		return stoq_clsact_error(attachment, result, error);
	}
	attachment->kind = STOQ_ATTACH_CLSACT;
	attachment->handle = options.handle;
	attachment->priority = options.priority;
	return 0;
}

/* ---- the tcx way ---- */

int stoq_tcx_link(const struct stoq_attachment *attachment, int program_fd, bool first)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = first ? STOQ_BPF_F_BEFORE : 0);

	return bpf_link_create(program_fd, attachment->ifindex,
		(enum bpf_attach_type)(
			attachment->ingress ? STOQ_BPF_TCX_INGRESS : STOQ_BPF_TCX_EGRESS),
		&options);
}

int stoq_tcx_error(const struct stoq_attachment *attachment, int result, struct stoq_error *error)
{
	return stoq_error_set(error, result, "cannot attach to %s by tcx link: %s%s",
		attachment->interface, strerror(-result),
		result == -EPERM ? "; CAP_NET_ADMIN is missing (run as root)" : "");
}

int stoq_attachment_init(struct stoq_attachment *attachment, const char *interface, bool ingress,
	struct stoq_error *error)
{
	*attachment = (struct stoq_attachment){.ingress = ingress, .link_fd = -1};
	snprintf(attachment->interface, sizeof(attachment->interface), "%s", interface);
	attachment->ifindex = (int)if_nametoindex(interface);
	if (!attachment->ifindex)
		return stoq_error_set(error, -ENODEV, "interface %s is gone", interface);
	return 0;
}

int stoq_attach(struct stoq_attachment *attachment, const char *interface, bool ingress,
	const struct stoq_attach_programs *programs, bool force_clsact, struct stoq_error *error)
{
	int result = stoq_attachment_init(attachment, interface, ingress, error), fd;

	if (result)
		return result;
	if (force_clsact)
		return attach_clsact(attachment, programs->entry_fd, error);
	fd = stoq_tcx_link(attachment, programs->program_fd, false);
	if (fd == -EINVAL)
		return attach_clsact(attachment, programs->entry_fd, error);
	if (fd < 0)
		return stoq_tcx_error(attachment, fd, error);
	attachment->kind = STOQ_ATTACH_TCX;
	attachment->link_fd = fd;
	return 0;
}

void stoq_detach(struct stoq_attachment *attachment)
{
	if (attachment->kind == STOQ_ATTACH_TCX) {
		close(attachment->link_fd);
	} else if (attachment->kind == STOQ_ATTACH_CLSACT) {
		stoq_clsact_remove(attachment->ifindex, attachment->ingress, attachment->handle,
			attachment->priority);
	}
	attachment->kind = STOQ_ATTACH_NONE;
}
