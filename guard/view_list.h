/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The connections that a guard follows, and whose they are. */
#include "flow/identities.h"
#include "guard/view.h"

/*
 * Adds the open ones: those that it has followed strictly from their beginning to `whole`, the
 * others to `part`. Those whose host it does not know have no names. 0 or a negative errno.
 */
int stoq_guard_view_list(const struct stoq_guard_view *view, struct stoq_flow_identities *whole,
	struct stoq_flow_identities *part);
