/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* --threshold of `stoq watch`. */
#include "tool/watch/report.h"

#define WATCH_OPTION_THRESHOLD 1110
#define WATCH_EXIT_HELD	       3 /* the tool's status when a threshold has held */

/*
 * An interval has ended. What has held now is printed. True: the watch is to end, as it is only to show whether a
 * threshold holds; with JSON and with metrics it goes on.
 */
bool watch_alarm_judge(struct watch_report *report, const struct stoq_model *model);

/* An interval has ended that is not judged: what follows begins a row. */
void watch_alarm_interrupt(struct watch_report *report);
