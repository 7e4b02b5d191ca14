/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The event loop of `stoq watch`: time, signals, keys and the program's events. */
#include "tool/watch_report.h"

/*
 * Runs until the duration is over, a signal on signal_fd (a signalfd), a key or the reader of
 * the output ends it. Reads the counters one last time and closes the report. 0 or a negative
 * errno.
 */
int watch_loop_run(struct stoq_inspect *inspect, struct watch_report *report, int signal_fd,
	struct stoq_error *error);
