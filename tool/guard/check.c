// SPDX-License-Identifier: BSD-2-Clause
#include "tool/guard/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "guard/check_json.h"
#include "guard/expect.h"
#include "guard/print.h"
#include "guard/source.h"
#include "guard/warnings.h"
#include "tool/guard/options.h"
#include "tool/message.h"
#include "tool/options.h"

enum check_option {
	OPTION_EXPECT = TOOL_OPTION_FIRST,
	OPTION_JSON,
};

struct request {
	const char *path;
	const char *expect; /* the file of cases */
	bool json;
};

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	struct request *request = context;

	(void)error;
	if (option == OPTION_EXPECT)
		request->expect = text;
	else
		request->json = true;
	return 0;
}

/* 0: go on. Else the verb ends, with *status. */
static int parse(int argc, char **argv, struct request *request, int *status)
{
	static const struct option table[] = {TOOL_OPTION_HELP,
		{"expect", required_argument, NULL, OPTION_EXPECT},
		{"json", no_argument, NULL, OPTION_JSON}, {NULL, 0, NULL, 0}};
	const struct tool_options options = {table, guard_help, take_option};

	*request = (struct request){0};
	if (tool_options_parse(&options, request, argc, argv, status))
		return -1;
	if (request->json && request->expect) {
		*status = tool_usage("--json reports what is wrong with the policy: leave out "
				     "--expect, or check twice");
		return -1;
	}
	return guard_take_policy(&request->path, argc, argv, status);
}

/* All mistakes, a line each; what is no mistake in a file is a failure like others. */
static int fail(const struct stoq_guard_mistakes *mistakes, const struct stoq_error *error)
{
	if (!mistakes->count)
		return tool_fail(error);
	stoq_guard_mistakes_print(stderr, mistakes);
	return EXIT_FAILURE;
}

/* The cases are read first: mistakes in them are no failed cases. */
static int meet_expectations(const struct request *request, const struct stoq_guard_source *source)
{
	const struct stoq_guard_explainer explainer = {
		request->path, &source->policy, source->compiled};
	struct stoq_guard_mistakes mistakes = {0};
	struct stoq_guard_cases cases;
	struct stoq_error error;
	size_t failed;
	int status;

	if (stoq_guard_cases_read(&cases, request->expect, &mistakes, &error)) {
		status = fail(&mistakes, &error);
		stoq_guard_mistakes_free(&mistakes);
		return status;
	}
	failed = stoq_guard_expect(stdout, &explainer, &cases);
	stoq_guard_cases_free(&cases);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int report(const struct request *request, const struct stoq_guard_source *source)
{
	int status = EXIT_SUCCESS;

	if (request->expect)
		status = meet_expectations(request, source);
	else
		stoq_guard_print(stdout, request->path, &source->policy, source->compiled);
	stoq_guard_warnings_print(stderr, request->path, &source->policy, source->compiled);
	return status;
}

static int report_json(const struct request *request, const struct stoq_guard_source *source,
	const struct stoq_guard_mistakes *mistakes, const struct stoq_error *error)
{
	struct stoq_error failure;

	if (!stoq_guard_check_json(stdout, request->path, source, mistakes, error))
		return source ? EXIT_SUCCESS : EXIT_FAILURE;
	stoq_error_set(&failure, -ENOMEM, "no memory for the report");
	return tool_fail(&failure);
}

int guard_check(int argc, char **argv)
{
	struct stoq_guard_mistakes mistakes = {0};
	struct stoq_guard_source source;
	struct request request;
	struct stoq_error error;
	bool valid;
	int status;

	if (parse(argc, argv, &request, &status))
		return status;
	valid = stoq_guard_source_check(&source, request.path, &mistakes, &error) == 0;
	if (request.json)
		status = report_json(&request, valid ? &source : NULL, &mistakes, &error);
	else
		status = valid ? report(&request, &source) : fail(&mistakes, &error);
	stoq_guard_mistakes_free(&mistakes);
	if (valid)
		stoq_guard_source_free(&source);
	return status;
}
