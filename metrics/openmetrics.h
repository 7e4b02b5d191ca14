/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Writes OpenMetrics 1.0 and Prometheus' text format 0.0.4, which differ in the names of counters'
 * families, in the type "info" and in the last line. Every name gets the prefix "stoq_".
 */
#include "metrics/figures.h"

struct stoq_openmetrics {
	FILE *out;
	bool prometheus; /* the older format */
};

/* The two lines above the samples of a family; type as OpenMetrics names it: "counter", "gauge",
 * "histogram". */
void stoq_openmetrics_put_head(
	const struct stoq_openmetrics *text, const char *name, const char *help, const char *type);
/* A family of one sample. */
void stoq_openmetrics_put_figure(
	const struct stoq_openmetrics *text, const struct stoq_figure *figure);
/*
 * "stoq_NAME{LABELS} VALUE" and the end of the line. labels: what stands between the braces, escaped. more: what stands
 * behind it, with a comma in front. There may be hundreds of thousands of these.
 */
void stoq_openmetrics_put_sample(
	const struct stoq_openmetrics *text, const char *name, const char *labels, uint64_t value);
void stoq_openmetrics_put_sample_of(const struct stoq_openmetrics *text, const char *name,
	const char *labels, const char *more, uint64_t value);
/* A time as a value: in seconds with nine decimals, none of which is lost. */
void stoq_openmetrics_put_ns(const struct stoq_openmetrics *text, uint64_t ns);
/* A sample that is a time. */
void stoq_openmetrics_put_seconds(const struct stoq_openmetrics *text, const char *name,
	const char *labels, const char *more, uint64_t ns);

/*
 * A number as OpenMetrics wants it in the labels "le" and "quantile" (1.0, "Considerations: Canonical Numbers"): always the
 * same text, which Prometheus 3 would put in its place. Returns number.
 */
#define STOQ_OPENMETRICS_NUMBER 32
const char *stoq_openmetrics_number(char number[static STOQ_OPENMETRICS_NUMBER], double value);

/* What stands between the quotes of a label. */
void stoq_openmetrics_put_label(const struct stoq_openmetrics *text, const char *label);
/* name="value", with what must be escaped. */
void stoq_openmetrics_put_pair(
	const struct stoq_openmetrics *text, const char *name, const char *value);
/* The same as a text for free(), for samples with these labels; NULL: no memory. */
char *stoq_openmetrics_pair(const char *name, const char *value);
/* A histogram's family: counts[i] of what is above bounds[i - 1] and at most bounds[i]; the last of
 * the counts has no bound. */
struct stoq_openmetrics_histogram {
	const char *name, *help;
	const unsigned int *bounds;
	const uint64_t *counts;
	size_t count; /* of the counts; the bounds are one fewer */
	uint64_t sum; /* of what was counted */
};
void stoq_openmetrics_put_histogram(
	const struct stoq_openmetrics *text, const struct stoq_openmetrics_histogram *histogram);
/* The end of the text. */
void stoq_openmetrics_put_end(const struct stoq_openmetrics *text);
