/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A guard's life: on, replaced, reloaded, off. Nothing of ours runs meanwhile: the kernel keeps
 * what has a name in bpffs. doc/design/guard-life.md has the order of steps and why.
 */
#include "flow/identities.h"
#include "guard/install.h"
#include "guard/manifest.h"

struct stoq_guard_config {
	const char *name;
	const char *const *interfaces;
	size_t interface_count;
	struct stoq_guard_program_config program;
	bool force_clsact;	  /* do not use a tcx link, even where the kernel has it */
	bool audit;		  /* decide, count and log; change and drop nothing */
	bool replace;		  /* take the place of the program of a guard that is on */
	uint64_t max_connections; /* 0: as it is, or STOQ_GUARD_CONNECTIONS_DEFAULT */
	const char *version;
	const struct stoq_flow_identities *identities; /* connections older than the guard */
};

/*
 * Puts the policy in force on the interfaces. What a failed one made is removed; a guard that was
 * on stays as it was. *cleaned: what an interrupted `on` had left was removed first.
 * -EEXIST: a guard of this name is on, or another one is on an interface.
 */
int stoq_guard_on(const struct stoq_guard_config *config, const struct stoq_guard_source *source,
	bool *cleaned, struct stoq_error *error);

/* Puts another policy in force. -ENOENT: no such guard is on. */
int stoq_guard_reload(
	const char *name, const struct stoq_guard_source *source, struct stoq_error *error);

/*
 * Tells a guard that is on of connections that were made while it was being turned on. Its policy
 * stays, also if it is another one by now. 0 or a negative errno.
 */
int stoq_guard_notify(
	const char *name, const struct stoq_flow_identities *identities, struct stoq_error *error);

/* Removes all of it, half made or whole. -ENOENT: there is none. */
int stoq_guard_off(const char *name, struct stoq_error *error);
