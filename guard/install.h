/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Policies in the kernel: putting one in force, and reading the one that is. A policy, its counts
 * and the text of its file are maps of their own that come and go together; all have names, so that
 * who reads them needs no more privileges than to open those.
 */
#include <stddef.h>
#include <stdint.h>

#include "bpf/guard/state_shared.h"
#include "guard/pins.h"
#include "guard/texts.h"

struct stoq_guard_source;

/*
 * Puts a policy in force: no packet sees half of it. On failure the one before stays. source->installed gets its number.
 * The folder's lock is held by the caller.
 */
int stoq_guard_install(const struct stoq_guard_pins *pins, const struct stoq_guard_source *source,
	struct stoq_error *error);

/*
 * Puts the policy that is in force there again: the program then asks again whose each connection
 * is. The folder's lock is held by the caller.
 */
int stoq_guard_install_again(const struct stoq_guard_pins *pins, struct stoq_error *error);

struct stoq_guard_in_force {
	struct stoq_guard_installed *installed; /* 3 MiB */
	uint32_t id;				/* of its map: no other policy has or had it */
	uint64_t since_unix_ns;
	char path[STOQ_GUARD_FILE_PATH_BYTES];
	struct stoq_guard_texts texts;
	int counts_fd;
};

/* Which policy is in force; 0: none. */
int stoq_guard_in_force_id(
	const struct stoq_guard_pins *pins, uint32_t *id, struct stoq_error *error);
/* Reads what is in force. -ENOENT: there is no policy. Free it after a 0. */
int stoq_guard_in_force_read(const struct stoq_guard_pins *pins,
	struct stoq_guard_in_force *in_force, struct stoq_error *error);
void stoq_guard_in_force_free(struct stoq_guard_in_force *in_force);
