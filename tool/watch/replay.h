/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq watch -r`: the same views of what was captured before. */
#include "tool/watch/report.h"

/*
 * Reads options->read, shows it by mode, and closes the report. Ends early by a signal on signal_fd.
 * 0 or a negative errno.
 */
int watch_replay_run(const struct watch_options *options, enum watch_mode mode, int signal_fd,
	struct stoq_error *error);
