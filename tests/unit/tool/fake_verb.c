// SPDX-License-Identifier: BSD-2-Clause
#include "fake_verb.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool/message.h"

char fake_verb_message[1024];

__attribute__((format(printf, 1, 0))) static void remember(const char *format, va_list arguments)
{
	/* The analyzer takes arguments, which va_start() has set, for uninitialised. */
	// NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
	vsnprintf(fake_verb_message, sizeof(fake_verb_message), format, arguments);
}

void fake_verb_reset(void)
{
	fake_verb_message[0] = '\0';
}

int tool_fail(const struct stoq_error *error)
{
	snprintf(fake_verb_message, sizeof(fake_verb_message), "%s", error->text);
	return EXIT_FAILURE;
}

int tool_usage(const char *format, ...)
{
	va_list arguments;

	if (!format)
		return TOOL_EXIT_USAGE;
	va_start(arguments, format);
	remember(format, arguments);
	va_end(arguments);
	return TOOL_EXIT_USAGE;
}

void tool_notice(const char *format, ...)
{
	(void)format;
}

int tool_help(const char *text)
{
	snprintf(fake_verb_message, sizeof(fake_verb_message), "%s", text);
	return EXIT_SUCCESS;
}
