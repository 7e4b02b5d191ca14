/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What is written down about a guard while it exists, in a map of its folder: it is there as long
 * as the guard is, and no longer. Each step is written before it is taken, so that whatever becomes
 * of us, the next `on` or `off` knows what is ours.
 */
#include "guard/pins.h"
#include "guard/program.h"
#include "hook/attach.h"

#define STOQ_GUARD_INTERFACES_MAX 32
#define STOQ_GUARD_SIDES_MAX	  (2 * STOQ_GUARD_INTERFACES_MAX)

enum stoq_guard_phase {
	STOQ_GUARD_MAKING = 1, /* `on` has not ended */
	STOQ_GUARD_ON = 2,
	STOQ_GUARD_REPLACING =
		3, /* `on --replace` has not ended: an old or the new program polices */
};

struct stoq_guard_manifest {
	uint32_t layout; /* of this and of the program's maps: STOQ_GUARD_LAYOUT */
	uint32_t phase;	 /* enum stoq_guard_phase */
	uint64_t since_unix_ns;
	uint64_t netns; /* inode of the network namespace */
	struct stoq_guard_program_config program;
	char version[12];	/* of the stoq that made it */
	uint64_t build;		/* of its program: stoq_guard_program_build() */
	uint64_t policy_format; /* that its program reads: STOQ_GUARD_POLICY_FORMAT */
	uint32_t audit;		/* it changes and drops nothing; versions that could not had 0 */
	uint32_t side_count;
	struct stoq_attachment sides[STOQ_GUARD_SIDES_MAX]; /* side i's link has the name link-i */
};

#define STOQ_GUARD_LAYOUT 1

/* To be raised when a policy, compiled, means something else without being larger or smaller. */
#define STOQ_GUARD_POLICY_NUMBER 3
#define STOQ_GUARD_POLICY_FORMAT                                                                   \
	((uint64_t)STOQ_GUARD_POLICY_NUMBER << 32 | sizeof(struct stoq_guard_installed))

/* Reads or writes it. -ENOENT: there is none; -EPROTO: another version's, which we cannot read. */
int stoq_guard_manifest_read(const struct stoq_guard_pins *pins,
	struct stoq_guard_manifest *manifest, struct stoq_error *error);
int stoq_guard_manifest_write(const struct stoq_guard_pins *pins,
	const struct stoq_guard_manifest *manifest, struct stoq_error *error);

/* Notes that the program is ours. */
void stoq_guard_manifest_sign(struct stoq_guard_manifest *manifest, const char *version);

/* Its program is that of another stoq, older or newer. */
bool stoq_guard_manifest_is_foreign(const struct stoq_guard_manifest *manifest);

/* The network namespace that we are in. */
uint64_t stoq_guard_netns(void);

/* Where side i's link is. */
const char *stoq_guard_link_path(
	const struct stoq_guard_pins *pins, size_t side, char path[static STOQ_GUARD_PATH_BYTES]);
