// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/openmetrics.h"

#include <string.h>

/* OpenMetrics names a counter's family without "_total", Prometheus' format with it. */
void stoq_openmetrics_put_head(
	const struct stoq_openmetrics *text, const char *name, const char *help, const char *type)
{
	const char *total = strcmp(type, "counter") == 0 && text->prometheus ? "_total" : "";

	fprintf(text->out, "# HELP stoq_%s%s %s.\n# TYPE stoq_%s%s %s\n", name, total, help, name,
		total, type);
}

void stoq_openmetrics_put_figure(
	const struct stoq_openmetrics *text, const struct stoq_figure *figure)
{
	stoq_openmetrics_put_head(
		text, figure->name, figure->help, figure->counter ? "counter" : "gauge");
	fprintf(text->out, "stoq_%s%s ", figure->name, figure->counter ? "_total" : "");
	stoq_figure_put_value(text->out, figure);
	fputc('\n', text->out);
}

void stoq_openmetrics_put_label(const struct stoq_openmetrics *text, const char *label)
{
	for (; *label; label++)
		if (*label == '\n')
			fputs("\\n", text->out);
		else
			fprintf(text->out, "%s%c", *label == '"' || *label == '\\' ? "\\" : "",
				*label);
}

void stoq_openmetrics_put_pair(
	const struct stoq_openmetrics *text, const char *name, const char *value)
{
	fprintf(text->out, "%s=\"", name);
	stoq_openmetrics_put_label(text, value);
	fputc('"', text->out);
}

void stoq_openmetrics_put_histogram(
	const struct stoq_openmetrics *text, const struct stoq_openmetrics_histogram *histogram)
{
	const char *name = histogram->name;
	uint64_t so_far = 0;

	stoq_openmetrics_put_head(text, name, histogram->help, "histogram");
	for (size_t i = 0; i < histogram->count - 1; i++) {
		so_far += histogram->counts[i];
		fprintf(text->out, "stoq_%s_bucket{le=\"%u\"} %llu\n", name, histogram->bounds[i],
			(unsigned long long)so_far);
	}
	so_far += histogram->counts[histogram->count - 1];
	fprintf(text->out,
		"stoq_%s_bucket{le=\"+Inf\"} %llu\nstoq_%s_sum %llu\nstoq_%s_count %llu\n", name,
		(unsigned long long)so_far, name, (unsigned long long)histogram->sum, name,
		(unsigned long long)so_far);
}

void stoq_openmetrics_put_end(const struct stoq_openmetrics *text)
{
	if (!text->prometheus)
		fputs("# EOF\n", text->out);
}
