/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "flow/model.h"
#include "watch/screen.h"
#include "watch/view.h"

/* The table of groups: a heading, the row of all, and up to rows groups, the last one of which are the others. */
#define STOQ_TABLE_HEAD 2
void stoq_draw_table(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_model *model, const struct stoq_view *view);

/* Statuses other than success: a heading and up to rows of them. */
#define STOQ_STATUSES_HEAD 1
void stoq_draw_statuses(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_model *model, const struct stoq_view *view);
