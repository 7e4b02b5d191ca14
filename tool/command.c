// SPDX-License-Identifier: BSD-2-Clause
#include "tool/command.h"

#include <string.h>

#include "tool/message.h"

int tool_run_command(int argc, char **argv, const char *text, const struct tool_command *commands,
	const char *choices)
{
	const char *name = argc > 1 ? argv[1] : "";
	char *verb = argv[0];

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return tool_help(text);
	/* getopt names argv[0] in its messages. */
	argv++;
	argv[0] = verb;
	for (; commands->name; commands++)
		if (strcmp(name, commands->name) == 0)
			return commands->run(argc - 1, argv);
	return name[0] ? tool_usage("there is no command '%.40s'", name)
		       : tool_usage("which command? %s", choices);
}
