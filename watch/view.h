/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the user looks at, and which of the model's figures these are. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/model.h"

struct stoq_heat;    /* watch/heat.h */
struct stoq_history; /* watch/history.h */

/* What the user has chosen to look at. All zero is a fine start. */
struct stoq_view {
	bool unicode; /* block characters; else ASCII */
	bool totals;  /* figures since the start, else of the last interval */
	bool paused;
	bool help;		      /* show the keys instead */
	const char *hint;	      /* shown where there are no commands; NULL: there is none */
	const struct stoq_heat *heat; /* of the time up to now; NULL: it is not kept */
	bool show_heat;		      /* instead of the histogram */
	const struct stoq_history *history; /* events; NULL: they are not kept */
	bool show_history;		    /* instead of the figures */
	size_t history_back; /* the first one that is shown, counted from the latest */
	bool cursor;	     /* mark the selected row: the user can move it */
	bool has_selection;  /* the histogram is of this group, else of all */
	struct stoq_identity selection;
};

/* Moves the selection in the order of the model's groups: above the first is "all". */
void stoq_view_move(struct stoq_view *view, const struct stoq_model *model, int steps);

#define STOQ_NO_GROUP SIZE_MAX

/* Index of the selected group, STOQ_NO_GROUP for all. */
size_t stoq_view_selected(const struct stoq_view *view, const struct stoq_model *model);

/* The figures that the view is about, and the time that they cover. */
const struct stoq_statistics *stoq_view_statistics(
	const struct stoq_view *view, const struct stoq_group *group);
uint64_t stoq_view_length_ns(const struct stoq_view *view, const struct stoq_model *model);
