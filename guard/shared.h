/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Reading a guard's program in place of loading one more that follows the same streams. */
#include <stdbool.h>
#include <stddef.h>

#include "flow/tables.h"
#include "guard/pins.h"

/* Which guard it is, for looking whether it still polices. */
struct stoq_guard_shared {
	struct stoq_guard_pins pins;
	uint32_t flows_id;		     /* of the table of its connections */
	char name[STOQ_GUARD_NAME_MAX + 20]; /* "program of guard NAME" */
};

/*
 * The guard that polices exactly these interfaces; tables are the caller's. False: there is none,
 * or it cannot be read.
 */
bool stoq_guard_shared_open(const char *const *interfaces, size_t count, struct stoq_tables *tables,
	struct stoq_guard_shared *shared);

/*
 * False once it was turned off, got another program with tables of its own, or was taken from an
 * interface: its tables stand still then. why: what became of it.
 */
bool stoq_guard_shared_is_current(const struct stoq_guard_shared *shared, const char **why);

void stoq_guard_shared_close(struct stoq_tables *tables);
