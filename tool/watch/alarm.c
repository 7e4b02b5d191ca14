// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/alarm.h"

#include "tool/message.h"
#include "tool/watch/options.h"

static void tell(struct watch_report *report, const struct stoq_threshold *threshold)
{
	char value[STOQ_THRESHOLD_VALUE];

	if (report->mode == WATCH_JSON)
		watch_report_threshold(report, threshold);
	else if (report->mode != WATCH_SCREEN)
		tool_notice("threshold %s: held, %s", threshold->text,
			stoq_threshold_write(threshold, threshold->value, value));
}

void watch_alarm_interrupt(struct watch_report *report)
{
	if (report->options->thresholds)
		stoq_thresholds_interrupt(report->options->thresholds);
}

bool watch_alarm_judge(struct watch_report *report, const struct stoq_model *model)
{
	struct stoq_thresholds *all = report->options->thresholds;
	uint64_t now_ns = watch_report_now(report);

	if (!all || !stoq_thresholds_judge(all, model, now_ns))
		return false;
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].held && all->items[i].held_unix_ns == now_ns)
			tell(report, &all->items[i]);
	return report->mode == WATCH_SCREEN || report->mode == WATCH_TEXT;
}
