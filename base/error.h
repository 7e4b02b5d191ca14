/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * How a failure travels: functions return 0 or a negative errno, and describe the
 * failure once, where it is understood, in a struct stoq_error that the caller gave.
 * Only tool/ prints it. The text says what failed, on what, why, and what to do next.
 */
#include <stoq/error.h>

/*
 * Stores code and the formatted text in error (may be NULL) and returns code, so that
 * a failure is one statement: return stoq_error_set(error, -ENOENT, "...", ...);
 */
int stoq_error_set(struct stoq_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
