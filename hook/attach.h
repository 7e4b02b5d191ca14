/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Putting a tc program on an interface so that it leaves with its owner, kill -9 included:
 *   - a tcx link where the kernel has it (6.6 and later): gone with its file descriptor;
 *   - else a clsact filter whose program only jumps through a program array, which the kernel
 *     empties when its owner is gone. What is left does nothing, and the next start sweeps it.
 * doc/design/attachment.md has the reasons.
 */
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "hook/link.h"

enum stoq_attach_kind {
	STOQ_ATTACH_NONE = 0,
	STOQ_ATTACH_TCX,
	STOQ_ATTACH_CLSACT,
};

/* One side of one interface. All zero: not attached. */
struct stoq_attachment {
	enum stoq_attach_kind kind;
	char interface[IF_NAMESIZE];
	int ifindex;
	bool ingress;
	int link_fd;	   /* tcx */
	uint32_t handle;   /* clsact filter */
	uint32_t priority; /* clsact filter */
};

struct stoq_attach_programs {
	int program_fd; /* what a tcx link runs */
	int entry_fd;	/* what a clsact filter runs: jumps to the program while it has an owner */
};

/* An interface the programs can read. -ENODEV, -EOPNOTSUPP. */
int stoq_attach_check(
	const char *interface, int *ifindex, enum stoq_link *link, struct stoq_error *error);

/* Attaches to one side. force_clsact: as if the kernel had no tcx. Negative errno on failure. */
int stoq_attach(struct stoq_attachment *attachment, const char *interface, bool ingress,
	const struct stoq_attach_programs *programs, bool force_clsact, struct stoq_error *error);

/* Undoes stoq_attach(), and takes away a clsact qdisc of ours that is not needed any more. */
void stoq_detach(struct stoq_attachment *attachment);

/* Removes filters that owners which are gone left on this interface. Number removed. */
int stoq_attach_sweep(int ifindex);

/* "tcx link", "clsact filter". */
const char *stoq_attach_kind_name(enum stoq_attach_kind kind);
