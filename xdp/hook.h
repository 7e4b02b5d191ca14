/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Attaching a loaded filter to an interface, at XDP or at its tc ingress; gone with its owner. */
#include <stdbool.h>

#include "hook/attach.h"
#include "xdp/mode.h"

struct stoq_xdp_hook {
	enum stoq_xdp_mode mode;
	int link_fd; /* XDP: holds the program, which holds the maps */
	/* tc */
	struct stoq_attachment attachment;
	int alive_fd; /* the program array that a clsact filter jumps through */
};

/*
 * -EBUSY: this interface has a filter of STOQ's already, and error names its process. 0: it has none,
 * or we have no right to see (CAP_SYS_ADMIN).
 */
int stoq_xdp_hook_check_free(const char *interface, struct stoq_error *error);

/* mode: STOQ_XDP_NATIVE or STOQ_XDP_GENERIC. 0 or a negative errno, as of stoq_xdp_filter_open(). */
int stoq_xdp_hook_attach_xdp(struct stoq_xdp_hook *hook, const char *interface, int program_fd,
	enum stoq_xdp_mode mode, struct stoq_error *error);

struct stoq_xdp_tc_programs {
	int filter_fd;
	int entry_fd; /* runs the filter through alive_fd */
	int alive_fd;
};

int stoq_xdp_hook_attach_tc(struct stoq_xdp_hook *hook, const char *interface,
	const struct stoq_xdp_tc_programs *programs, bool force_clsact, struct stoq_error *error);

/* False: the interface is gone, or somebody took the program off it. */
bool stoq_xdp_hook_is_attached(const struct stoq_xdp_hook *hook);

void stoq_xdp_hook_detach(struct stoq_xdp_hook *hook);
