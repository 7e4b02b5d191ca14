/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A verb's command line: getopt_long(), --help, and what every verb says alike. */
#include <getopt.h>

#include "base/error.h"

/* The row that every table of options has. */
#define TOOL_OPTION_HELP                                                                           \
	{                                                                                          \
		"help", no_argument, NULL, 'h'                                                     \
	}

/* Options without a letter have a value from here on. */
#define TOOL_OPTION_FIRST 256

struct tool_options {
	const struct option *table; /* a value below TOOL_OPTION_FIRST is a letter, too */
	const char *help;	    /* the text of --help */
	/* 0, or what is wrong with the option's value. */
	int (*take)(void *context, int option, const char *text, struct stoq_error *error);
};

/*
 * Hands every option to take(). 0: go on, arguments that are no options begin at argv[optind].
 * Else the verb ends, with *status: it was --help, or a mistake that has been explained.
 */
int tool_options_parse(
	const struct tool_options *options, void *context, int argc, char **argv, int *status);

/* The same for what takes options only. */
int tool_options_only(
	const struct tool_options *options, void *context, int argc, char **argv, int *status);

/* Explains what a verb has no use for, if there is more from argv[optind] on. As above. */
int tool_options_end(int argc, char **argv, int *status);
