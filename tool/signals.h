/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What verbs that run until they are told to end have in common. */
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/*
 * SIGINT, SIGTERM and SIGHUP become readable on a descriptor (signalfd, non-blocking), with
 * resizing SIGWINCH, too; a reader that leaves is no signal. The descriptor, or a negative errno.
 */
int tool_signals_open(bool resizing, struct stoq_error *error);

/* What to add to CLOCK_MONOTONIC for CLOCK_REALTIME. */
uint64_t tool_unix_offset_ns(void);

/* CLOCK_MONOTONIC. */
uint64_t tool_now_ns(void);
