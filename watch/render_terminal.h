/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The model for a person's eyes. Pure layout: a model and a size give a rectangle of cells
 * (live view) or lines of text (pipes, closing totals).
 */
#include <stdbool.h>

#include "flow/model.h"
#include "watch/screen.h"

/* What the user has chosen to look at. All zero is a fine start. */
struct stoq_view {
	bool unicode; /* block characters; else ASCII */
	bool totals;  /* figures since the start, else of the last interval */
	bool paused;
	bool help;	    /* show the keys instead */
	bool cursor;	    /* mark the selected row: the user can move it */
	bool has_selection; /* the histogram is of this group, else of all */
	struct stoq_identity selection;
};

/* The live view, as big as screen, which must be blank. */
void stoq_render_screen(
	struct stoq_screen *screen, const struct stoq_model *model, const struct stoq_view *view);

/*
 * The same as lines of text, as many as it takes; each ends with a newline. *text is the
 * caller's to free(). 0 or -ENOMEM.
 */
int stoq_render_text(char **text, const struct stoq_model *model, const struct stoq_view *view,
	unsigned int width, bool picture);

/* Moves the selection in the order of the model's groups: above the first is "all". */
void stoq_view_move(struct stoq_view *view, const struct stoq_model *model, int steps);
