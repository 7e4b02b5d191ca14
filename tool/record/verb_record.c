// SPDX-License-Identifier: BSD-2-Clause
#include "tool/record/verb_record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "record/export.h"
#include "record/export_csv.h"
#include "record/export_iolog.h"
#include "tool/command.h"
#include "tool/message.h"
#include "tool/options.h"
#include "tool/record_notes.h"

static const char help[] =
#include "stoq-record.help.h"
	;

enum { OPTION_FORMAT = TOOL_OPTION_FIRST };

static const struct option export_options[] = {
	TOOL_OPTION_HELP,
	{"format", required_argument, NULL, OPTION_FORMAT},
	{0},
};

typedef int (*exporter)(FILE *out, struct stoq_record_reader *reader,
	struct stoq_export_notes *notes, struct stoq_error *error);

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	exporter *chosen = context;

	if (strcmp(text, "csv") == 0)
		*chosen = stoq_export_csv;
	else if (strcmp(text, "iolog") == 0)
		*chosen = stoq_export_iolog;
	else
		return stoq_error_set(
			error, -EINVAL, "--format: '%.40s' is neither csv nor iolog", text);
	return 0;
}

static void say_what_was_left_out(const struct stoq_export_notes *notes)
{
	if (notes->other)
		tool_notice("%" PRIu64 " commands are neither reads, writes nor flushes: they were "
			    "left out",
			notes->other);
	if (notes->late)
		tool_notice("%" PRIu64 " commands ended so late that they have the time of a later "
			    "one",
			notes->late);
}

static int export(int argc, char **argv)
{
	const struct tool_options known = {export_options, help, take_option};
	struct stoq_record_reader *reader;
	struct stoq_export_notes notes;
	exporter chosen = stoq_export_csv;
	struct stoq_error error;
	int status, result;

	if (tool_options_parse(&known, &chosen, argc, argv, &status))
		return status;
	if (argc - optind != 1)
		return tool_usage("which record? For example `stoq record export hour.rec`");
	if (stoq_record_open(&reader, argv[optind], &error))
		return tool_fail(&error);
	result = chosen(stdout, reader, &notes, &error);
	if (!result) {
		say_what_was_left_out(&notes);
		tool_record_notes(argv[optind], stoq_record_notes(reader));
	}
	stoq_record_close(reader);
	return result ? tool_fail(&error) : EXIT_SUCCESS;
}

int verb_record(int argc, char **argv)
{
	static const struct tool_command commands[] = {{"export", export}, {NULL, NULL}};

	return tool_run_command(argc, argv, help, commands, "export");
}
