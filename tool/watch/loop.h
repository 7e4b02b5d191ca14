/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The event loop of `stoq watch`: time, signals, keys and the program's events. */
#include "tool/watch/report.h"

/* Whose program is read, if it is not our own: whether it is still at work. */
struct watch_source {
	bool (*works)(const void *context, const char **why);
	const void *context;
	const char *name; /* for messages */
};

/*
 * source: NULL if the program is our own; -ENODEV once another's does not work any more. Runs until
 * the duration is over, a signal on signal_fd (a signalfd), a key or the reader of the output ends
 * it. Reads the counters one last time and closes the report. 0 or a negative errno.
 */
int watch_loop_run(struct stoq_watch *watch, struct watch_report *report,
	const struct watch_source *source, int signal_fd, struct stoq_error *error);
