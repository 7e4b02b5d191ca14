/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "flow/model.h"
#include "watch/screen.h"

/* What was not understood, in words; up to rows lines. How many it took. */
unsigned int stoq_draw_missed(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_model *model);
