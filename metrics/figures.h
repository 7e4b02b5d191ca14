/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Single figures with their names, types and descriptions: one table for all formats. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define STOQ_FIGURES_MAX 80

/* One figure. Times and sizes are in base units, as the text formats require. */
struct stoq_figure {
	const char *name; /* without "_total" */
	const char *help;
	bool counter; /* only grows; false: a gauge */
	bool ns;      /* a time: seconds in the text */
	uint64_t value;
};

struct stoq_figures {
	struct stoq_figure of[STOQ_FIGURES_MAX];
	size_t count;
};

/* The names and helps must live as long as the table. Figures beyond STOQ_FIGURES_MAX are left out:
 * each caller's own table has a fixed length, and its test counts them. */
void stoq_figures_add(struct stoq_figures *figures, bool counter, const char *name, uint64_t value,
	const char *help);
/* A time, which the text has in seconds. */
void stoq_figures_add_ns(struct stoq_figures *figures, bool counter, const char *name, uint64_t ns,
	const char *help);

/* The number as OpenMetrics and JSON write it. */
void stoq_figure_put_value(FILE *out, const struct stoq_figure *figure);
