/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "flow/model.h"
#include "watch/screen.h"
#include "watch/view.h"

/* The histogram: a title, rows of bars, an axis and its labels. */
#define STOQ_PICTURE_HEAD 3
void stoq_draw_picture(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_model *model, const struct stoq_view *view);
