// SPDX-License-Identifier: BSD-2-Clause
#include "tool/guard/diff.h"

#include <stdlib.h>

#include "guard/diff.h"
#include "guard/diff_report.h"
#include "tool/guard/options.h"
#include "tool/message.h"
#include "tool/options.h"

enum diff_option {
	OPTION_JSON = TOOL_OPTION_FIRST,
};

struct request {
	const char *path[2];
	bool json;
};

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	struct request *request = context;

	request->json = true;
	return 0;
}

/* 0: go on. Else the verb ends, with *status. */
static int parse(int argc, char **argv, struct request *request, int *status)
{
	static const struct option table[] = {
		TOOL_OPTION_HELP, {"json", no_argument, NULL, OPTION_JSON}, {NULL, 0, NULL, 0}};
	const struct tool_options options = {table, guard_help, take_option};

	*request = (struct request){0};
	if (tool_options_parse(&options, request, argc, argv, status))
		return -1;
	if (argc - optind < 2) {
		*status = tool_usage(
			"which two policy files? Give the one of before, and the one of after");
		return -1;
	}
	for (int i = 0; i < 2; i++)
		request->path[i] = argv[optind++];
	return tool_options_end(argc, argv, status);
}

static int report(const struct request *request, const struct stoq_guard_diff *diff)
{
	struct stoq_error error;
	int result = 0;

	if (request->json)
		result = stoq_guard_diff_json(stdout, diff);
	else
		stoq_guard_diff_print(stdout, diff);
	if (result) {
		stoq_error_set(&error, result, "no memory for the report");
		return tool_fail(&error);
	}
	return stoq_guard_diff_count(diff) ? GUARD_DIFF_CHANGES : EXIT_SUCCESS;
}

static int compare(const struct request *request, const struct stoq_guard_source *before,
	const struct stoq_guard_source *after)
{
	struct stoq_guard_diff *diff;
	struct stoq_error error;
	int status;

	if (stoq_guard_diff_find(&diff, before, after, STOQ_GUARD_DIFF_MAX, &error))
		return tool_fail(&error);
	status = report(request, diff);
	stoq_guard_diff_free(diff);
	return status;
}

int guard_diff(int argc, char **argv)
{
	struct stoq_guard_source before, after;
	struct request request;
	struct stoq_error error;
	int status;

	if (parse(argc, argv, &request, &status))
		return status;
	if (stoq_guard_source_read(&before, request.path[0], &error))
		return tool_fail(&error);
	if (stoq_guard_source_read(&after, request.path[1], &error)) {
		stoq_guard_source_free(&before);
		return tool_fail(&error);
	}
	status = compare(&request, &before, &after);
	stoq_guard_source_free(&before);
	stoq_guard_source_free(&after);
	return status;
}
