/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A guard's status as JSON. */
struct stoq_guard_status;

/* One object in a line; doc/guard.md describes it. The caller's to free(); NULL: no memory. */
char *stoq_guard_status_json(const struct stoq_guard_status *status);
