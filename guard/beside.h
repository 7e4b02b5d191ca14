/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Reading a guard's program in place of loading one more that follows the same streams. */
#include "guard/pins.h"
#include "inspect/inspect.h"

/*
 * The guard that polices exactly these interfaces: name becomes "program of guard NAME", and tables
 * are the caller's. False: there is none, or it cannot be read.
 */
#define STOQ_GUARD_BESIDE_NAME (STOQ_GUARD_NAME_MAX + 20)
bool stoq_guard_beside(const char *const *interfaces, size_t count,
	struct stoq_inspect_tables *tables, char name[static STOQ_GUARD_BESIDE_NAME]);
void stoq_guard_beside_close(struct stoq_inspect_tables *tables);
