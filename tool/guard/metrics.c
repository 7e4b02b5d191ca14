// SPDX-License-Identifier: BSD-2-Clause
#include "tool/guard/metrics.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/privileges.h"
#include "guard/report.h"
#include "guard/report_metrics.h"
#include "metrics/endpoint.h"
#include "tool/guard/options.h"
#include "tool/message.h"
#include "tool/signals.h"

static const char *name_of(const struct guard_options *options)
{
	return options->name ? options->name : GUARD_DEFAULT_NAME;
}

static int render(struct stoq_guard_view *view, enum stoq_metrics_format format, char **text,
	size_t *size, struct stoq_error *error)
{
	struct stoq_guard_status *status = malloc(sizeof(*status));
	int result = status ? stoq_guard_view_policy(view, error)
			    : stoq_error_set(error, -ENOMEM, "no memory");

	if (!result)
		result = stoq_guard_status_read(status, view, tool_unix_offset_ns(), error);
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

/* The guard is opened for each answer: it may have been replaced, or be off. */
static int read_text(const char *name, enum stoq_metrics_format format, char **text, size_t *size,
	struct stoq_error *error)
{
	struct stoq_guard_view view;
	int result = stoq_guard_view_open(&view, name, error);

	if (result)
		return result;
	result = render(&view, format, text, size, error);
	stoq_guard_view_close(&view);
	return result;
}

static int answer(void *context, enum stoq_metrics_format format, char **text, size_t *size)
{
	return read_text(name_of(context), format, text, size, NULL);
}

static void note(void *context, const char *line)
{
	tool_notice("%s", line);
}

static int print(const struct guard_options *options, struct stoq_error *error)
{
	size_t size;
	char *text;
	int result = read_text(name_of(options), STOQ_METRICS_PROMETHEUS, &text, &size, error);

	if (result)
		return result;
	if (fwrite(text, 1, size, stdout) != size || fflush(stdout))
		result = stoq_error_set(error, -EIO, "cannot write the metrics");
	free(text);
	return result;
}

static int serve(struct guard_options *options, int signal_fd, struct stoq_error *error)
{
	const struct stoq_metrics_source source = {answer, note, options};
	struct pollfd stop = {.fd = signal_fd, .events = POLLIN};
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
	while (poll(&stop, 1, -1) < 0 && errno == EINTR)
		;
	stoq_metrics_endpoint_close(endpoint);
	return 0;
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
