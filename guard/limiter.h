/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The program of limits in the kernel, beside the guard's and in its folder: loaded, pinned, attached behind it, with
 * fq where packets leave. It is there only while the policy in force has limits. The folder's lock is held by the caller.
 */
#include "guard/manifest.h"
#include "guard/source.h"

/* What is written down about it, in a map of the guard's folder. The sides are those of the guard's manifest, by index. */
struct stoq_limiter_notes {
	uint32_t layout;
	uint32_t pad;
	uint64_t build;
	struct stoq_attachment sides[STOQ_GUARD_SIDES_MAX];
};

struct stoq_limiter_config {
	const struct stoq_guard_bare *bare;
	bool force_clsact;
	bool replace; /* the program, too, if one is there */
};

/* Whether limits are in force, or half so. */
bool stoq_limiter_exists(const struct stoq_guard_pins *pins);

/*
 * Puts the source's limits in force, all at once for a packet, or takes away what there was if it has none. The guard's
 * program and its maps are pinned. On failure what was in force before still is, unless there was none.
 */
int stoq_limiter_apply(const struct stoq_guard_pins *pins,
	const struct stoq_guard_manifest *manifest, const struct stoq_guard_source *source,
	const struct stoq_limiter_config *config, struct stoq_error *error);

/* The limits in force hold for connections that have got names since. 0 or a negative errno. */
int stoq_limiter_renew(const struct stoq_guard_pins *pins, struct stoq_error *error);

/* Takes it away: what waits goes first, for which this waits up to the longest delay. 0 or a negative errno. */
int stoq_limiter_remove(const struct stoq_guard_pins *pins,
	const struct stoq_guard_manifest *manifest, struct stoq_error *error);

int stoq_limiter_notes_read(const struct stoq_guard_pins *pins, struct stoq_limiter_notes *notes,
	struct stoq_error *error);
const char *stoq_limiter_link_path(
	const struct stoq_guard_pins *pins, size_t side, char path[static STOQ_GUARD_PATH_BYTES]);
