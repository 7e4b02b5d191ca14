// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/metrics.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "metrics/endpoint.h"
#include "tool/message.h"
#include "watch/metrics.h"
#include "watch/render_json.h"

struct watch_metrics {
	pthread_mutex_t lock; /* of the two below, and of what model points to */
	struct stoq_watch_metrics *labels;
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
		return stoq_watch_metrics_text(metrics->labels, metrics->model, format, text, size);
	*text = stoq_json_summary(metrics->model, stoq_clock_now_ns() + metrics->unix_offset_ns);
	if (!*text)
		return -ENOMEM;
	*size = strlen(*text);
	return 0;
}

static int answer(void *context, enum stoq_metrics_format format, char **text, size_t *size)
{
	struct watch_metrics *metrics = context;
	int result;

	pthread_mutex_lock(&metrics->lock);
	result = render(metrics, format, text, size);
	pthread_mutex_unlock(&metrics->lock);
	return result;
}

static void note(void *context, const char *line)
{
	tool_notice("%s", line);
}

int watch_metrics_open(struct watch_metrics **metrics, const struct stoq_metrics_place *place,
	uint64_t unix_offset_ns, struct stoq_error *error)
{
	struct watch_metrics *opened = calloc(1, sizeof(*opened));
	const struct stoq_metrics_source source = {answer, note, opened};
	int result;

	if (!opened)
		return stoq_error_set(error, -ENOMEM, "no memory for metrics");
	pthread_mutex_init(&opened->lock, NULL);
	opened->unix_offset_ns = unix_offset_ns;
	opened->labels = stoq_watch_metrics_new(0);
	if (opened->labels)
		result = stoq_metrics_endpoint_serve(&source, place, &opened->endpoint, error);
	else
		result = stoq_error_set(error, -ENOMEM, "no memory for metrics");
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
	stoq_watch_metrics_free(metrics->labels);
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

int watch_metrics_unlock(struct watch_metrics *metrics, const struct stoq_model *model)
{
	int result = 0;

	if (!metrics)
		return 0;
	metrics->model = model;
	if (model)
		result = stoq_watch_metrics_note(metrics->labels, model);
	pthread_mutex_unlock(&metrics->lock);
	return result;
}
