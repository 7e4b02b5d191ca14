// SPDX-License-Identifier: BSD-2-Clause
#include "tool/options.h"

#include <stddef.h>

#include "tool/message.h"

#define LETTERS_MAX 32

/* The table's letters, as getopt_long() wants them. */
static void list_letters(char letters[static LETTERS_MAX], const struct option *table)
{
	size_t used = 0;

	for (; table->name && used + 3 < LETTERS_MAX; table++) {
		if (table->val >= TOOL_OPTION_FIRST)
			continue;
		letters[used++] = (char)table->val;
		if (table->has_arg == required_argument)
			letters[used++] = ':';
	}
	letters[used] = '\0';
}

int tool_options_parse(
	const struct tool_options *options, void *context, int argc, char **argv, int *status)
{
	char letters[LETTERS_MAX];
	struct stoq_error error;
	int option;

	list_letters(letters, options->table);
	optind = 0; /* begin again, whatever was parsed before */
	while ((option = getopt_long(argc, argv, letters, options->table, NULL)) != -1) {
		if (option == 'h')
			*status = tool_help(options->help);
		else if (option == '?')
			*status = tool_usage(NULL);
		else if (options->take(context, option, optarg, &error))
			*status = tool_usage("%s", error.text);
		else
			continue;
		return -1;
	}
	return 0;
}

int tool_options_end(int argc, char **argv, int *status)
{
	if (optind == argc)
		return 0;
	*status = tool_usage("'%.40s' is not expected here", argv[optind]);
	return -1;
}

int tool_options_only(
	const struct tool_options *options, void *context, int argc, char **argv, int *status)
{
	if (tool_options_parse(options, context, argc, argv, status))
		return -1;
	return tool_options_end(argc, argv, status);
}
