// SPDX-License-Identifier: BSD-2-Clause
#include "tool/guard/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "guard/explain.h"
#include "guard/nqn.h"
#include "guard/recorded.h"
#include "guard/recorded_report.h"
#include "guard/source.h"
#include "tool/guard/options.h"
#include "tool/message.h"
#include "tool/options.h"
#include "tool/record_notes.h"

enum guard_option {
	OPTION_HOST = TOOL_OPTION_FIRST,
	OPTION_SUBSYSTEM,
	OPTION_COMMAND,
	OPTION_NAMESPACE,
	OPTION_LBA,
	OPTION_JSON,
	OPTION_RECORD,
};

static const struct option explain_options[] = {
	TOOL_OPTION_HELP,
	{"host", required_argument, NULL, OPTION_HOST},
	{"subsystem", required_argument, NULL, OPTION_SUBSYSTEM},
	{"command", required_argument, NULL, OPTION_COMMAND},
	{"namespace", required_argument, NULL, OPTION_NAMESPACE},
	{"lba", required_argument, NULL, OPTION_LBA},
	{"json", no_argument, NULL, OPTION_JSON},
	{"record", required_argument, NULL, OPTION_RECORD},
	{NULL, 0, NULL, 0},
};

/* What the command line asks for. */
struct request {
	const char *path;
	const char *record; /* a file; NULL: one command is asked about */
	struct stoq_guard_question question;
	bool json;
};

/* ---- the command line ---- */

static int take_namespace(struct request *request, const char *text, struct stoq_error *error)
{
	if (stoq_guard_parse_namespace(text, &request->question.nsid))
		return stoq_error_set(error, -1,
			"--namespace: '%.40s' is neither a number from 1 on nor `all`", text);
	return 0;
}

static int take_lba(struct request *request, const char *text, struct stoq_error *error)
{
	struct stoq_guard_question *question = &request->question;
	uint64_t *range;

	if (question->range_count == STOQ_GUARD_QUESTION_RANGES)
		return stoq_error_set(error, -1, "--lba: a command has at most %d ranges",
			STOQ_GUARD_QUESTION_RANGES);
	range = question->ranges[question->range_count];
	if (stoq_guard_parse_range(text, &range[0], &range[1]))
		return stoq_error_set(error, -1,
			"--lba: '%.60s' is not FIRST+COUNT, such as 0+8, or FIRST-LAST", text);
	question->range_count++;
	return 0;
}

static int check_nqn(const char *option, const char *text, struct stoq_error *error)
{
	const char *flaw = stoq_guard_nqn_flaw(text, strlen(text), false);

	if (!text[0])
		return stoq_error_set(
			error, -1, "%s: an NQN has 1 to %d bytes", option, NVME_NQN_MAX);
	return flaw ? stoq_error_set(error, -1, "%s: '%.60s' %s", option, text, flaw) : 0;
}

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	struct request *request = context;
	struct stoq_guard_question *question = &request->question;

	switch (option) {
	case OPTION_HOST:
		question->host = text;
		return check_nqn("--host", text, error);
	case OPTION_SUBSYSTEM:
		question->subsystem = text;
		return check_nqn("--subsystem", text, error);
	case OPTION_COMMAND:
		question->command = text;
		return 0;
	case OPTION_NAMESPACE:
		return take_namespace(request, text, error);
	case OPTION_LBA:
		return take_lba(request, text, error);
	case OPTION_RECORD:
		request->record = text;
		return 0;
	default:
		request->json = true;
		return 0;
	}
}

/* 0: go on. Else the verb ends, with *status. */
static int parse(int argc, char **argv, struct request *request, int *status)
{
	const struct tool_options options = {explain_options, guard_help, take_option};

	*request = (struct request){0};
	if (tool_options_parse(&options, request, argc, argv, status))
		return -1;
	return guard_take_policy(&request->path, argc, argv, status);
}

/* ---- explain ---- */

/* 0, or the exit status of a usage error. */
static int complete(struct stoq_guard_question *question)
{
	switch (stoq_guard_question_complete(question)) {
	case STOQ_GUARD_QUESTION_NO_COMMAND:
		return tool_usage("which command? For example --command write");
	case STOQ_GUARD_QUESTION_UNKNOWN_COMMAND:
		return tool_usage("--command: there is no '%.60s'; write it as the NVMe "
				  "specification does, such as 'Write Zeroes'",
			question->command);
	case STOQ_GUARD_QUESTION_NO_NAMESPACE:
		return tool_usage("to which namespace? For example --namespace 1");
	case STOQ_GUARD_QUESTION_NO_RANGE:
		return tool_usage("which blocks? Give --lba FIRST+COUNT once");
	case STOQ_GUARD_QUESTION_RANGE:
		return tool_usage("--lba: this command has no range of blocks; leave it out");
	default:
		return 0;
	}
}

static void answer(struct request *request, const struct stoq_guard_source *source)
{
	const struct stoq_guard_explainer explainer = {
		request->path, &source->policy, source->compiled};
	struct stoq_guard_question *question = &request->question;
	struct stoq_guard_decision decision;

	stoq_guard_question_set(question, source->compiled);
	stoq_guard_ask(&explainer, question, &decision);
	if (request->json)
		stoq_guard_explain_json(stdout, &explainer, question, &decision);
	else
		stoq_guard_explain(stdout, &explainer, question, &decision);
}

/* All commands of a record. */
static int explain_record(const struct request *request, const struct stoq_guard_source *source)
{
	const struct stoq_guard_explainer explainer = {
		request->path, &source->policy, source->compiled};
	struct stoq_guard_recorded recorded = {0};
	struct stoq_record_reader *reader = NULL;
	struct stoq_error error;
	int result = stoq_record_open(&reader, request->record, &error);

	if (!result)
		result = stoq_guard_recorded_run(&recorded, &explainer, reader, &error);
	if (!result && request->json && stoq_guard_recorded_json(stdout, &explainer, &recorded))
		result = stoq_error_set(&error, -ENOMEM, "no memory for the report");
	else if (!result && !request->json)
		stoq_guard_recorded_print(stdout, &explainer, &recorded);
	if (!result)
		tool_record_notes(request->record, stoq_record_notes(reader));
	stoq_guard_recorded_free(&recorded);
	stoq_record_close(reader);
	return result ? tool_fail(&error) : EXIT_SUCCESS;
}

static bool asks_about_one(const struct stoq_guard_question *question)
{
	return question->command || question->host || question->subsystem || question->nsid ||
	       question->range_count;
}

int guard_explain(int argc, char **argv)
{
	static struct request request;
	struct stoq_guard_source source;
	struct stoq_error error;
	int status;

	if (parse(argc, argv, &request, &status) != 0)
		return status;
	if (request.record && asks_about_one(&request.question))
		return tool_usage("--record asks about all commands of a record: leave out "
				  "--command, --host, --subsystem, --namespace and --lba");
	status = request.record ? 0 : complete(&request.question);
	if (status)
		return status;
	if (stoq_guard_source_read(&source, request.path, &error))
		return tool_fail(&error);
	if (request.record)
		status = explain_record(&request, &source);
	else
		answer(&request, &source);
	stoq_guard_source_free(&source);
	return status;
}
