/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What attach.c (leaves with its owner) and attach_keep.c (stays) share. */
#include <bpf/libbpf.h>

#include "hook/attach.h"

/* enum bpf_attach_type of Linux 6.6; the headers of older systems lack them. */
#define STOQ_BPF_TCX_INGRESS 46
#define STOQ_BPF_TCX_EGRESS  47
#define STOQ_BPF_F_BEFORE    (1u << 3)
#define STOQ_BPF_F_AFTER     (1u << 4)
#define STOQ_BPF_F_LINK	     (1u << 13)

/*
 * Handles of our clsact filters ("st" and a marker). In the lowest two bits, 2 says that one of us
 * had made the qdisc: removing the last filter with it removes the qdisc, too.
 */
#define STOQ_HANDLE	       0x73740001
#define STOQ_HANDLE_OWNS_QDISC 0x73740002
#define STOQ_HANDLE_KEPT       0x73741000 /* + 4 * a free number, + 1 or 2 */
#define STOQ_HANDLES_KEPT      64

static inline bool stoq_handle_owns_qdisc(uint32_t handle)
{
	return (handle & 0xffff0003u) == STOQ_HANDLE_OWNS_QDISC;
}

static inline bool stoq_handle_is_kept(uint32_t handle)
{
	return (handle & 0xffff0000u) == (STOQ_HANDLE_KEPT & 0xffff0000u) &&
	       handle >= STOQ_HANDLE_KEPT;
}

struct bpf_tc_hook stoq_clsact_hook(int ifindex, bool ingress);

/*
 * Makes the qdisc if it is missing. *marked: a filter must say that it is ours. *made: it was not
 * there; stoq_clsact_undo() if no filter follows.
 */
int stoq_clsact_prepare(
	struct stoq_attachment *attachment, bool *marked, bool *made, struct stoq_error *error);
void stoq_clsact_undo(int ifindex);

/* Removes the qdisc if the handle of a filter that is gone says that it is ours, and it has no other. */
void stoq_clsact_tidy(int ifindex, uint32_t handle);

/* Removes a filter, and the qdisc if the handle says so and it has no other. */
void stoq_clsact_remove(int ifindex, bool ingress, uint32_t handle, uint32_t priority);

/* Says why a filter could not be added. */
int stoq_clsact_error(
	const struct stoq_attachment *attachment, int result, struct stoq_error *error);

/* Link to the start of tcx' list if first, else to its end. Its descriptor, or a negative errno:
 * -EINVAL where the kernel has no tcx. */
int stoq_tcx_link(const struct stoq_attachment *attachment, int program_fd, bool first);
int stoq_tcx_error(const struct stoq_attachment *attachment, int result, struct stoq_error *error);

/* Name, number and side; nothing is attached yet. -ENODEV. */
int stoq_attachment_init(struct stoq_attachment *attachment, const char *interface, bool ingress,
	struct stoq_error *error);
