// SPDX-License-Identifier: BSD-2-Clause
#include "tool/guard/metrics.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/privileges.h"
#include "guard/report.h"
#include "guard/report_json.h"
#include "guard/report_metrics.h"
#include "metrics/endpoint.h"
#include "tool/guard/options.h"
#include "tool/message.h"
#include "tool/signals.h"

/* How often a guard that is not there any more is looked for. */
#define LOOK_MS 1000

static const char *name_of(const struct guard_options *options)
{
	return options->name ? options->name : GUARD_DEFAULT_NAME;
}

/* view has its policy. */
static int render(const struct stoq_guard_view *view, enum stoq_metrics_format format, char **text,
	size_t *size, struct stoq_error *error)
{
	struct stoq_guard_status *status = malloc(sizeof(*status));
	int result = status ? stoq_guard_status_read(status, view, tool_unix_offset_ns(), error)
			    : stoq_error_set(error, -ENOMEM, "no memory");

	if (!result && format == STOQ_METRICS_JSON) {
		*text = stoq_guard_status_json(status);
		*size = *text ? strlen(*text) : 0;
		result = *text ? 0 : -ENOMEM;
	} else if (!result) {
		result = stoq_guard_metrics_text(status, format, text, size);
	}
	free(status);
	return result;
}

/* ---- served ---- */

/* The guard stays open between answers: its policy is parsed once, and not for each of them. */
struct serving {
	const char *name;
	pthread_mutex_t lock; /* of what is below */
	struct stoq_guard_view view;
	bool open;
	struct stoq_error noted; /* why there was no answer; code 0: there was one */
};

/* What is open keeps the maps of a guard that was replaced or turned off. */
static void let_go_of_old(struct serving *serving)
{
	if (!serving->open || stoq_guard_view_is_current(&serving->view))
		return;
	stoq_guard_view_close(&serving->view);
	serving->open = false;
}

static int open_current(struct serving *serving, struct stoq_error *error)
{
	int result = 0;

	let_go_of_old(serving);
	if (!serving->open)
		result = stoq_guard_view_open(&serving->view, serving->name, error);
	if (result)
		return result;
	serving->open = true;
	return stoq_guard_view_refresh(&serving->view, error);
}

/* Once for each reason. */
static void note_failure(struct serving *serving, const struct stoq_error *error)
{
	if (error->code && strcmp(error->text, serving->noted.text) != 0)
		tool_notice("no metrics: %s", error->text);
	serving->noted = *error;
}

static int answer(void *context, enum stoq_metrics_format format, char **text, size_t *size)
{
	struct serving *serving = context;
	struct stoq_error error = {0};
	int result;

	pthread_mutex_lock(&serving->lock);
	result = open_current(serving, &error);
	if (!result)
		result = render(&serving->view, format, text, size, &error);
	note_failure(serving, &error);
	pthread_mutex_unlock(&serving->lock);
	return result;
}

static void note(void *context, const char *line)
{
	tool_notice("%s", line);
}

/* Up to a signal. */
static void wait_for_end(struct serving *serving, int signal_fd)
{
	struct pollfd stop = {.fd = signal_fd, .events = POLLIN};

	while (poll(&stop, 1, LOOK_MS) <= 0) {
		pthread_mutex_lock(&serving->lock);
		let_go_of_old(serving);
		pthread_mutex_unlock(&serving->lock);
	}
}

static int serve(const struct guard_options *options, int signal_fd, struct stoq_error *error)
{
	struct serving serving = {.name = name_of(options), .lock = PTHREAD_MUTEX_INITIALIZER};
	const struct stoq_metrics_source source = {answer, note, &serving};
	struct stoq_metrics_endpoint *endpoint;
	char url[STOQ_METRICS_URL];
	/* Whether the program is still where it was attached takes CAP_NET_ADMIN to see. */
	int result = stoq_drop_privileges(STOQ_KEEP_BPF | STOQ_KEEP_NET_ADMIN, error);

	if (!result)
		result = stoq_metrics_endpoint_serve(
			&source, &options->serve.place, &endpoint, error);
	if (result)
		return result;
	tool_notice("metrics of guard %s: %s", name_of(options),
		stoq_metrics_endpoint_url(endpoint, url));
	wait_for_end(&serving, signal_fd);
	stoq_metrics_endpoint_close(endpoint);
	if (serving.open)
		stoq_guard_view_close(&serving.view);
	return 0;
}

/* ---- printed ---- */

static int print(const struct guard_options *options, struct stoq_error *error)
{
	struct stoq_guard_view view;
	size_t size;
	char *text;
	int result = stoq_guard_view_open(&view, name_of(options), error);

	if (result)
		return result;
	result = stoq_guard_view_policy(&view, error);
	if (!result)
		result = render(&view, STOQ_METRICS_PROMETHEUS, &text, &size, error);
	stoq_guard_view_close(&view);
	if (result)
		return result;
	if (fwrite(text, 1, size, stdout) != size || fflush(stdout))
		result = stoq_error_set(error, -EIO, "cannot write the metrics");
	free(text);
	return result;
}

int guard_metrics(int argc, char **argv)
{
	static struct guard_options options;
	struct stoq_error error;
	int status, signal_fd, result;

	if (guard_options_parse(&options, GUARD_METRICS, argc, argv, &status))
		return status;
	if (!options.serve.on)
		return print(&options, &error) ? tool_fail(&error) : EXIT_SUCCESS;
	signal_fd = tool_signals_open(false, &error);
	if (signal_fd < 0)
		return tool_fail(&error);
	result = serve(&options, signal_fd, &error);
	close(signal_fd);
	return result ? tool_fail(&error) : EXIT_SUCCESS;
}
