/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Closing connections that are older than the guard and whose host is not known. */
#include "flow/sockets.h"
#include "guard/view.h"

/*
 * Closes those of this machine's connections to or from a controller's port that pass one of the
 * guard's interfaces and that it does not know, and those that it stops. *closed: how many. 0, or
 * the first error; the others are tried all the same.
 */
int stoq_guard_reconnect(const struct stoq_guard_view *view,
	const struct stoq_flow_sockets *sockets, const struct stoq_flow_identities *stopped,
	size_t *closed, struct stoq_error *error);
