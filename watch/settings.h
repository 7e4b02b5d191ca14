/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the kernel's program and that of captures are set up with alike. */
#include "watch/watch.h"

/* 0 or -EINVAL. */
int stoq_watch_check_limits(const struct stoq_watch_config *config, struct stoq_error *error);

void stoq_watch_sizes(const struct stoq_watch_config *config, struct stoq_table_sizes *sizes);

/* Whether what only events contain is kept of commands. */
bool stoq_watch_keeps_details(const struct stoq_watch_config *config);

/* Commands that took so long are events of the program. */
uint64_t stoq_watch_reports_from(const struct stoq_watch_config *config);

/* Notes which events the handlers are to get. */
void stoq_watch_ask(struct stoq_watch *watch, const struct stoq_watch_config *config);
