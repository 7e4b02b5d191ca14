/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Whose the connections are that are older than a guard: everybody who can know is asked. */
#include "tool/guard_options.h"

struct guard_found {
	struct stoq_guard_sockets sockets; /* all TCP connections of this machine */
	struct stoq_guard_identities identities;
};

/* Asks SPDK, the kernel's host, and its target. Free it after a 0. */
int guard_identify(
	struct guard_found *found, const struct guard_options *options, struct stoq_error *error);
void guard_found_free(struct guard_found *found);
