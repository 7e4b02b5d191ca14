/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A verb of stoq: `stoq NAME ...`. Each has a folder of its own, NAME/, with verb_NAME.c, the other files that it needs, and a man page,
 * stoq-NAME.SECTION.scd, and one line in the table of stoq.c.
 *
 * run() gets argv with argv[0] = "stoq NAME" (so that getopt_long's own messages read
 * well) and returns the exit status: EXIT_SUCCESS, EXIT_FAILURE, or TOOL_EXIT_USAGE.
 * Every verb understands --help and -h, and prints results to stdout, all else to stderr.
 */
struct tool_verb {
	const char *name;
	const char *summary; /* one line for `stoq --help` */
	int (*run)(int argc, char **argv);
};
