// SPDX-License-Identifier: BSD-2-Clause
#include "watch/threshold.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "flow/text.h"

#define VALUE_LENGTH 40

static const struct {
	const char *name;
	double fraction; /* of a percentile, else 0 */
	bool is_time;
} figures[STOQ_THRESHOLD_FIGURES] = {
	[STOQ_THRESHOLD_P50] = {"p50", 0.5, true},
	[STOQ_THRESHOLD_P95] = {"p95", 0.95, true},
	[STOQ_THRESHOLD_P99] = {"p99", 0.99, true},
	[STOQ_THRESHOLD_P999] = {"p999", 0.999, true},
	[STOQ_THRESHOLD_MEAN] = {"mean", 0, true},
	[STOQ_THRESHOLD_MAX] = {"max", 0, true},
	[STOQ_THRESHOLD_IOPS] = {"iops", 0, false},
	[STOQ_THRESHOLD_ERRORS] = {"errors", 0, false},
	[STOQ_THRESHOLD_BYTES] = {"bytes", 0, false},
};

/* ---- reading ---- */

static int find_figure(const char *name, size_t length, enum stoq_threshold_figure *figure)
{
	for (unsigned int i = 0; i < STOQ_THRESHOLD_FIGURES; i++) {
		if (strlen(figures[i].name) == length &&
			strncmp(figures[i].name, name, length) == 0) {
			*figure = (enum stoq_threshold_figure)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* "5ms", "1000", "0.5", "64M" */
static int read_limit(struct stoq_threshold *threshold, const char *text)
{
	uint64_t number;
	char *end;

	if (figures[threshold->figure].is_time) {
		if (stoq_parse_duration_ns(text, &number))
			return -EINVAL;
		threshold->limit = (double)number;
		return 0;
	}
	if (threshold->figure == STOQ_THRESHOLD_BYTES && stoq_parse_bytes(text, &number) == 0) {
		threshold->limit = (double)number;
		return 0;
	}
	threshold->limit = strtod(text, &end);
	return text[0] < '0' || text[0] > '9' || text[strspn(text, "0123456789.")] || *end ? -EINVAL
											   : 0;
}

/* "p99>5ms for 10s", cut into its words. */
static int read_words(struct stoq_threshold *threshold, const char *text)
{
	size_t name = strcspn(text, "<> "), length;
	const char *at = text + name;
	char value[VALUE_LENGTH];

	if (find_figure(text, name, &threshold->figure))
		return -EINVAL;
	at += strspn(at, " ");
	if (*at != '<' && *at != '>')
		return -EINVAL;
	threshold->below = *at++ == '<';
	at += strspn(at, " ");
	length = strcspn(at, " ");
	if (!length || length >= sizeof(value))
		return -EINVAL;
	memcpy(value, at, length);
	value[length] = '\0';
	if (read_limit(threshold, value))
		return -EINVAL;
	at += length;
	at += strspn(at, " ");
	if (!*at)
		return 0;
	if (strncmp(at, "for ", 4) != 0)
		return -EINVAL;
	at += 4;
	at += strspn(at, " ");
	return stoq_parse_duration_ns(at, &threshold->for_ns) ? -EINVAL : 0;
}

int stoq_thresholds_add(
	struct stoq_thresholds *thresholds, const char *text, struct stoq_error *error)
{
	struct stoq_threshold threshold = {.text = text};

	if (thresholds->count == STOQ_THRESHOLDS_MAX)
		return stoq_error_set(error, -EINVAL, "--threshold: at most %d can be given",
			STOQ_THRESHOLDS_MAX);
	if (read_words(&threshold, text))
		return stoq_error_set(error, -EINVAL,
			"--threshold: '%.60s' is not a threshold: write it like 'p99>5ms for 10s', with "
			"p50, p95, p99, p999, mean or max and a time, or iops, errors or bytes (a "
			"second) and a number",
			text);
	thresholds->items[thresholds->count++] = threshold;
	return 0;
}

/* ---- judging ---- */

static bool take_value(
	const struct stoq_threshold *threshold, const struct stoq_model *model, double *value)
{
	const struct stoq_statistics *all = &model->overall.interval;

	switch (threshold->figure) {
	case STOQ_THRESHOLD_IOPS:
		*value = stoq_text_rate(all->commands, model->interval_ns);
		return true;
	case STOQ_THRESHOLD_ERRORS:
		*value = stoq_text_rate(all->errors, model->interval_ns);
		return true;
	case STOQ_THRESHOLD_BYTES:
		*value = stoq_text_rate(all->bytes, model->interval_ns);
		return true;
	default:
		break;
	}
	if (!all->latency.count)
		return false;
	if (threshold->figure == STOQ_THRESHOLD_MEAN)
		*value = (double)stoq_histogram_mean_ns(&all->latency);
	else if (threshold->figure == STOQ_THRESHOLD_MAX)
		*value = (double)all->latency.max_ns;
	else
		*value = (double)stoq_histogram_percentile_ns(
			&all->latency, figures[threshold->figure].fraction);
	return true;
}

/* To whole intervals, as far as these are known. */
static uint64_t rounded(uint64_t ns, uint64_t interval_ns)
{
	return interval_ns ? (ns + interval_ns / 2) / interval_ns * interval_ns : ns;
}

static bool judge(struct stoq_threshold *threshold, const struct stoq_model *model,
	uint64_t interval_ns, uint64_t unix_ns)
{
	bool beyond;

	threshold->known = take_value(threshold, model, &threshold->value);
	beyond = threshold->known && (threshold->below ? threshold->value < threshold->limit
						       : threshold->value > threshold->limit);
	threshold->beyond_ns = beyond ? threshold->beyond_ns + model->interval_ns : 0;
	if (!beyond || threshold->held ||
		rounded(threshold->beyond_ns, interval_ns) < threshold->for_ns)
		return false;
	threshold->held = true;
	threshold->held_unix_ns = unix_ns;
	threshold->held_value = threshold->value;
	return true;
}

size_t stoq_thresholds_judge(
	struct stoq_thresholds *thresholds, const struct stoq_model *model, uint64_t unix_ns)
{
	size_t held = 0;

	for (size_t i = 0; i < thresholds->count; i++)
		held += judge(&thresholds->items[i], model, thresholds->interval_ns, unix_ns);
	return held;
}

void stoq_thresholds_interrupt(struct stoq_thresholds *thresholds)
{
	for (size_t i = 0; i < thresholds->count; i++)
		thresholds->items[i].beyond_ns = 0;
}

bool stoq_thresholds_have_held(const struct stoq_thresholds *thresholds)
{
	for (size_t i = 0; i < thresholds->count; i++)
		if (thresholds->items[i].held)
			return true;
	return false;
}

const char *stoq_threshold_write(const struct stoq_threshold *threshold, double value,
	char text[static STOQ_THRESHOLD_VALUE])
{
	if (figures[threshold->figure].is_time)
		stoq_text_time(text, (uint64_t)value, "");
	else if (threshold->figure == STOQ_THRESHOLD_BYTES)
		stoq_text_bytes(text, value, "/s");
	else
		snprintf(text, STOQ_THRESHOLD_VALUE, "%.*f/s", value < 10 ? 1 : 0, value);
	return text;
}
