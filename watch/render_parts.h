/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The parts of the view that render_terminal.c puts together. Private to the renderers. */
#include "watch/render_terminal.h"

#define STOQ_NO_GROUP SIZE_MAX

/* Index of the selected group, STOQ_NO_GROUP for all. */
size_t stoq_view_selected(const struct stoq_view *view, const struct stoq_model *model);

/* The figures that the view is about, and the time that they cover. */
const struct stoq_statistics *stoq_view_statistics(
	const struct stoq_view *view, const struct stoq_group *group);
uint64_t stoq_view_length_ns(const struct stoq_view *view, const struct stoq_model *model);

/* The table of groups: a heading, the row of all, and up to rows groups. */
#define STOQ_TABLE_HEAD 2
void stoq_draw_table(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_model *model, const struct stoq_view *view);

/* Statuses other than success: a heading and up to rows of them. */
#define STOQ_STATUSES_HEAD 1
void stoq_draw_statuses(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_model *model, const struct stoq_view *view);

/* The histogram: a title, rows of bars, an axis and its labels. */
#define STOQ_PICTURE_HEAD 3
void stoq_draw_picture(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_model *model, const struct stoq_view *view);

/* What was not understood, in words; up to rows lines. How many it took. */
unsigned int stoq_draw_missed(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_model *model);
