/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What to look at when a watch has seen no command for some seconds. */
#include "tool/watch/report.h"

#define WATCH_HINT_AFTER_NS 5000000000ull

/*
 * Once a reading: makes the hint when it is time, and takes it away when a command has ended. On the screen the view has
 * it, as of this reading; elsewhere it is a notice, once.
 */
void watch_hint_look(struct watch_report *report, const struct stoq_model *model);
