/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Who is connected already: asks SPDK, and the kernel's host and target. For guard and watch. */
#include "flow/controllers.h"
#include "flow/identities.h"
#include "flow/sockets.h"

#define TOOL_SPDK_SOCKETS_MAX 16 /* of those that a user names, and of those that are guessed */

struct tool_identify {
	const char *const *sockets; /* of SPDK, that the user names: they have to answer */
	size_t socket_count;
	struct stoq_flow_ports ports; /* of the kernel's target */
};

struct tool_identified {
	struct stoq_flow_sockets sockets;
	struct stoq_error sockets_error; /* code 0: the list of sockets is whole */
	struct stoq_flow_identities identities;
	/* SPDK's sockets that did not answer: they are not asked once more. */
	char silent[TOOL_SPDK_SOCKETS_MAX][108];
	size_t silent_count;
};

/*
 * Sockets that are only guessed at (those of `stoq target`, SPDK's default) need not answer; what
 * does not answer in time is said. before: what was found when the same was asked before, or NULL.
 * Free it after a 0. A negative errno: a socket that the user names fails, or -ENOMEM.
 */
int tool_identify(struct tool_identified *found, const struct tool_identify *asked,
	const struct tool_identified *before, struct stoq_error *error);
void tool_identified_free(struct tool_identified *found);
