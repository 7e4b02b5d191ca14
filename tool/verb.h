/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A verb of stoq: `stoq NAME ...`. Each has a file of its own, NAME/verb_NAME.c, a man page,
 * stoq-NAME.SECTION.scd, and one line in the table of stoq.c.
 *
 * run() gets argv with argv[0] = "stoq NAME" (so that getopt_long's own messages read
 * well) and returns the exit status: EXIT_SUCCESS, EXIT_FAILURE, or TOOL_EXIT_USAGE.
 * Every verb understands --help and -h, and prints results to stdout, all else to stderr.
 */
#include "base/error.h"

#define TOOL_EXIT_USAGE 2 /* the command line is wrong */

struct tool_verb {
	const char *name;
	const char *summary; /* one line for `stoq --help` */
	int (*run)(int argc, char **argv);
};

/* Prints "stoq VERB: text" once to stderr and returns EXIT_FAILURE. */
int tool_fail(const struct stoq_error *error);

/*
 * For mistakes on the command line: prints "stoq VERB: ..." and where the options are
 * explained; returns TOOL_EXIT_USAGE. With NULL prints only the latter: getopt_long has
 * already said what is wrong.
 */
int tool_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For what a user should know but is no failure: "stoq VERB: ..." to stderr. */
void tool_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints what NAME.help.h holds; returns EXIT_SUCCESS. */
int tool_help(const char *text);

/* A verb's own commands ("stoq target start"); a table of them ends with a NULL name. */
struct tool_command {
	const char *name;
	int (*run)(int argc, char **argv);
};

/* Runs the command that argv[1] names; choices: their names, for who gave none. */
int tool_run_command(int argc, char **argv, const char *text, const struct tool_command *commands,
	const char *choices);

/* The verbs. */
int verb_bench(int argc, char **argv);
int verb_guard(int argc, char **argv);
int verb_pki(int argc, char **argv);
int verb_probe(int argc, char **argv);
int verb_target(int argc, char **argv);
int verb_tunnel(int argc, char **argv);
int verb_watch(int argc, char **argv);
int verb_xdp(int argc, char **argv);
