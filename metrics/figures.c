// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/figures.h"

void stoq_figures_add(struct stoq_figures *figures, bool counter, const char *name, uint64_t value,
	const char *help)
{
	if (figures->count < STOQ_FIGURES_MAX)
		figures->of[figures->count++] =
			(struct stoq_figure){name, help, counter, false, value};
}

void stoq_figures_add_ns(
	struct stoq_figures *figures, bool counter, const char *name, uint64_t ns, const char *help)
{
	if (figures->count < STOQ_FIGURES_MAX)
		figures->of[figures->count++] = (struct stoq_figure){name, help, counter, true, ns};
}

void stoq_figure_put_value(FILE *out, const struct stoq_figure *figure)
{
	if (figure->ns)
		fprintf(out, "%.9f", (double)figure->value / 1e9);
	else
		fprintf(out, "%llu", (unsigned long long)figure->value);
}
