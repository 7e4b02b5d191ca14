// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/openmetrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

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

/* ---- samples ---- */

static void put(const struct stoq_openmetrics *text, const char *part)
{
	fwrite_unlocked(part, 1, strlen(part), text->out);
}

/* Decimal digits, at least so many. */
static void put_digits(const struct stoq_openmetrics *text, uint64_t value, unsigned int least)
{
	char digits[24];
	size_t at = sizeof(digits);

	for (; value || sizeof(digits) - at < least; value /= 10)
		digits[--at] = (char)('0' + value % 10);
	fwrite_unlocked(digits + at, 1, sizeof(digits) - at, text->out);
}

static void put_labels(
	const struct stoq_openmetrics *text, const char *name, const char *labels, const char *more)
{
	put(text, "stoq_");
	put(text, name);
	put(text, "{");
	put(text, labels);
	put(text, more);
	put(text, "} ");
}

void stoq_openmetrics_put_sample_of(const struct stoq_openmetrics *text, const char *name,
	const char *labels, const char *more, uint64_t value)
{
	put_labels(text, name, labels, more);
	put_digits(text, value, 1);
	put(text, "\n");
}

void stoq_openmetrics_put_sample(
	const struct stoq_openmetrics *text, const char *name, const char *labels, uint64_t value)
{
	stoq_openmetrics_put_sample_of(text, name, labels, "", value);
}

void stoq_openmetrics_put_ns(const struct stoq_openmetrics *text, uint64_t ns)
{
	put_digits(text, ns / 1000000000, 1);
	put(text, ".");
	put_digits(text, ns % 1000000000, 9);
}

void stoq_openmetrics_put_seconds(const struct stoq_openmetrics *text, const char *name,
	const char *labels, const char *more, uint64_t ns)
{
	put_labels(text, name, labels, more);
	stoq_openmetrics_put_ns(text, ns);
	put(text, "\n");
}

const char *stoq_openmetrics_number(char number[static STOQ_OPENMETRICS_NUMBER], double value)
{
	int digits = 1;

	if (value == (double)(int64_t)value) {
		snprintf(number, STOQ_OPENMETRICS_NUMBER, "%lld.0", (long long)value);
		return number;
	}
	/* The shortest text that is this number: as Go's %g has it. */
	do
		snprintf(number, STOQ_OPENMETRICS_NUMBER, "%.*g", digits, value);
	while (strtod(number, NULL) != value && digits++ < 17);
	return number;
}

/* ---- labels ---- */

/* What is no UTF-8 becomes \\xNN: a scraper would refuse the whole text for it. */
void stoq_openmetrics_put_label(const struct stoq_openmetrics *text, const char *label)
{
	size_t length = strlen(label);

	while (length) {
		uint32_t character;
		size_t bytes = stoq_utf8_decode((const unsigned char *)label, length, &character);

		if (!bytes)
			fprintf(text->out, "\\\\x%02x", (unsigned char)*label);
		else if (*label == '\n')
			fputs("\\n", text->out);
		else if (*label == '"' || *label == '\\')
			fprintf(text->out, "\\%c", *label);
		else
			fwrite(label, 1, bytes, text->out);
		label += bytes ? bytes : 1;
		length -= bytes ? bytes : 1;
	}
}

void stoq_openmetrics_put_pair(
	const struct stoq_openmetrics *text, const char *name, const char *value)
{
	fprintf(text->out, "%s=\"", name);
	stoq_openmetrics_put_label(text, value);
	fputc('"', text->out);
}

char *stoq_openmetrics_pair(const char *name, const char *value)
{
	char *pair = NULL;
	size_t size;
	const struct stoq_openmetrics text = {.out = open_memstream(&pair, &size)};

	if (!text.out)
		return NULL;
	stoq_openmetrics_put_pair(&text, name, value);
	if (!fclose(text.out))
		return pair;
	free(pair);
	return NULL;
}

void stoq_openmetrics_put_histogram(
	const struct stoq_openmetrics *text, const struct stoq_openmetrics_histogram *histogram)
{
	const char *name = histogram->name;
	char bound[STOQ_OPENMETRICS_NUMBER];
	uint64_t so_far = 0;

	stoq_openmetrics_put_head(text, name, histogram->help, "histogram");
	for (size_t i = 0; i < histogram->count - 1; i++) {
		so_far += histogram->counts[i];
		fprintf(text->out, "stoq_%s_bucket{le=\"%s\"} %llu\n", name,
			stoq_openmetrics_number(bound, histogram->bounds[i]),
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
