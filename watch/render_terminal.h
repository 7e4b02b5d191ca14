/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The model for a person's eyes. Pure layout: a model and a size give a rectangle of cells
 * (live view) or lines of text (pipes, closing totals).
 */
#include <stdbool.h>

#include "flow/model.h"
#include "watch/screen.h"
#include "watch/view.h"

/* The live view, as big as screen, which must be blank. */
void stoq_render_screen(
	struct stoq_screen *screen, const struct stoq_model *model, const struct stoq_view *view);

/*
 * The same as lines of text, as many as it takes; each ends with a newline. *text is the
 * caller's to free(). 0 or -ENOMEM.
 */
int stoq_render_text(char **text, const struct stoq_model *model, const struct stoq_view *view,
	unsigned int width, bool picture);
