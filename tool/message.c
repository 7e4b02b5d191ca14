// SPDX-License-Identifier: BSD-2-Clause
#include "tool/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* What messages begin with: "stoq" or "stoq VERB". */
static char program[64] = "stoq";

char *tool_message_begin_with(const char *verb)
{
	snprintf(program, sizeof(program), "stoq %s", verb);
	return program;
}

__attribute__((format(printf, 1, 0))) static void print_message(
	const char *format, va_list arguments)
{
	char text[1024];

	/* The analyzer takes arguments, which va_start() has set, for uninitialised. */
	// NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
	vsnprintf(text, sizeof(text), format, arguments);
	fprintf(stderr, "%s: %s\n", program, text);
}

int tool_fail(const struct stoq_error *error)
{
	fprintf(stderr, "%s: %s\n", program, error->text);
	return EXIT_FAILURE;
}

int tool_usage(const char *format, ...)
{
	va_list arguments;

	if (format) {
		va_start(arguments, format);
		print_message(format, arguments);
		va_end(arguments);
	}
	fprintf(stderr, "%s: `%s --help` explains the options\n", program, program);
	return TOOL_EXIT_USAGE;
}

void tool_notice(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_message(format, arguments);
	va_end(arguments);
}

int tool_help(const char *text)
{
	fputs(text, stdout);
	return EXIT_SUCCESS;
}
