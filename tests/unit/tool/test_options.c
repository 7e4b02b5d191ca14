// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_verb.h"
#include "tool/message.h"
#include "tool/options.h"

enum { SIZE = TOOL_OPTION_FIRST, QUIET };

static const struct option table[] = {
	TOOL_OPTION_HELP,
	{"interface", required_argument, NULL, 'i'},
	{"verbose", no_argument, NULL, 'v'},
	{"size", required_argument, NULL, SIZE},
	{"quiet", no_argument, NULL, QUIET},
	{NULL, 0, NULL, 0},
};

/* What take() was given, one after the other. */
static char taken[256];

static int take(void *context, int option, const char *text, struct stoq_error *error)
{
	size_t used = strlen(taken);

	assert_ptr_equal(context, taken);
	if (text && strcmp(text, "bad") == 0)
		return stoq_error_set(error, -1, "--size: 'bad' is no size");
	snprintf(taken + used, sizeof(taken) - used, "%d=%s ", option, text ? text : "");
	return 0;
}

static const struct tool_options options = {table, "the help", take};

/* Parses a line of words; *rest: the first argument that is no option, or NULL. */
static int parse(const char *line, bool only, int *status, const char **rest)
{
	static char copy[256];
	static char *argv[32];
	char *save = NULL;
	int argc = 0, result;

	taken[0] = '\0';
	fake_verb_reset();
	snprintf(copy, sizeof(copy), "%s", line);
	memset(argv, 0, sizeof(argv));
	argv[argc++] = (char *)"stoq verb";
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	result = (only ? tool_options_only : tool_options_parse)(
		&options, taken, argc, argv, status);
	*rest = argv[optind];
	return result;
}

static void test_every_option_is_taken(void **state)
{
	const char *rest;
	int status = -1;

	assert_int_equal(parse("-i lo --interface=eth0 -v --verbose --size 5 --quiet one two",
				 false, &status, &rest),
		0);
	assert_string_equal(taken, "105=lo 105=eth0 118= 118= 256=5 257= ");
	assert_string_equal(rest, "one");
}

static void test_values_of_long_options_are_no_letters(void **state)
{
	const char *rest;
	int status = -1;

	/* Only what the table gives a letter has one. */
	assert_int_equal(parse("-q", false, &status, &rest), -1);
	assert_int_equal(status, TOOL_EXIT_USAGE);
	assert_string_equal(taken, "");
}

static void test_help_ends_it(void **state)
{
	static const char *const lines[] = {"-h", "--help", "-v --help --size bad", "-hv"};
	const char *rest;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		int status = -1;

		assert_int_equal(parse(lines[i], true, &status, &rest), -1);
		assert_int_equal(status, EXIT_SUCCESS);
		assert_string_equal(fake_verb_message, "the help");
	}
}

static void test_mistakes_are_explained(void **state)
{
	static const char *const cases[][2] = {
		{"--size bad", "--size: 'bad' is no size"},
		{"one", "'one' is not expected here"},
		{"-v one --quiet", "'one' is not expected here"},
		{"--nonsense", ""}, /* getopt_long() says it */
		{"--size", ""},
		{"--quiet=yes", ""},
	};
	const char *rest;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = -1;

		assert_int_equal(parse(cases[i][0], true, &status, &rest), -1);
		assert_int_equal(status, TOOL_EXIT_USAGE);
		assert_string_equal(fake_verb_message, cases[i][1]);
	}
}

static void test_nothing_is_fine(void **state)
{
	const char *rest;
	int status = -1;

	assert_int_equal(parse("", true, &status, &rest), 0);
	assert_null(rest);
	assert_string_equal(taken, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_option_is_taken),
		cmocka_unit_test(test_values_of_long_options_are_no_letters),
		cmocka_unit_test(test_help_ends_it),
		cmocka_unit_test(test_mistakes_are_explained),
		cmocka_unit_test(test_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
