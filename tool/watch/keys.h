/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the keys of the view do. */
#include "tool/watch/report.h"
#include "tool/watch/screen.h"

/* *over: the view is to end. 0 or -ENOMEM. */
int watch_keys_take(struct watch_report *report, struct stoq_watch *watch,
	const struct stoq_model *model, enum watch_key key, bool *over, struct stoq_error *error);
