// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/metrics.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "metrics/endpoint.h"
#include "tool/message.h"
#include "tool/watch/options.h"
#include "watch/metrics.h"
#include "watch/render_json.h"
#include "watch/watch.h"

struct watch_metrics {
	pthread_mutex_t lock; /* of the two below, and of what they point to */
	struct stoq_totals *totals;
	struct stoq_volumes *volumes;	/* NULL: no label file */
	const struct stoq_model *model; /* NULL: there was no update yet */
	struct stoq_metrics_endpoint *endpoint;
	uint64_t unix_offset_ns;
};

static int render(
	struct watch_metrics *metrics, enum stoq_metrics_format format, char **text, size_t *size)
{
	if (!metrics->model)
		return -EAGAIN;
	if (format != STOQ_METRICS_JSON)
		return stoq_watch_metrics_text(&(struct stoq_watch_metrics){metrics->totals,
						       metrics->model, metrics->volumes},
			format, text, size);
	*text = stoq_json_summary(metrics->model, stoq_clock_now_ns() + metrics->unix_offset_ns);
	if (!*text)
		return -ENOMEM;
	*size = strlen(*text);
	return 0;
}

static int answer(void *context, enum stoq_metrics_format format, char **text, size_t *size)
{
	struct watch_metrics *metrics = context;
	struct stoq_error news;
	int result;

	pthread_mutex_lock(&metrics->lock);
	if (metrics->volumes && stoq_volumes_refresh(metrics->volumes, &news))
		tool_notice("%s", news.text);
	result = render(metrics, format, text, size);
	pthread_mutex_unlock(&metrics->lock);
	return result;
}

/* The label file, if there is one. */
static int open_volumes(struct watch_metrics *metrics, const char *path, struct stoq_error *error)
{
	return path ? stoq_volumes_open(&metrics->volumes, path, error) : 0;
}

static void note(void *context, const char *line)
{
	tool_notice("%s", line);
}

int watch_metrics_open(struct watch_metrics **metrics, struct stoq_watch *watch,
	const struct watch_options *options, uint64_t unix_offset_ns, struct stoq_error *error)
{
	struct watch_metrics *opened = calloc(1, sizeof(*opened));
	const struct stoq_metrics_source source = {answer, note, opened};
	int result;

	if (!opened)
		return stoq_error_set(error, -ENOMEM, "no memory for metrics");
	pthread_mutex_init(&opened->lock, NULL);
	opened->unix_offset_ns = unix_offset_ns;
	opened->totals = stoq_totals_new(0);
	result = opened->totals ? open_volumes(opened, options->labels, error)
				: stoq_error_set(error, -ENOMEM, "no memory for metrics");
	stoq_watch_use_totals(watch, opened->totals);
	if (!result)
		result = stoq_metrics_endpoint_serve(
			&source, &options->metrics.place, &opened->endpoint, error);
	if (result)
		watch_metrics_close(opened);
	else
		*metrics = opened;
	return result;
}

void watch_metrics_close(struct watch_metrics *metrics)
{
	if (!metrics)
		return;
	stoq_metrics_endpoint_close(metrics->endpoint);
	stoq_totals_free(metrics->totals);
	stoq_volumes_close(metrics->volumes);
	pthread_mutex_destroy(&metrics->lock);
	free(metrics);
}

const char *watch_metrics_url(
	const struct watch_metrics *metrics, char text[static STOQ_METRICS_URL])
{
	return stoq_metrics_endpoint_url(metrics->endpoint, text);
}

void watch_metrics_lock(struct watch_metrics *metrics)
{
	if (metrics)
		pthread_mutex_lock(&metrics->lock);
}

void watch_metrics_unlock(struct watch_metrics *metrics, const struct stoq_model *model)
{
	if (!metrics)
		return;
	metrics->model = model;
	pthread_mutex_unlock(&metrics->lock);
}
