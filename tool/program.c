// SPDX-License-Identifier: BSD-2-Clause
#include "tool/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/message.h"

/*
 * What was closed must not become a file or a socket of ours, into which messages would go. Opened
 * the wrong way round, so that its use fails as it would have.
 */
static void hold_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/* Output that did not arrive is a failure. */
static int finish(int status)
{
	int failed = fflush(stdout) ? errno : 0;

	if (!failed && !ferror(stdout))
		return status;
	tool_notice(
		"cannot write the output%s%s", failed ? ": " : "", failed ? strerror(failed) : "");
	return status ? status : EXIT_FAILURE;
}

int tool_program(int argc, char **argv, int (*run)(int argc, char **argv))
{
	hold_standard_descriptors();
	return finish(run(argc, argv));
}

const struct tool_verb *tool_verb_find(const struct tool_verb *verbs, const char *name)
{
	for (; verbs->name; verbs++)
		if (strcmp(verbs->name, name) == 0)
			return verbs;
	return NULL;
}

int tool_verb_run(const struct tool_verb *verb, int argc, char **argv)
{
	argv[1] = tool_message_begin_with(verb->name);
	return verb->run(argc - 1, argv + 1);
}
