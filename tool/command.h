/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A verb's own commands: "stoq target start". */

struct tool_command {
	const char *name; /* NULL ends a table */
	int (*run)(int argc, char **argv);
};

/* Runs the command that argv[1] names. choices: the names of all commands, for the message where there is no argv[1]. */
int tool_run_command(int argc, char **argv, const char *text, const struct tool_command *commands,
	const char *choices);
