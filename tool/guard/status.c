// SPDX-License-Identifier: BSD-2-Clause
#include "tool/guard/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard/report.h"
#include "guard/report_json.h"
#include "tool/guard/options.h"
#include "tool/message.h"
#include "tool/signals.h"

static int show(struct stoq_guard_view *view, bool json)
{
	static struct stoq_guard_status status;
	struct stoq_error error;
	char *text;

	if (stoq_guard_view_policy(view, &error) ||
		stoq_guard_status_read(&status, view, tool_unix_offset_ns(), &error))
		return tool_fail(&error);
	if (json) {
		text = stoq_guard_status_json(&status);
		puts(text ? text : "");
		free(text);
	} else {
		stoq_guard_status_print(stdout, &status);
	}
	return stoq_guard_status_is_whole(&status) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int show_one(const char *name, bool json)
{
	struct stoq_guard_view view;
	struct stoq_error error;
	int status;

	if (stoq_guard_view_open(&view, name, &error))
		return tool_fail(&error);
	status = show(&view, json);
	stoq_guard_view_close(&view);
	return status;
}

struct listing {
	const struct guard_options *options;
	size_t count;
	int status;
};

static void show_listed(void *context, const char *name)
{
	struct listing *listing = context;

	listing->count++;
	if (show_one(name, listing->options->json))
		listing->status = EXIT_FAILURE;
}

int guard_status(int argc, char **argv)
{
	static struct guard_options options;
	struct listing listing = {.options = &options};
	int status, result;

	if (guard_options_parse(&options, GUARD_STATUS, argc, argv, &status))
		return status;
	if (options.name)
		return show_one(options.name, options.json);
	result = stoq_guard_pins_list(show_listed, &listing);
	if (result) {
		struct stoq_error error;

		stoq_error_set(&error, result, "cannot list %s: %s%s", STOQ_GUARD_PINS,
			strerror(-result), result == -EACCES ? "; run as root" : "");
		return tool_fail(&error);
	}
	if (!listing.count && !options.json)
		puts("no guard is on");
	return listing.status;
}
