/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What stoq prints about its own work, to stderr: "stoq VERB: text". */
#include "base/error.h"

#define TOOL_EXIT_USAGE 2 /* the command line is wrong */

/* What messages begin with from here on, and what getopt_long() is to call the program. */
char *tool_message_begin_with(const char *verb);

/* Prints "stoq VERB: text" once to stderr and returns EXIT_FAILURE. */
int tool_fail(const struct stoq_error *error);

/*
 * For mistakes on the command line: prints "stoq VERB: ..." and where the options are
 * explained; returns TOOL_EXIT_USAGE. With NULL prints only the latter, after a message of
 * getopt_long().
 */
int tool_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For what a user should know but is no failure: "stoq VERB: ..." to stderr. */
void tool_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the text of NAME.help.h to stdout; returns EXIT_SUCCESS. */
int tool_help(const char *text);
