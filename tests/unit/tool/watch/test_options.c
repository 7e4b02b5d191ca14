// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../fake_verb.h"
#include "tool/message.h"
#include "tool/watch/options.h"

/* Splits a line at blanks, as a shell would. 0, or the exit status; -1 for a good end. */
static int parse(struct watch_options *options, const char *line)
{
	static char copy[16384];
	char *argv[600] = {(char *)"stoq watch"}, *save = NULL;
	int argc = 1, status;

	fake_verb_reset();
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	if (!watch_options_parse(options, "the help", argc, argv, &status))
		return 0;
	return status ? status : -1;
}

static void test_defaults(void **state)
{
	struct watch_options options;

	assert_int_equal(parse(&options, ""), 0);
	assert_int_equal(options.interval_ns, 1000000000);
	assert_int_equal(options.duration_ns, 0);
	assert_int_equal(options.config.interface_count, 0);
	assert_int_equal(options.config.axis, STOQ_BY_OPCODE);
	assert_true(options.config.slow_ns == UINT64_MAX);
	assert_false(options.json);
	assert_false(watch_options_want_events(&options));
}

static void test_everything(void **state)
{
	struct watch_options options;

	assert_int_equal(parse(&options, "-i lo --interface eth0 -i lo --json --duration 1.5s "
					 "--interval 250ms --by queue --slow 80us --errors --pdus "
					 "--histogram --clsact --max-flows 1 --max-commands 4096 "
					 "--max-series 262144 --max-early 8 --stages"),
		0);
	assert_int_equal(options.config.interface_count, 2);
	assert_string_equal(options.config.interfaces[0], "lo");
	assert_string_equal(options.config.interfaces[1], "eth0");
	assert_int_equal(options.duration_ns, 1500000000);
	assert_int_equal(options.interval_ns, 250000000);
	assert_int_equal(options.config.axis, STOQ_BY_QUEUE);
	assert_int_equal(options.config.slow_ns, 80000);
	assert_true(options.config.stages);
	assert_true(options.json && options.histogram);
	assert_true(options.config.report_errors && options.config.report_pdus);
	assert_true(options.config.force_clsact);
	assert_int_equal(options.config.max_flows, 1);
	assert_int_equal(options.config.max_commands, 4096);
	assert_int_equal(options.config.max_series, 262144);
	assert_int_equal(options.config.max_early, 8);
	assert_true(watch_options_want_events(&options));
}

static void test_slow_0_is_every_command(void **state)
{
	struct watch_options options;

	assert_int_equal(parse(&options, "--slow 0"), 0);
	assert_int_equal(options.config.slow_ns, 0);
	assert_true(watch_options_want_events(&options));
}

/* A file has no interfaces and no socket that could be asked. */
static void test_a_file_instead_of_interfaces(void **state)
{
	struct watch_options options;

	assert_int_equal(parse(&options, "-r - --interval 10ms"), 0);
	assert_string_equal(options.read, "-");
	assert_true(options.interval_given);
	assert_int_equal(parse(&options, "--read x.pcap --by host --json"), 0);
	assert_string_equal(options.read, "x.pcap");
	assert_false(options.interval_given);
	assert_int_equal(parse(&options, "-r x -i lo"), TOOL_EXIT_USAGE);
	assert_int_equal(parse(&options, "-r x --clsact"), TOOL_EXIT_USAGE);
	assert_int_equal(parse(&options, "-r x --metrics"), TOOL_EXIT_USAGE);
	assert_int_equal(parse(&options, "-r x --spdk-socket y"), TOOL_EXIT_USAGE);
}

static void test_mistakes_are_explained(void **state)
{
	static const char *const cases[][2] = {
		{"--duration 5", "--duration: '5' is not a time"},
		{"--duration 0", "too short"},
		{"--duration 99999h", "too long"},
		{"--interval 1ms", "too short"},
		{"--interval -1s", "not a time"},
		{"--slow 10mss", "not a time"},
		{"--by Host", "not an axis"},
		{"--by host,host", "not an axis"},
		{"--sort latency", "not an order"},
		{"--sort retransmissions", "--stages"},
		{"--top 0", "not a number"},
		{"--port 4420:", "not a TCP port"},
		{"--max-flows 0", "not a number from 1"},
		{"--max-flows 1048577", "not a number from 1 to 1048576"},
		{"--max-series 12x", "not a number"},
		{"--max-early 4097", "not a number from 1 to 4096"},
		{"eth0", "given with -i"},
	};
	struct watch_options options;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(&options, cases[i][0]), TOOL_EXIT_USAGE);
		assert_non_null(strstr(fake_verb_message, cases[i][1]));
	}
}

static void test_too_many_interfaces(void **state)
{
	struct watch_options options;
	char line[8192] = "";
	size_t used = 0;

	for (int i = 0; i <= WATCH_INTERFACES_MAX; i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "-i veth%d ", i);
	assert_int_equal(parse(&options, line), TOOL_EXIT_USAGE);
	assert_int_equal(options.config.interface_count, WATCH_INTERFACES_MAX);
}

static void test_help_comes_before_mistakes_behind_it(void **state)
{
	struct watch_options options;

	assert_int_equal(parse(&options, "--help --by nonsense"), -1);
	assert_string_equal(fake_verb_message, "the help");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_slow_0_is_every_command),
		cmocka_unit_test(test_a_file_instead_of_interfaces),
		cmocka_unit_test(test_mistakes_are_explained),
		cmocka_unit_test(test_too_many_interfaces),
		cmocka_unit_test(test_help_comes_before_mistakes_behind_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
