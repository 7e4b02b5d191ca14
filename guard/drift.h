/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Whether the file of a policy in force is still what it was when it was put in force. */
#include "base/error.h"

struct stoq_guard_view;

enum stoq_guard_drift {
	STOQ_GUARD_DRIFT_NONE, /* the file is the same */
	STOQ_GUARD_DRIFT_TEXT, /* it is another text, which means the same */
	STOQ_GUARD_DRIFT_DIFFERS, /* it means something else: `reload` would change the verdict on some commands */
	STOQ_GUARD_DRIFT_BROKEN,  /* it is gone, or has mistakes */
	STOQ_GUARD_DRIFT_UNKNOWN, /* it was no file, or another stoq compiled what is in force */
	STOQ_GUARD_DRIFTS,
};

/* view has its policy. error: set if it is BROKEN, and says why. */
enum stoq_guard_drift stoq_guard_drift_find(
	const struct stoq_guard_view *view, struct stoq_error *error);

/* For programs: a word. */
const char *stoq_guard_drift_name(enum stoq_guard_drift drift);
